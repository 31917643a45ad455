// Complaints: which lines tell of causes that come a thousand times. Time is handed in, and what
// would be logged is caught.
#include "daemon/loop/complaint.h"
#include "helpers.h"

enum { S = 1000, LONG_AGO = 1000 * S };

static struct complaints *complaints;
static struct log no_log;
static char lines[16384];

void log_write(const struct log *log, enum log_level level, enum log_event event,
               const struct log_values *values) {
    struct bytes line = {0};
    (void)log;
    (void)level;
    log_event_append(&line, event, values);
    bytes_append_literal(&line, "\n");
    ck_assert_uint_lt(strlen(lines) + line.len, sizeof(lines));
    strncat(lines, line.data, line.len);
    bytes_deinit(&line);
}

static void begin(void) { complaints = complaints_new(); }
static void end(void) { complaints_free(complaints); }

static void complain(uint64_t now_ms, const char *cause) {
    complaints_add(complaints, &no_log, now_ms, LOG_BACKEND_FAULT,
                   &LOG_VALUES(log_text(FIELD_BACKEND, "main"), log_text(FIELD_CAUSE, cause),
                               log_text(FIELD_REASON, "detail")));
}

static bool end_fault(uint64_t now_ms, const char *backend, const char *cause) {
    return complaints_end(
        complaints, &no_log, now_ms, LOG_BACKEND_FAULT,
        &LOG_VALUES(log_text(FIELD_BACKEND, backend), log_text(FIELD_CAUSE, cause)));
}

static void sweep(uint64_t now_ms) { complaints_sweep(complaints, &no_log, now_ms); }

static void check_lines(const char *expected) {
    ck_assert_str_eq(lines, expected);
    *lines = '\0';
}

// A hundred a second, and sweeps as the server does them.
static void complain_for(uint64_t from_ms, uint64_t for_ms, const char *cause) {
    for (uint64_t at = from_ms; at < from_ms + for_ms; at += 10) {
        complain(at, cause);
        sweep(at);
    }
}

START_TEST(the_first_is_told_at_once_and_the_rest_by_count_ever_later) {
    complain_for(LONG_AGO, 9990, "out of memory");
    check_lines("backend main: out of memory: detail\n");
    complain_for(LONG_AGO + 9990, 15 * S, "out of memory");
    check_lines("backend main: out of memory: detail (1000 times in 10 s)\n");
    complain_for(LONG_AGO + 24990, 10 * S, "out of memory");
    check_lines("backend main: out of memory: detail (2000 times in 20 s)\n");
}
END_TEST

START_TEST(quiet_is_the_end_and_is_told_with_the_whole_count) {
    complain_for(LONG_AGO, 5 * S, "out of memory");
    check_lines("backend main: out of memory: detail\n");
    sweep(LONG_AGO + 11 * S);
    check_lines("backend main: out of memory: detail (499 times in 11 s)\n");
    sweep(LONG_AGO + 16 * S);
    check_lines("backend main: over: out of memory (500 times in 16 s)\n");
    sweep(LONG_AGO + 30 * S);
    check_lines("");
}
END_TEST

START_TEST(an_end_is_told_once_and_only_of_what_began) {
    end_fault(LONG_AGO, "main", "down");
    check_lines("");
    complain(LONG_AGO, "down");
    complain(LONG_AGO, "lost");
    check_lines("backend main: down: detail\nbackend main: lost: detail\n");
    end_fault(LONG_AGO + S, "main", "down");
    end_fault(LONG_AGO + S, "main", "down");
    check_lines("backend main: over: down (once)\n");
    end_fault(LONG_AGO + S, "other", "lost");
    check_lines("");
    end_fault(LONG_AGO + S, "main", "lost");
    check_lines("backend main: over: lost (once)\n");
}
END_TEST

START_TEST(a_cause_that_comes_and_goes_is_counted) {
    for (uint64_t at = LONG_AGO; at < LONG_AGO + 60 * S; at += 100) {
        complain(at, "lost");
        end_fault(at + 50, "main", "lost");
        sweep(at + 50);
    }
    check_lines("backend main: lost: detail\nbackend main: over: lost (once)\n"
                "backend main: lost: detail (100 times in 10 s)\n"
                "backend main: over: lost (once)\n"
                "backend main: lost: detail (200 times in 20 s)\n"
                "backend main: over: lost (once)\n");
}
END_TEST

START_TEST(other_subjects_and_causes_have_lines_of_their_own) {
    complain(LONG_AGO, "out of memory");
    complain(LONG_AGO, "busy");
    complaints_add(complaints, &no_log, LONG_AGO, LOG_BACKEND_FAULT,
                   &LOG_VALUES(log_text(FIELD_BACKEND, "other"), log_text(FIELD_CAUSE, "busy")));
    check_lines("backend main: out of memory: detail\nbackend main: busy: detail\n"
                "backend other: busy\n");
}
END_TEST

START_TEST(only_what_identifies_a_complaint_tells_it_from_others) {
    char long_name[1000] = {0};
    memset(long_name, 'x', sizeof(long_name) - 1);
    for (int i = 0; i < 2; i++) {
        complaints_add(complaints, &no_log, LONG_AGO, LOG_BACKEND_LOST,
                       &LOG_VALUES(log_text(FIELD_BACKEND, "main"), log_text(FIELD_NODE, "a:1"),
                                   log_text(FIELD_REASON, i ? "one" : "another")));
        complaints_add(complaints, &no_log, LONG_AGO, LOG_BACKEND_LOST,
                       &LOG_VALUES(log_text(FIELD_BACKEND, "main")));
        complaints_add(complaints, &no_log, LONG_AGO, LOG_NEAR_OFF,
                       &LOG_VALUES(log_text(FIELD_BACKEND, "main")));
    }
    check_lines("backend main, node a:1: lost: another\nbackend main: lost\n"
                "backend main: near cache off\n");
    complain(LONG_AGO, long_name);
    *lines = '\0';
    complain(LONG_AGO, long_name);
    check_lines("");
    sweep(LONG_AGO + 10 * S);
    ck_assert_uint_lt(strlen(lines), 800);
    ck_assert_ptr_nonnull(strstr(lines, "backend main, node a:1: over: lost (2 times in 10 s)"));
    *lines = '\0';
}
END_TEST

START_TEST(a_thousand_causes_do_not_fill_the_log) {
    for (int i = 0; i < 1000; i++) {
        char cause[32];
        snprintf(cause, sizeof(cause), "cause %d", i);
        complain(LONG_AGO, cause);
        complain(LONG_AGO + 1, cause);
    }
    unsigned count = 0;
    for (const char *at = lines; (at = strchr(at, '\n')); at++)
        count++;
    ck_assert_uint_eq(count, 65);
    ck_assert_ptr_nonnull(strstr(lines, "more causes at once"));
    *lines = '\0';
    sweep(LONG_AGO + 10 * S + 1);
    ck_assert_ptr_nonnull(strstr(
        lines, "over: more causes at once than are told apart; the latest (1872 times in 11 s)"));
    *lines = '\0';
    sweep(LONG_AGO + 100 * S); // they are forgotten: there is room again
    *lines = '\0';
    complain(LONG_AGO + 101 * S, "cause 1001");
    check_lines("backend main: cause 1001: detail\n");
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND(
        "complaint", begin, end, the_first_is_told_at_once_and_the_rest_by_count_ever_later,
        quiet_is_the_end_and_is_told_with_the_whole_count,
        an_end_is_told_once_and_only_of_what_began, a_cause_that_comes_and_goes_is_counted,
        other_subjects_and_causes_have_lines_of_their_own,
        only_what_identifies_a_complaint_tells_it_from_others,
        a_thousand_causes_do_not_fill_the_log);
}
