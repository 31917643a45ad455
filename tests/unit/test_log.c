// The log: its table of events, the forms in which an event is written, and that nobody's words can
// pass for another line, field or value in any of them.
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/loop/escape.h"
#include "daemon/loop/journal.h"
#include "daemon/loop/log_event.h"
#include "daemon/loop/log_form.h"
#include "helpers.h"

// --- the table --------------------------------------------------------------------------------

// Fails unless each {name} in the template is a field's, and brackets come in pairs.
static void check_template(const char *text, const char *event) {
    bool is_open = false;
    for (const char *at = text ? text : ""; *at; at++) {
        ck_assert_msg(*at != '[' || !is_open, "%s: a bracket within a bracket", event);
        ck_assert_msg(*at != ']' || is_open, "%s: a bracket is closed that is not open", event);
        ck_assert_msg(*at != '[' || at[strcspn(at, "{]")] == '{',
                      "%s: nothing but words in brackets", event);
        is_open = *at == '[' || (is_open && *at != ']');
        if (*at != '{')
            continue;
        struct slice name = {at + 1, strcspn(at + 1, "}")};
        bool is_known = false;
        for (size_t i = 0; i < LOG_FIELDS; i++)
            is_known = is_known || slice_equal(name, slice_of(log_field_names[i]));
        ck_assert_msg(is_known, "%s: no such field: %.*s", event, (int)name.len, name.data);
    }
    ck_assert_msg(!is_open, "%s: an open bracket", event);
}

START_TEST(each_event_has_a_name_of_its_own_and_good_templates) {
    for (size_t i = 0; i < LOG_EVENTS; i++) {
        const struct log_event_row *row = &log_events[i];
        ck_assert_msg(row->name, "event %zu has no row", i);
        ck_assert_uint_eq(strspn(row->name, "abcdefghijklmnopqrstuvwxyz_"), strlen(row->name));
        ck_assert_ptr_nonnull(row->text);
        check_template(row->subject, row->name);
        check_template(row->text, row->name);
        check_template(row->detail, row->name);
        for (size_t j = 0; j < i; j++)
            ck_assert_str_ne(row->name, log_events[j].name);
    }
}
END_TEST

START_TEST(six_events_are_known_to_the_journal_by_a_number_of_their_own) {
    size_t count = 0;
    for (size_t i = 0; i < LOG_EVENTS; i++) {
        const char *id = log_events[i].message_id;
        count += id != NULL;
        ck_assert_msg(!id || (strlen(id) == 32 && strspn(id, "0123456789abcdef") == 32), "%s",
                      log_events[i].name);
        for (size_t j = 0; id && j < i; j++)
            ck_assert(!log_events[j].message_id || strcmp(id, log_events[j].message_id) != 0);
    }
    ck_assert_uint_eq(count, 6);
}
END_TEST

// --- text -------------------------------------------------------------------------------------

static struct bytes out;

static void check_event(const char *wanted, enum log_event event, struct log_values values) {
    log_event_append(&out, event, &values);
    check_text(wanted, &out, wanted);
}

START_TEST(what_has_no_value_is_left_out) {
    struct log_value backend = log_text(FIELD_BACKEND, "main");
    check_event("backend main: lost", LOG_BACKEND_LOST, LOG_VALUES(backend));
    check_event("backend main, node a:1: lost: why", LOG_BACKEND_LOST,
                LOG_VALUES(log_text(FIELD_REASON, "why"), backend, log_text(FIELD_NODE, "a:1")));
    check_event("backend main: up (redis://b)", LOG_BACKEND_UP,
                LOG_VALUES(backend, log_text(FIELD_URL, "redis://b"), log_text(FIELD_ADDRESS, NULL),
                           log_text(FIELD_REASON, "unused")));
    check_event(
        "backend main: up (redis://b, at 1.2.3.4)", LOG_BACKEND_UP,
        LOG_VALUES(backend, log_text(FIELD_URL, "redis://b"), log_text(FIELD_ADDRESS, "1.2.3.4")));
    check_event("ready", LOG_READY, LOG_VALUES());
}
END_TEST

START_TEST(a_count_and_an_end_are_said) {
    struct log_value backend = log_text(FIELD_BACKEND, "main");
    struct log_value reason = log_text(FIELD_REASON, "why");
    check_event(
        "backend main: lost: why (3 times in 10 s)", LOG_BACKEND_LOST,
        LOG_VALUES(backend, reason, log_number(FIELD_COUNT, 3), log_number(FIELD_SECONDS, 10)));
    check_event(
        "backend main: over: lost (once)", LOG_BACKEND_LOST,
        LOG_VALUES(backend, reason, log_number(FIELD_COUNT, 1), log_text(FIELD_STATE, "over")));
}
END_TEST

START_TEST(a_template_in_a_value_is_not_read) {
    check_event(
        "backend {reason}]: lost: {backend}", LOG_BACKEND_LOST,
        LOG_VALUES(log_text(FIELD_BACKEND, "{reason}]"), log_text(FIELD_REASON, "{backend}")));
}
END_TEST

START_TEST(a_complaint_is_identified_by_its_subject_and_its_text) {
    uint64_t node = UINT64_C(1) << FIELD_BACKEND | UINT64_C(1) << FIELD_NODE;
    ck_assert_uint_eq(log_event_identity(LOG_BACKEND_LOST), node);
    ck_assert_uint_eq(log_event_identity(LOG_BACKEND_FAULT), node | UINT64_C(1) << FIELD_CAUSE);
    ck_assert_uint_eq(log_event_identity(LOG_READY), 0);
}
END_TEST

// --- forms ------------------------------------------------------------------------------------

static const char *const hostile = "a\nb\"c\\d\x1b[0m =\xff\xc2\x85\xe2\x80\xa8\xc3\xa9";

static struct log_line line_of(const struct log_values *values) {
    return (struct log_line){.event = LOG_BACKEND_DOWN,
                             .level = LOG_LEVEL_ERROR,
                             .text = SLICE("the text"),
                             .values = *values};
}

static void check_form(const char *wanted, enum log_format format, struct log_line line) {
    log_form_append(&out, format, &line);
    check_text(wanted, &out, wanted);
}

START_TEST(text_is_a_line_for_people) {
    struct log_line line = line_of(&LOG_VALUES());
    check_form("cachesd: error: the text\n", LOG_FORMAT_TEXT, line);
    line.worker = 2;
    line.time = SLICE("TIME");
    check_form("TIME cachesd: error: worker 2: the text\n", LOG_FORMAT_TEXT, line);
    line.has_priority = true;
    line.level = LOG_LEVEL_INFO;
    line.time = (struct slice){0};
    check_form("<6>worker 2: the text\n", LOG_FORMAT_TEXT, line);
    line.has_priority = false;
    line.worker = 0;
    check_form("cachesd: the text\n", LOG_FORMAT_TEXT, line);
}
END_TEST

START_TEST(logfmt_quotes_what_needs_it) {
    struct log_line line =
        line_of(&LOG_VALUES(log_text(FIELD_BACKEND, "archive"), log_text(FIELD_NODE, NULL),
                            log_text(FIELD_REASON, "connection refused"), log_text(FIELD_USER, ""),
                            log_number(FIELD_COUNT, 3)));
    check_form("level=error event=backend_down backend=archive reason=\"connection refused\" "
               "user=\"\" count=3 message=\"the text\"\n",
               LOG_FORMAT_LOGFMT, line);
    line = line_of(&LOG_VALUES(log_text(FIELD_REASON, "a=b"), log_text(FIELD_CAUSE, hostile)));
    line.time = SLICE("TIME");
    line.worker = 1;
    check_form("time=TIME level=error event=backend_down worker=1 reason=\"a=b\" "
               "cause=\"a\\u000ab\\\"c\\\\d\\u001b[0m =\\\\xff\\u0085\\u2028\xc3\xa9\" "
               "message=\"the text\"\n",
               LOG_FORMAT_LOGFMT, line);
}
END_TEST

START_TEST(json_is_an_object_a_line) {
    struct log_line line =
        line_of(&LOG_VALUES(log_text(FIELD_REASON, hostile), log_number(FIELD_COUNT, 3)));
    line.time = SLICE("TIME");
    line.has_priority = true;
    check_form("<3>{\"time\":\"TIME\",\"level\":\"error\",\"event\":\"backend_down\","
               "\"reason\":\"a\\u000ab\\\"c\\\\d\\u001b[0m =\\\\xff\\u0085\\u2028\xc3\xa9\","
               "\"count\":3,\"message\":\"the text\"}\n",
               LOG_FORMAT_JSON, line);
}
END_TEST

// Each byte, followed by some that end lines, texts or characters: what a form makes of them has
// one end of line, at its end, and is UTF-8 without control characters.
START_TEST(no_bytes_forge_a_line) {
    static const char followers[] = "\n\"\\ \x80\x85\xa8\xff";
    for (int first = 0; first < 256; first++)
        for (size_t second = 0; second < sizeof(followers); second++) {
            char bytes[] = {'x', (char)first, followers[second], 'y'};
            struct log_line line =
                line_of(&LOG_VALUES(log_slice(FIELD_REASON, (struct slice){bytes, 4})));
            for (int format = LOG_FORMAT_LOGFMT; format <= LOG_FORMAT_JSON; format++) {
                log_form_append(&out, (enum log_format)format, &line);
                for (size_t i = 0; i + 1 < out.len; i++)
                    ck_assert((unsigned char)out.data[i] >= ' ' && out.data[i] != 0x7f);
                ck_assert_int_eq(out.data[out.len - 1], '\n');
                struct bytes again = {0}; // what is no UTF-8 would be escaped now
                escape_plain(&again, (struct slice){out.data, out.len - 1});
                check_same("escaped", bytes_slice(&again), (struct slice){out.data, out.len - 1});
                bytes_deinit(&again);
                out.len = 0;
            }
        }
    bytes_deinit(&out);
}
END_TEST

// --- the journal ------------------------------------------------------------------------------

START_TEST(the_journal_gets_fields_that_no_value_can_forge) {
    struct log_line line =
        line_of(&LOG_VALUES(log_text(FIELD_BACKEND, "archive"),
                            log_text(FIELD_REASON, "x\nPRIORITY=0\n"), log_number(FIELD_COUNT, 3)));
    line.worker = 4;
    line.has_priority = true;
    log_form_append_journal(&out, LOG_FORMAT_TEXT, &line);
    check_text("journal", &out,
               "MESSAGE=worker 4: the text\nPRIORITY=3\nSYSLOG_IDENTIFIER=cachesd\n"
               "MESSAGE_ID=12fc5fb5e5a0480e94bc4b0cdd14a173\nCACHESD_EVENT=backend_down\n"
               "CACHESD_WORKER=4\nCACHESD_BACKEND=archive\n"
               "CACHESD_REASON=x\\x0aPRIORITY=0\\x0a\nCACHESD_COUNT=3\n");
}
END_TEST

// A journal: a socket that takes datagrams. Standard error becomes a socket that $JOURNAL_STREAM
// names. Returns the socket, or -1 when there is to be none.
static int set_journal(const char *path) {
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0), streams[2];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat found;
    char name[64];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, streams), 0);
    ck_assert_int_eq(dup2(streams[0], STDERR_FILENO), STDERR_FILENO);
    fstat(STDERR_FILENO, &found);
    snprintf(name, sizeof(name), "%llu:%llu", (unsigned long long)found.st_dev,
             (unsigned long long)found.st_ino);
    setenv("JOURNAL_STREAM", name, 1);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

START_TEST(an_entry_is_a_datagram_and_nobody_waits_for_the_journal) {
    char folder[] = "/tmp/test_log_XXXXXX", path[64], got[16];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/socket", folder);
    int fd = set_journal(path);
    ck_assert(journal_is_stderr());
    ck_assert(!journal_send(SLICE("MESSAGE=a\n"))); // before it is opened
    journal_init(path);
    ck_assert(journal_send(SLICE("MESSAGE=b\n")));
    ck_assert_int_eq(recv(fd, got, sizeof(got), 0), 10);
    ck_assert_int_eq(memcmp(got, "MESSAGE=b\n", 10), 0);
    int taken = 0;
    while (taken < 1000000 && journal_send(SLICE("MESSAGE=c\n"))) // it is full some time
        taken++;
    ck_assert_int_lt(taken, 1000000);
    close(fd);
    ck_assert(!journal_send(SLICE("MESSAGE=d\n")));
    unlink(path);
    rmdir(folder);
}
END_TEST

START_TEST(standard_error_that_is_no_journal_is_told_so) {
    unsetenv("JOURNAL_STREAM");
    ck_assert(!journal_is_stderr());
    setenv("JOURNAL_STREAM", "1:2", 1);
    ck_assert(!journal_is_stderr());
    journal_init("/tmp/no-journal");
    ck_assert(!journal_send(SLICE("MESSAGE=a\n")));
}
END_TEST

int main(void) {
    return RUN_TESTS(
        "log", each_event_has_a_name_of_its_own_and_good_templates,
        six_events_are_known_to_the_journal_by_a_number_of_their_own, what_has_no_value_is_left_out,
        a_count_and_an_end_are_said, a_template_in_a_value_is_not_read,
        a_complaint_is_identified_by_its_subject_and_its_text, text_is_a_line_for_people,
        logfmt_quotes_what_needs_it, json_is_an_object_a_line, no_bytes_forge_a_line,
        the_journal_gets_fields_that_no_value_can_forge,
        an_entry_is_a_datagram_and_nobody_waits_for_the_journal,
        standard_error_that_is_no_journal_is_told_so);
}
