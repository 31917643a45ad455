// History: rings that wrap, sections that come and go.
#include "daemon/http/history.h"

#include "configuration.h"
#include "daemon/admin/totals.h"
#include "daemon/policy/stats.h"
#include "protocol/mem.h"

static struct totals totals;
static struct worker_totals worker;

// Totals of these settings, as if every worker had been asked; counters go on from the last ones.
static void use(const char *ini) {
    struct namespace_stats stats = {0};
    if (totals.namespaces)
        stats = totals.namespaces[0];
    settings_unref(totals.settings);
    mem_free(totals.namespaces);
    mem_free(totals.backends);
    mem_free(totals.sees_namespace);
    mem_free(totals.sees_backend);
    totals.settings = load_good(ini, NULL);
    totals.namespaces = mem_new(totals.settings->namespace_count * sizeof(*totals.namespaces));
    totals.backends = mem_new(totals.settings->backend_count * sizeof(*totals.backends));
    totals.sees_namespace = mem_new(totals.settings->namespace_count);
    totals.sees_backend = mem_new(totals.settings->backend_count);
    memset(totals.sees_namespace, true, totals.settings->namespace_count);
    memset(totals.sees_backend, true, totals.settings->backend_count);
    totals.namespaces[0] = stats;
    totals.by_worker = &worker;
    totals.workers = 1;
}

static void end_totals(void) {
    settings_unref(totals.settings);
    mem_free(totals.namespaces);
    mem_free(totals.backends);
    mem_free(totals.sees_namespace);
    mem_free(totals.sees_backend);
    totals = (struct totals){0};
    end();
}

static void add_samples(struct history *h, int count, uint64_t hits, uint64_t errors) {
    for (int i = 0; i < count; i++) {
        totals.namespaces[0].hits += hits;
        totals.namespaces[0].errors[REPLY_TIMEOUT] += errors;
        history_add(h, &totals);
    }
}

#define ONE "[backend b]\nurl = redis://h\n[namespace n]\n"

START_TEST(a_ring_that_wraps_holds_the_last_ten_minutes) {
    struct history *h = history_new();
    struct history_view view;
    use(ONE);
    add_samples(h, 1, 0, 0);
    add_samples(h, 200, 3, 0);
    add_samples(h, 100, 5, 1);
    history_view(h, &totals, true, &view);
    ck_assert_uint_eq(view.samples, HISTORY_SAMPLES);
    ck_assert_uint_eq(view.namespaces[0].by_kind[KIND_HIT], 21 * 3 + 100 * 5);
    ck_assert_uint_eq(view.namespaces[0].by_kind[KIND_ERROR], 100);
    ck_assert_uint_eq(view.namespaces[0].last.errors[REPLY_TIMEOUT], 12); // of a minute: 12 samples
    const float *line = *view.namespaces[0].line;
    ck_assert_float_eq_tol(line[0], 3.0F / HISTORY_STEP_S, 1e-6F);
    ck_assert_float_eq_tol(line[20], 3.0F / HISTORY_STEP_S, 1e-6F);
    ck_assert_float_eq_tol(line[21], 6.0F / HISTORY_STEP_S, 1e-6F);
    ck_assert_float_eq_tol(line[HISTORY_SAMPLES - 1], 6.0F / HISTORY_STEP_S, 1e-6F);
    history_view_deinit(&view, 1);
    history_free(h);
}
END_TEST

START_TEST(what_was_before_the_first_sample_is_no_rate) {
    struct history *h = history_new();
    struct history_view view;
    use(ONE);
    totals.namespaces[0].hits = 1000;
    totals.namespaces[0].errors[REPLY_TIMEOUT] = 1000;
    add_samples(h, 1, 0, 0);
    add_samples(h, 1, 2, 1);
    history_view(h, &totals, true, &view);
    ck_assert_uint_eq(view.samples, 2);
    ck_assert_uint_eq(view.namespaces[0].by_kind[KIND_HIT], 2);
    ck_assert_uint_eq(view.namespaces[0].last.errors[REPLY_TIMEOUT], 1);
    ck_assert_float_eq((*view.namespaces[0].line)[HISTORY_SAMPLES - 3], 0);
    history_view_deinit(&view, 1);
    history_free(h);
}
END_TEST

START_TEST(sections_that_stay_keep_their_past) {
    struct history *h = history_new();
    struct history_view view;
    use(ONE);
    add_samples(h, 5, 2, 0);
    use("[backend c]\nurl = unix:/c\n[backend b]\nurl = redis://h\n"
        "[namespace n]\nbackend = b\n[namespace m]\nbackend = c\n");
    add_samples(h, 1, 2, 0);
    history_view(h, &totals, true, &view);
    ck_assert_uint_eq(view.namespaces[0].by_kind[KIND_HIT], 10);
    ck_assert_uint_eq(view.namespaces[1].by_kind[KIND_HIT], 0);
    history_view_deinit(&view, totals.settings->namespace_count);
    history_free(h);
}
END_TEST

START_TEST(the_last_minute_tells_times_of_answers) {
    struct history *h = history_new();
    struct history_view view;
    use(ONE);
    add_samples(h, 1, 0, 0);
    histogram_add(&totals.namespaces[0].read_times, 100, 98);
    histogram_add(&totals.namespaces[0].write_times, 50000, 2);
    add_samples(h, 1, 0, 0);
    history_view(h, &totals, true, &view);
    ck_assert_float_eq_tol(view.namespaces[0].p50_us, 112, 16);
    ck_assert_float_eq_tol(view.namespaces[0].p99_us, 53000, 5000);
    ck_assert_float_eq(view.backends[0].p99_us, view.namespaces[0].p99_us);
    ck_assert_float_eq(view.p99_us[HISTORY_SAMPLES - 1], view.namespaces[0].p99_us);
    history_view_deinit(&view, 1);
    add_samples(h, 24, 0, 0); // two minutes later they are forgotten
    history_view(h, &totals, true, &view);
    ck_assert_float_eq(view.namespaces[0].p99_us, 0);
    history_view_deinit(&view, 1);
    history_free(h);
}
END_TEST

START_TEST(the_busiest_have_lines) {
    struct history *h = history_new();
    struct history_view view;
    struct bytes ini = {0};
    bytes_append_literal(&ini, ONE);
    for (int i = 0; i < 60; i++)
        bytes_printf(&ini, "[namespace n%d]\n", i);
    bytes_append(&ini, "", 1);
    use(ini.data);
    add_samples(h, 1, 0, 0);
    for (int i = 0; i < 60; i++)
        totals.namespaces[1 + i].writes += (uint64_t)(i % 2 ? 100 + i : 1);
    add_samples(h, 1, 0, 0);
    history_view(h, &totals, true, &view);
    size_t lines = 0;
    for (size_t i = 0; i < totals.settings->namespace_count; i++) {
        lines += view.namespaces[i].line != NULL;
        ck_assert(i % 2 != 0 || i == 0 || view.namespaces[i].line); // i - 1 is odd: a busy one
    }
    ck_assert_uint_eq(lines, HISTORY_SERIES);
    history_view_deinit(&view, totals.settings->namespace_count);
    history_free(h);
    bytes_deinit(&ini);
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND(
        "history", begin, end_totals, a_ring_that_wraps_holds_the_last_ten_minutes,
        what_was_before_the_first_sample_is_no_rate, sections_that_stay_keep_their_past,
        the_last_minute_tells_times_of_answers, the_busiest_have_lines);
}
