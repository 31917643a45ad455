// Watch: two readings of the daemon's counters as a table.
#include "client/reading.h"
#include "client/watch_table.h"
#include "helpers.h"

#define METRICS(low, mid, all)                                                                     \
    "# TYPE cachesd_backend_duration_seconds histogram\n"                                          \
    "cachesd_backend_duration_seconds_bucket{namespace=\"carts\",backend=\"main\",kind=\"read\","  \
    "le=\"0.000064\"} " low "\n"                                                                   \
    "cachesd_backend_duration_seconds_bucket{namespace=\"carts\",backend=\"main\",kind=\"read\","  \
    "le=\"0.001024\"} " mid "\n"                                                                   \
    "cachesd_backend_duration_seconds_bucket{namespace=\"carts\",backend=\"main\",kind=\"read\","  \
    "le=\"+Inf\"} " all "\n"                                                                       \
    "cachesd_backend_duration_seconds_bucket{namespace=\"carts\",backend=\"main\",kind=\"write\"," \
    "le=\"0.000064\"} 0\n"                                                                         \
    "cachesd_backend_duration_seconds_bucket{namespace=\"gone\",backend=\"main\",kind=\"read\","   \
    "le=\"0.000064\"} 7\n"                                                                         \
    "cachesd_backend_duration_seconds_sum{namespace=\"carts\"} 1.5\n"

static struct reading before, now;

static void begin(void) {
    before.taken_ms = 1000;
    reading_take_stats(&before,
                       SLICE("# daemon\nversion:0.1.0\npid:7\nuptime_seconds:90061\nworkers:2\n"
                             "# clients\nconnected:3\n# requests\nrequests:1000\n"
                             "errors_POLICY:1\nerrors_LOST:1\n# near\nnear_entries:0\n"
                             "# namespace carts\nrequests:100\nhits:10\nmisses:0\nwrites:0\n"
                             "# namespace old\nrequests:5\nhits:0\nmisses:0\n"));
    reading_take_backends(&before,
                          SLICE("name=main url=x state=up reason=none answers=10 answer_ms=10 "
                                "pending=0 timeouts=0\n"));
    reading_take_metrics(&before, SLICE(METRICS("0", "10", "10")));
    now.taken_ms = 3000;
    reading_take_stats(&now, SLICE("# daemon\nversion:0.1.0\nuptime_seconds:90063\nworkers:2\n"
                                   "# clients\nconnected:4\n# requests\nrequests:4000\n"
                                   "errors_POLICY:3\nerrors_LOST:1\n# near\nnear_entries:1500\n"
                                   "near_bytes:2500000\n"
                                   "# namespace carts\nrequests:2100\nhits:85\nmisses:25\n"
                                   "near_hits:50\nwrites:7\nbytes_in:2048\nbytes_out:10\n"
                                   "errors_POLICY:2\nerrors_LOST:0\n"
                                   "# namespace new\nrequests:9\nhits:9\nmisses:0\n"
                                   "# namespace old\nrequests:5\nhits:0\nmisses:0\n"));
    reading_take_backends(&now,
                          SLICE("name=main url=x state=down reason=\"can't connect\" answers=30 "
                                "answer_ms=50 pending=2 timeouts=1\nnode=a:1 of=main state=up\n"));
    reading_take_metrics(&now, SLICE(METRICS("0", "108", "110")));
}

static void end(void) {
    reading_deinit(&before);
    reading_deinit(&now);
}

START_TEST(readings_hold_what_the_daemon_tells) {
    ck_assert_uint_eq(now.namespace_count, 3);
    ck_assert_uint_eq(now.backend_count, 1);
    ck_assert_uint_eq(now.requests, 4000);
    ck_assert_uint_eq(now.errors, 4);
    const struct reading_namespace *carts = reading_namespace(&now, SLICE("carts"));
    ck_assert_uint_eq(carts->counters[READING_REQUESTS], 2100);
    ck_assert_uint_eq(carts->counters[READING_ERRORS], 2);
    ck_assert_uint_eq(carts->line_count, 9);
    ck_assert_uint_eq(carts->times.count, 3);
    ck_assert_ptr_null(reading_namespace(&now, SLICE("gone")));
    check_same("reason", bytes_slice(&now.backends[0].reason), SLICE("can't connect"));
}
END_TEST

START_TEST(quantiles_are_those_of_the_time_between) {
    const struct reading_times *old = &before.namespaces[0].times, *new = &now.namespaces[0].times;
    static const struct reading_times none;
    ck_assert_double_eq_tol(reading_quantile(old, new, 0.5), 0.001024, 1e-9);
    ck_assert(reading_quantile(old, new, 0.99) > 1e9); // 2 of 100 took longer than any bound
    ck_assert(reading_quantile(new, new, 0.5) < 0);    // nothing between
    ck_assert(reading_quantile(&none, &none, 0.5) < 0);
    ck_assert_double_eq_tol(reading_quantile(new, old, 0.5), 0.001024,
                            1e-9); // the daemon began anew
}
END_TEST

START_TEST(the_table_has_rates) {
    struct watch_lines lines = {0};
    watch_append_namespaces(&lines, &before, &now, (struct watch_order){.column = WATCH_REQUESTS});
    check_same(
        "namespaces", bytes_slice(&lines.text),
        SLICE("namespace    *req/s     hit%    near%  write/s  error/s      p50      p99   in "
              "B/s  out B/s\n"
              "carts          1.0k     75.0     50.0      3.5      1.0    1.0ms   longer     "
              "1.0k      5.0\n"
              "new               0        -        -        0        0        -        -        "
              "0        0\n"
              "old               0        -        -        0        0        -        -        "
              "0        0\n"));
    ck_assert_uint_eq(lines.count, 4);
    ck_assert_int_eq(lines.styles[0], WATCH_STYLE_HEAD);
    ck_assert_int_eq(lines.styles[1], WATCH_STYLE_ALARM);
    ck_assert_int_eq(lines.styles[2], WATCH_STYLE_PLAIN);
    watch_lines_deinit(&lines);
}
END_TEST

static void check_order(struct watch_order order, const char *wanted) {
    struct watch_lines lines = {0};
    struct bytes names = {0};
    watch_append_namespaces(&lines, &before, &now, order);
    const char *at = strchr(lines.text.data, '\n') + 1;
    for (size_t i = 1; i < lines.count; i++, at = strchr(at, '\n') + 1)
        bytes_printf(&names, "%.*s ", (int)strcspn(at, " "), at);
    check_text(wanted, &names, wanted);
    watch_lines_deinit(&lines);
}

START_TEST(keys_sort_and_sort_the_other_way) {
    check_order((struct watch_order){watch_column_of_key('n'), false}, "carts new old ");
    check_order((struct watch_order){watch_column_of_key('n'), true}, "old new carts ");
    check_order((struct watch_order){watch_column_of_key('r'), false}, "carts new old ");
    check_order((struct watch_order){watch_column_of_key('r'), true}, "new old carts ");
    check_order((struct watch_order){watch_column_of_key('h'), false}, "carts new old ");
    ck_assert_int_eq(watch_column_of_key('x'), WATCH_COLUMNS);
    ck_assert_int_eq(watch_column_of_key('\0'), WATCH_COLUMNS);
}
END_TEST

START_TEST(the_daemon_and_its_backends_stand_above) {
    struct watch_lines lines = {0};
    watch_append_daemon(&lines, &before, &now);
    check_same(
        "daemon", bytes_slice(&lines.text),
        SLICE("cachesd 0.1.0  up 1d1h  workers 2  clients 4  req/s 1.5k  error/s 1.0  near 1.5k "
              "in 2.5MB\n\n"
              "backend    state      answer/s  pending     mean   late/s\n"
              "main       down             10        2    2.0ms      0.5  can't connect\n\n"));
    ck_assert_int_eq(lines.styles[3], WATCH_STYLE_ALARM);
    watch_lines_deinit(&lines);
}
END_TEST

START_TEST(one_namespace_shows_each_counter) {
    struct watch_lines lines = {0};
    struct reading old = {.taken_ms = 0}, new = {.taken_ms = 1000};
    reading_take_stats(&old, SLICE("# namespace carts\nrequests:1\nhits:1\n"));
    reading_take_stats(&new, SLICE("# namespace carts\nrequests:13\nhits:0\n"));
    watch_append_counters(&lines, &old, &new);
    check_same("counters", bytes_slice(&lines.text),
               SLICE("counter                       in all      a second\n"
                     "requests                          13            12\n"
                     "hits                               0             0\n"));
    watch_append_daemon(&lines, &old, &new); // nothing was told of it
    ck_assert_uint_eq(lines.count, 3);
    watch_lines_deinit(&lines);
    reading_deinit(&old);
    reading_deinit(&new);
}
END_TEST

START_TEST(what_a_reading_does_not_understand_is_passed_over) {
    struct reading r = {0};
    reading_take_stats(&r, SLICE("no field\nrequests:many\nuptime_seconds:7\n"
                                 "# namespace carts\nhits:3\nnot a counter\n"));
    ck_assert_uint_eq(r.requests, 0);
    ck_assert_uint_eq(r.uptime_s, 7);
    ck_assert_uint_eq(r.namespaces[0].line_count, 1);
    reading_take_backends(&r,
                          SLICE("name=main state=up answers=x\nnonsense\nname=other state=up\n"));
    ck_assert_uint_eq(r.backend_count, 2);
    ck_assert_uint_eq(r.backends[0].answers, 0);
    ck_assert_ptr_eq(reading_backend(&r, SLICE("other")), &r.backends[1]);
    ck_assert_ptr_null(reading_backend(&r, SLICE("gone")));
    reading_take_metrics(
        &r, SLICE("cachesd_backend_duration_seconds_bucket{namespace=\"carts\",le=\"1\"\n"
                  "cachesd_backend_duration_seconds_bucket{namespace=\"carts\",kind=\"read\"} 5\n"
                  "cachesd_backend_duration_seconds_bucket{namespace=\"carts\",le=\"1} 5\n"
                  "cachesd_backend_duration_seconds_bucket{le=\"1\",kind=\"read\"} 5\n"));
    ck_assert_uint_eq(r.namespaces[0].times.count, 0);
    reading_deinit(&r);
}
END_TEST

START_TEST(more_bounds_than_there_is_room_for_are_left_out) {
    struct reading r = {0};
    struct bytes text = {0};
    reading_take_stats(&r, SLICE("# namespace carts\nhits:3\n"));
    for (int i = 1; i <= READING_BUCKETS + 2; i++)
        bytes_printf(&text,
                     "cachesd_backend_duration_seconds_bucket{namespace=\"carts\",le=\"%d\"} %d\n",
                     i, i);
    reading_take_metrics(&r, bytes_slice(&text));
    ck_assert_uint_eq(r.namespaces[0].times.count, READING_BUCKETS);
    ck_assert_uint_eq(r.namespaces[0].times.counts[READING_BUCKETS - 1], READING_BUCKETS);
    bytes_deinit(&text);
    reading_deinit(&r);
}
END_TEST

// The namespaces' line, where the daemon answered so many requests, each below the bound.
static void check_times(const char *bound, const char *wanted) {
    struct reading old = {.taken_ms = 5}, new = {.taken_ms = 5}; // no time between: a second
    struct watch_lines lines = {0};
    struct bytes text = {0};
    reading_take_stats(&old, SLICE("# namespace a_name_of_more_than_thirty_two_letters\nhits:9\n"));
    reading_take_stats(&new, SLICE("# namespace a_name_of_more_than_thirty_two_letters\nhits:4\n"));
    bytes_printf(&text,
                 "cachesd_backend_duration_seconds_bucket{"
                 "namespace=\"a_name_of_more_than_thirty_two_letters\",le=\"%s\"} 8\n",
                 bound);
    reading_take_metrics(&new, bytes_slice(&text));
    watch_append_namespaces(&lines, &old, &new, (struct watch_order){.column = WATCH_NAME});
    bytes_append(&lines.text, "", 1);
    ck_assert_msg(strstr(lines.text.data, wanted), "%s: %s", bound, lines.text.data);
    bytes_deinit(&text);
    watch_lines_deinit(&lines);
    reading_deinit(&old);
    reading_deinit(&new);
}

START_TEST(times_have_the_unit_that_is_read_at_a_glance) {
    check_times("0.000064", "64us");
    check_times("0.0041", "4.1ms");
    check_times("0.262", "262ms");
    check_times("4.2", "4.2s");
    check_times("+Inf", "longer");
}
END_TEST

static void check_daemon(uint64_t uptime_s, uint64_t requests, const char *wanted) {
    struct reading old = {.has_daemon = true, .version = SLICE("1.2.3")}, new = old;
    struct watch_lines lines = {0};
    new.taken_ms = 1000;
    new.uptime_s = uptime_s;
    new.requests = requests;
    reading_take_backends(&new, SLICE("name=new state=up reason=none answers=10 answer_ms=10\n"));
    watch_append_daemon(&lines, &old, &new);
    bytes_append(&lines.text, "", 1);
    ck_assert_msg(strstr(lines.text.data, wanted), "%s: %s", wanted, lines.text.data);
    // A backend that has just come into the configuration has done nothing yet.
    ck_assert_msg(strstr(lines.text.data, "new        up                0        0        -"), "%s",
                  lines.text.data);
    watch_lines_deinit(&lines);
    reading_deinit(&new);
}

START_TEST(long_and_large_figures_stay_short) {
    check_daemon(59, 0, "up 0m59s ");
    check_daemon(3 * 3600 + 120, 0, "up 3h2m ");
    check_daemon(1, UINT64_MAX, "req/s 18446.7P ");
}
END_TEST

START_TEST(a_counter_that_is_new_has_no_rate) {
    struct watch_lines lines = {0};
    struct reading old = {.taken_ms = 0}, new = {.taken_ms = 1000};
    reading_take_stats(&old, SLICE("# namespace carts\nrequests:1\n"));
    reading_take_stats(&new, SLICE("# namespace carts\nrequests:3\nhits:5\n"));
    watch_append_counters(&lines, &old, &new);
    check_same("counters", bytes_slice(&lines.text),
               SLICE("counter                       in all      a second\n"
                     "requests                           3           2.0\n"
                     "hits                               5             0\n"));
    lines.text.len = 0;
    reading_deinit(&old); // the namespace was not there
    watch_append_counters(&lines, &old, &new);
    check_same("counters", bytes_slice(&lines.text),
               SLICE("counter                       in all      a second\n"
                     "requests                           3             0\n"
                     "hits                               5             0\n"));
    watch_lines_deinit(&lines);
    reading_deinit(&new);
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND(
        "watch", begin, end, readings_hold_what_the_daemon_tells,
        quantiles_are_those_of_the_time_between, the_table_has_rates,
        keys_sort_and_sort_the_other_way, the_daemon_and_its_backends_stand_above,
        one_namespace_shows_each_counter, what_a_reading_does_not_understand_is_passed_over,
        more_bounds_than_there_is_room_for_are_left_out,
        times_have_the_unit_that_is_read_at_a_glance, long_and_large_figures_stay_short,
        a_counter_that_is_new_has_no_rate);
}
