#include "client/watch_table.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "client/columns.h"
#include "protocol/mem.h"

enum { NAME_LEAST = 9, NAME_MOST = 32, CELL = 8, COUNTER = 22, NUMBER = 14 };

void watch_lines_deinit(struct watch_lines *lines) {
    bytes_deinit(&lines->text);
    mem_free(lines->styles);
    *lines = (struct watch_lines){0};
}

// Ends the line that was appended to the text.
static void end_line(struct watch_lines *out, enum watch_style style) {
    while (out->text.len > 0 && out->text.data[out->text.len - 1] == ' ')
        out->text.len--;
    bytes_append_literal(&out->text, "\n");
    out->styles = mem_grow(out->styles, out->count, sizeof(*out->styles));
    out->styles[out->count++] = style;
}

// --- cells ------------------------------------------------------------------------------------

static void append_cell(struct bytes *out, struct bytes *cell, size_t width) {
    bytes_append_literal(out, " ");
    columns_append_right(out, bytes_slice(cell), width);
    bytes_deinit(cell);
}

// Appends a number in at most five letters: "7.5", "321", "12.3k", "1.2M".
static void append_short(struct bytes *out, double number) {
    static const char units[] = {0, 'k', 'M', 'G', 'T', 'P'};
    size_t unit = 0;
    while (number >= 999.5 && unit + 1 < sizeof(units)) {
        number /= 1000;
        unit++;
    }
    bytes_printf(out, unit > 0 || (number > 0 && number < 9.95) ? "%.1f" : "%.0f", number);
    if (unit > 0)
        bytes_append(out, &units[unit], 1);
}

static void append_seconds(struct bytes *out, double s) {
    if (s < 0)
        bytes_append_literal(out, "-");
    else if (isinf(s))
        bytes_append_literal(out, "longer");
    else if (s < 0.9995e-3)
        bytes_printf(out, "%.0fus", s * 1e6);
    else if (s < 0.9995)
        bytes_printf(out, s < 9.95e-3 ? "%.1fms" : "%.0fms", s * 1e3);
    else
        bytes_printf(out, "%.1fs", s);
}

// --- what a namespace does --------------------------------------------------------------------

struct row {
    struct slice name;
    double values[WATCH_COLUMNS]; // negative: nothing to tell
};

// A daemon that has begun anew counts from 0.
static double grown(uint64_t before, uint64_t now) {
    return (double)(now >= before ? now - before : now);
}

static double seconds_between(const struct reading *before, const struct reading *now) {
    int64_t ms = now->taken_ms - before->taken_ms;
    return ms > 0 ? (double)ms / 1000 : 1;
}

static double share_of(double part, double all) { return all > 0 ? part / all * 100 : -1; }

static struct row row_of(const struct reading_namespace *before,
                         const struct reading_namespace *now, double seconds) {
    static const struct reading_namespace none;
    double counts[READING_COUNTERS];
    // A namespace that has just come into the configuration has done nothing yet.
    const struct reading_namespace *from = before ? before : now;
    for (size_t i = 0; i < READING_COUNTERS; i++)
        counts[i] = grown(from->counters[i], now->counters[i]);
    const struct reading_times *times = before ? &before->times : &none.times;
    double reads = counts[READING_HITS] + counts[READING_MISSES];
    return (struct row){
        now->name,
        {
            [WATCH_REQUESTS] = counts[READING_REQUESTS] / seconds,
            [WATCH_HIT_SHARE] = share_of(counts[READING_HITS], reads),
            [WATCH_NEAR_SHARE] = share_of(counts[READING_NEAR_HITS], reads),
            [WATCH_WRITES] = counts[READING_WRITES] / seconds,
            [WATCH_ERRORS] = counts[READING_ERRORS] / seconds,
            [WATCH_MEDIAN] = before ? reading_quantile(times, &now->times, 0.5) : -1,
            [WATCH_SLOWEST] = before ? reading_quantile(times, &now->times, 0.99) : -1,
            [WATCH_IN] = counts[READING_BYTES_IN] / seconds,
            [WATCH_OUT] = counts[READING_BYTES_OUT] / seconds,
        },
    };
}

static int compare_names(struct slice a, struct slice b) {
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter > 0 ? memcmp(a.data, b.data, shorter) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

// Numbers: the largest first. What is the same goes by name, so that no line jumps about.
static int compare(const void *a, const void *b, void *arg) {
    const struct row *x = a, *y = b;
    const struct watch_order *order = arg;
    int result = compare_names(x->name, y->name);
    if (order->column != WATCH_NAME) {
        double left = x->values[order->column], right = y->values[order->column];
        if (left != right)
            result = left < right ? 1 : -1;
        else
            return result;
    }
    return order->is_reversed ? -result : result;
}

static size_t name_width(const struct reading *now) {
    size_t width = NAME_LEAST;
    for (size_t i = 0; i < now->namespace_count; i++)
        if (now->namespaces[i].name.len > width)
            width = now->namespaces[i].name.len;
    return width < NAME_MOST ? width : NAME_MOST;
}

// --- namespaces -------------------------------------------------------------------------------

static const struct heading {
    const char *text;
    char key;
} headings[WATCH_COLUMNS] = {
    [WATCH_NAME] = {"namespace", 'n'}, [WATCH_REQUESTS] = {"req/s", 'r'},
    [WATCH_HIT_SHARE] = {"hit%", 'h'}, [WATCH_NEAR_SHARE] = {"near%", 'm'},
    [WATCH_WRITES] = {"write/s", 'w'}, [WATCH_ERRORS] = {"error/s", 'e'},
    [WATCH_MEDIAN] = {"p50", 'l'},     [WATCH_SLOWEST] = {"p99", 's'},
    [WATCH_IN] = {"in B/s", 'i'},      [WATCH_OUT] = {"out B/s", 'o'},
};

enum watch_column watch_column_of_key(char key) {
    size_t i = 0;
    while (i < WATCH_COLUMNS && headings[i].key != key)
        i++;
    return (enum watch_column)i;
}

static void append_headings(struct watch_lines *out, size_t width, enum watch_column sorted) {
    for (size_t i = 0; i < WATCH_COLUMNS; i++) {
        struct bytes cell = {0};
        const char *mark = i == sorted ? "*" : "";
        if (i == WATCH_NAME) {
            bytes_printf(&cell, "%s%s", headings[i].text, mark);
            columns_append_left(&out->text, bytes_slice(&cell), width);
            bytes_deinit(&cell);
            continue;
        }
        bytes_printf(&cell, "%s%s", mark, headings[i].text);
        append_cell(&out->text, &cell, CELL);
    }
    end_line(out, WATCH_STYLE_HEAD);
}

static void append_value(struct bytes *out, enum watch_column column, double value) {
    struct bytes cell = {0};
    if (column == WATCH_MEDIAN || column == WATCH_SLOWEST)
        append_seconds(&cell, value);
    else if (value < 0)
        bytes_append_literal(&cell, "-");
    else if (column == WATCH_HIT_SHARE || column == WATCH_NEAR_SHARE)
        bytes_printf(&cell, "%.1f", value);
    else
        append_short(&cell, value);
    append_cell(out, &cell, CELL);
}

static void append_row(struct watch_lines *out, const struct row *row, size_t width) {
    columns_append_left(&out->text, row->name, width);
    for (size_t i = WATCH_NAME + 1; i < WATCH_COLUMNS; i++)
        append_value(&out->text, (enum watch_column)i, row->values[i]);
    end_line(out, row->values[WATCH_ERRORS] > 0 ? WATCH_STYLE_ALARM : WATCH_STYLE_PLAIN);
}

void watch_append_namespaces(struct watch_lines *out, const struct reading *before,
                             const struct reading *now, struct watch_order order) {
    size_t width = name_width(now) + 1; // for the mark behind "namespace"
    double seconds = seconds_between(before, now);
    struct row *rows = mem_new((now->namespace_count + 1) * sizeof(*rows));
    for (size_t i = 0; i < now->namespace_count; i++)
        rows[i] = row_of(reading_namespace(before, now->namespaces[i].name), &now->namespaces[i],
                         seconds);
    qsort_r(rows, now->namespace_count, sizeof(*rows), compare, &order);
    append_headings(out, width, order.column);
    for (size_t i = 0; i < now->namespace_count; i++)
        append_row(out, &rows[i], width);
    mem_free(rows);
}

void watch_append_counters(struct watch_lines *out, const struct reading *before,
                           const struct reading *now) {
    const struct reading_namespace *n = &now->namespaces[0];
    const struct reading_namespace *from = reading_namespace(before, n->name);
    double seconds = seconds_between(before, now);
    columns_append_left(&out->text, SLICE("counter"), COUNTER);
    columns_append_right(&out->text, SLICE("in all"), NUMBER);
    columns_append_right(&out->text, SLICE("a second"), NUMBER);
    end_line(out, WATCH_STYLE_HEAD);
    for (size_t i = 0; i < n->line_count; i++) {
        bool is_known = from && i < from->line_count;
        uint64_t value = n->lines[i].value, old = is_known ? from->lines[i].value : value;
        struct bytes whole = {0}, each = {0};
        columns_append_left(&out->text, n->lines[i].name, COUNTER);
        bytes_printf(&whole, "%" PRIu64, value);
        columns_append_right(&out->text, bytes_slice(&whole), NUMBER);
        append_short(&each, value >= old ? (double)(value - old) / seconds : 0);
        columns_append_right(&out->text, bytes_slice(&each), NUMBER);
        end_line(out, WATCH_STYLE_PLAIN);
        bytes_deinit(&whole);
        bytes_deinit(&each);
    }
}

// --- the daemon -------------------------------------------------------------------------------

static void append_uptime(struct bytes *out, uint64_t s) {
    if (s >= 86400)
        bytes_printf(out, "%" PRIu64 "d%" PRIu64 "h", s / 86400, s / 3600 % 24);
    else if (s >= 3600)
        bytes_printf(out, "%" PRIu64 "h%" PRIu64 "m", s / 3600, s / 60 % 60);
    else
        bytes_printf(out, "%" PRIu64 "m%" PRIu64 "s", s / 60, s % 60);
}

static void append_totals(struct watch_lines *out, const struct reading *before,
                          const struct reading *now) {
    double seconds = seconds_between(before, now);
    bytes_append_literal(&out->text, "cachesd ");
    columns_append_safe(&out->text, now->version);
    bytes_append_literal(&out->text, "  up ");
    append_uptime(&out->text, now->uptime_s);
    bytes_printf(&out->text, "  workers %" PRIu64 "  clients %" PRIu64 "  req/s ", now->workers,
                 now->clients);
    append_short(&out->text, grown(before->requests, now->requests) / seconds);
    bytes_append_literal(&out->text, "  error/s ");
    append_short(&out->text, grown(before->errors, now->errors) / seconds);
    if (now->near_entries > 0) {
        bytes_append_literal(&out->text, "  near ");
        append_short(&out->text, (double)now->near_entries);
        bytes_append_literal(&out->text, " in ");
        append_short(&out->text, (double)now->near_bytes);
        bytes_append_literal(&out->text, "B");
    }
    end_line(out, WATCH_STYLE_PLAIN);
    end_line(out, WATCH_STYLE_PLAIN);
}

static void append_backend(struct watch_lines *out, const struct reading_backend *before,
                           const struct reading_backend *now, double seconds, size_t width) {
    struct bytes each = {0}, pending = {0}, mean = {0}, late = {0};
    double answers = before ? grown(before->answers, now->answers) : 0;
    double ms = before ? grown(before->answer_ms, now->answer_ms) : 0;
    bool is_up = slice_equal(now->state, SLICE("up"));
    columns_append_left(&out->text, now->name, width);
    bytes_append_literal(&out->text, " ");
    columns_append_left(&out->text, now->state, CELL + 2);
    append_short(&each, answers / seconds);
    append_cell(&out->text, &each, CELL);
    bytes_printf(&pending, "%" PRIu64, now->pending);
    append_cell(&out->text, &pending, CELL);
    append_seconds(&mean, answers > 0 ? ms / answers / 1000 : -1);
    append_cell(&out->text, &mean, CELL);
    append_short(&late, (before ? grown(before->timeouts, now->timeouts) : 0) / seconds);
    append_cell(&out->text, &late, CELL);
    bytes_append_literal(&out->text, "  ");
    if (!slice_equal(bytes_slice(&now->reason), SLICE("none")))
        columns_append_safe(&out->text, bytes_slice(&now->reason));
    end_line(out, is_up ? WATCH_STYLE_PLAIN : WATCH_STYLE_ALARM);
}

static void append_backends(struct watch_lines *out, const struct reading *before,
                            const struct reading *now) {
    static const char *const names[] = {"answer/s", "pending", "mean", "late/s"};
    size_t width = name_width(now) + 1;
    columns_append_left(&out->text, SLICE("backend"), width);
    bytes_append_literal(&out->text, " ");
    columns_append_left(&out->text, SLICE("state"), CELL + 2);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        bytes_append_literal(&out->text, " ");
        columns_append_right(&out->text, slice_of(names[i]), CELL);
    }
    end_line(out, WATCH_STYLE_HEAD);
    for (size_t i = 0; i < now->backend_count; i++)
        append_backend(out, reading_backend(before, now->backends[i].name), &now->backends[i],
                       seconds_between(before, now), width);
    end_line(out, WATCH_STYLE_PLAIN);
}

void watch_append_daemon(struct watch_lines *out, const struct reading *before,
                         const struct reading *now) {
    if (now->has_daemon)
        append_totals(out, before, now);
    if (now->backend_count > 0)
        append_backends(out, before, now);
}
