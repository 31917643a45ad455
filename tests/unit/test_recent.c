// The last events that are kept: how many, in which order, and what becomes of long and odd texts.
#include <pthread.h>

#include "daemon/loop/log.h"
#include "daemon/loop/recent.h"
#include "helpers.h"

static struct recent_event found[RECENT_EVENTS + 1];

static void add(const char *text) { recent_add(LOG_LEVEL_INFO, "note", slice_of(text)); }

static void add_numbers(int count) {
    for (int i = 0; i < count; i++) {
        char text[16];
        snprintf(text, sizeof(text), "%d", i);
        add(text);
    }
}

START_TEST(the_newest_come_first) {
    ck_assert_uint_eq(recent_events(found, COUNT(found)), 0);
    add("a");
    recent_add(LOG_LEVEL_ERROR, "fault", SLICE("b"));
    ck_assert_uint_eq(recent_events(found, COUNT(found)), 2);
    ck_assert_str_eq(found[0].text, "b");
    ck_assert_str_eq(found[0].name, "fault");
    ck_assert_int_eq(found[0].level, LOG_LEVEL_ERROR);
    ck_assert_str_eq(found[1].text, "a");
    ck_assert_int_gt(found[1].time_ms, 1600000000000);
    ck_assert_int_ge(found[0].time_ms, found[1].time_ms);
}
END_TEST

START_TEST(a_fixed_number_is_kept) {
    add_numbers(3 * RECENT_EVENTS + 5);
    ck_assert_uint_eq(recent_events(found, COUNT(found)), RECENT_EVENTS);
    ck_assert_str_eq(found[0].text, "196");
    ck_assert_str_eq(found[RECENT_EVENTS - 1].text, "133");
    ck_assert_uint_eq(recent_events(found, 2), 2);
    ck_assert_str_eq(found[1].text, "195");
}
END_TEST

START_TEST(a_long_text_is_cut_between_two_characters) {
    char text[RECENT_TEXT + 2] = {0};
    memset(text, 'x', RECENT_TEXT - 1);
    add(text);
    memcpy(text + RECENT_TEXT - 3, "\xe2\x82\xac", 3); // the euro sign, which does not fit
    add(text);
    recent_add(LOG_LEVEL_INFO, "note", (struct slice){0});
    recent_events(found, 3);
    ck_assert_uint_eq(strlen(found[0].text), 0);
    ck_assert_uint_eq(strlen(found[1].text), RECENT_TEXT - 3);
    ck_assert_uint_eq(strlen(found[2].text), RECENT_TEXT - 1);
}
END_TEST

START_TEST(the_log_adds_its_lines_whatever_its_level_but_no_debug) {
    struct log log = {.level = LOG_LEVEL_ERROR};
    log_tell(&log, LOG_CLIENT_CONNECTED, log_text(FIELD_CLIENT, "a"));
    log_tell(&log, LOG_PURGE_BEGAN, log_text(FIELD_NAMESPACE, "carts"));
    ck_assert_uint_eq(recent_events(found, COUNT(found)), 1);
    ck_assert_str_eq(found[0].text, "purge carts: begins");
    ck_assert_str_eq(found[0].name, "purge_began");
    log.level = LOG_LEVEL_DEBUG;
    log_tell(&log, LOG_CLIENT_CONNECTED, log_text(FIELD_CLIENT, "a"));
    log_tell(&log, LOG_NEAR_OFF, log_text(FIELD_BACKEND, "main"),
             log_text(FIELD_REASON, "an \n end, and \xff"));
    ck_assert_uint_eq(recent_events(found, COUNT(found)), 2);
    ck_assert_str_eq(found[0].text, "backend main: near cache off: an \\x0a end, and \\xff");
}
END_TEST

static void *add_many(void *unused) {
    add_numbers(10000);
    return unused;
}

START_TEST(threads_may_add_and_read_at_once) {
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT(threads); i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, add_many, NULL), 0);
    for (int i = 0; i < 1000; i++)
        recent_events(found, COUNT(found));
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(recent_events(found, COUNT(found)), RECENT_EVENTS);
    ck_assert_str_eq(found[0].text, "9999");
}
END_TEST

int main(void) {
    return RUN_TESTS("recent", the_newest_come_first, a_fixed_number_is_kept,
                     a_long_text_is_cut_between_two_characters,
                     the_log_adds_its_lines_whatever_its_level_but_no_debug,
                     threads_may_add_and_read_at_once);
}
