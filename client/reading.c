#include "client/reading.h"

#include <math.h>
#include <stdlib.h>

#include "client/table.h"
#include "protocol/mem.h"
#include "protocol/number.h"

void reading_deinit(struct reading *s) {
    for (size_t i = 0; i < s->namespace_count; i++)
        mem_free(s->namespaces[i].lines);
    for (size_t i = 0; i < s->backend_count; i++)
        bytes_deinit(&s->backends[i].reason);
    mem_free(s->namespaces);
    mem_free(s->backends);
    bytes_deinit(&s->stats);
    bytes_deinit(&s->backend_lines);
    *s = (struct reading){0};
}

// --- stats ------------------------------------------------------------------------------------

static bool begins_with(struct slice *text, struct slice begin) {
    if (!slice_begins(*text, begin))
        return false;
    *text = (struct slice){text->data + begin.len, text->len - begin.len};
    return true;
}

static void add_to_namespace(struct reading_namespace *n, struct reading_line line) {
    static const struct slice names[] = {
        [READING_REQUESTS] = {"requests", 8},   [READING_HITS] = {"hits", 4},
        [READING_MISSES] = {"misses", 6},       [READING_NEAR_HITS] = {"near_hits", 9},
        [READING_WRITES] = {"writes", 6},       [READING_BYTES_IN] = {"bytes_in", 8},
        [READING_BYTES_OUT] = {"bytes_out", 9},
    };
    n->lines = mem_grow(n->lines, n->line_count, sizeof(*n->lines));
    n->lines[n->line_count++] = line;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (slice_equal(line.name, names[i]))
            n->counters[i] = line.value;
    if (slice_begins(line.name, SLICE("errors_")))
        n->counters[READING_ERRORS] += line.value;
}

static void add_to_daemon(struct reading *s, struct slice name, struct slice text, uint64_t value) {
    const struct {
        struct slice name;
        uint64_t *value;
    } rows[] = {
        {SLICE("uptime_seconds"), &s->uptime_s},   {SLICE("workers"), &s->workers},
        {SLICE("connected"), &s->clients},         {SLICE("requests"), &s->requests},
        {SLICE("near_entries"), &s->near_entries}, {SLICE("near_bytes"), &s->near_bytes},
    };
    s->has_daemon = true;
    if (slice_equal(name, SLICE("version")))
        s->version = text;
    if (slice_begins(name, SLICE("errors_")))
        s->errors += value;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (slice_equal(name, rows[i].name))
            *rows[i].value = value;
}

static void begin_namespace(struct reading *s, struct slice name) {
    s->namespaces = mem_grow(s->namespaces, s->namespace_count, sizeof(*s->namespaces));
    s->namespaces[s->namespace_count++] = (struct reading_namespace){.name = name};
}

// Returns 0 for what is no number.
static uint64_t number_of(struct slice text) {
    uint64_t number;
    return number_parse_unsigned(text, &number) ? number : 0;
}

void reading_take_stats(struct reading *s, struct slice text) {
    struct slice line, name, value;
    bool is_namespace = false;
    bytes_append_slice(&s->stats, text);
    for (text = bytes_slice(&s->stats); table_next_line(&text, &line);) {
        if (table_heading(line, &name)) {
            is_namespace = begins_with(&name, SLICE("namespace "));
            if (is_namespace)
                begin_namespace(s, name);
        } else if (table_cut_field(line, &name, &value)) {
            uint64_t number = number_of(value);
            if (is_namespace)
                add_to_namespace(&s->namespaces[s->namespace_count - 1],
                                 (struct reading_line){name, number});
            else
                add_to_daemon(s, name, value, number);
        }
    }
}

// --- backends ---------------------------------------------------------------------------------

static void take_pair(struct reading_backend *b, struct slice name, struct slice value) {
    if (slice_equal(name, SLICE("name")))
        b->name = value;
    else if (slice_equal(name, SLICE("state")))
        b->state = value;
    else if (slice_equal(name, SLICE("reason")))
        bytes_append_slice(&b->reason, value);
    else if (slice_equal(name, SLICE("answers")))
        b->answers = number_of(value);
    else if (slice_equal(name, SLICE("answer_ms")))
        b->answer_ms = number_of(value);
    else if (slice_equal(name, SLICE("pending")))
        b->pending = number_of(value);
    else if (slice_equal(name, SLICE("timeouts")))
        b->timeouts = number_of(value);
}

// Lines that do not begin with a name tell of a cluster's nodes.
void reading_take_backends(struct reading *s, struct slice text) {
    struct slice line, name, value;
    struct bytes unquoted = {0};
    bytes_append_slice(&s->backend_lines, text);
    for (text = bytes_slice(&s->backend_lines); table_next_line(&text, &line);) {
        struct reading_backend b = {0};
        if (!slice_begins(line, SLICE("name=")))
            continue;
        while (table_next_pair(&line, &name, &value, &unquoted))
            take_pair(&b, name, value);
        s->backends = mem_grow(s->backends, s->backend_count, sizeof(*s->backends));
        s->backends[s->backend_count++] = b;
    }
    bytes_deinit(&unquoted);
}

// --- metrics ----------------------------------------------------------------------------------

// Returns the value of a label in `name="value",…`. Those that are asked for hold no escapes.
static struct slice label_of(struct slice labels, struct slice name) {
    for (size_t at = 0; at + name.len + 2 <= labels.len; at++) {
        bool is_begin = at == 0 || labels.data[at - 1] == ',' || labels.data[at - 1] == '{';
        struct slice rest = {labels.data + at, labels.len - at};
        if (!is_begin || !begins_with(&rest, name) || !begins_with(&rest, SLICE("=\"")))
            continue;
        const char *quote = memchr(rest.data, '"', rest.len);
        return (struct slice){rest.data, quote ? (size_t)(quote - rest.data) : 0};
    }
    return (struct slice){0};
}

static struct reading_namespace *own_namespace(struct reading *s, struct slice name) {
    for (size_t i = 0; i < s->namespace_count; i++)
        if (slice_equal(s->namespaces[i].name, name))
            return &s->namespaces[i];
    return NULL;
}

// Bounds come in ascending order, once for reads and once for writes, whose counts are added up.
static void add_bucket(struct reading_times *t, double bound_s, uint64_t count) {
    size_t i = 0;
    while (i < t->count && t->bounds_s[i] < bound_s)
        i++;
    if (i == t->count) {
        if (i == READING_BUCKETS)
            return;
        t->bounds_s[t->count++] = bound_s;
    }
    t->counts[i] += count;
}

static double read_double(struct slice text) {
    char copy[64];
    size_t len = text.len < sizeof(copy) - 1 ? text.len : sizeof(copy) - 1;
    memcpy(copy, text.data, len);
    copy[len] = '\0';
    return strtod(copy, NULL); // "+Inf", too
}

void reading_take_metrics(struct reading *s, struct slice text) {
    struct slice line;
    while (table_next_line(&text, &line)) {
        if (!begins_with(&line, SLICE("cachesd_backend_duration_seconds_bucket{")))
            continue;
        const char *end = memchr(line.data, '}', line.len);
        if (!end)
            continue;
        struct slice labels = {line.data, (size_t)(end - line.data)};
        struct slice value = {end + 1, line.len - labels.len - 1};
        struct slice bound = label_of(labels, SLICE("le"));
        struct reading_namespace *n = own_namespace(s, label_of(labels, SLICE("namespace")));
        if (n && bound.len > 0)
            add_bucket(&n->times, read_double(bound), (uint64_t)read_double(value));
    }
}

// --- what it says -----------------------------------------------------------------------------

const struct reading_namespace *reading_namespace(const struct reading *s, struct slice name) {
    for (size_t i = 0; i < s->namespace_count; i++)
        if (slice_equal(s->namespaces[i].name, name))
            return &s->namespaces[i];
    return NULL;
}

const struct reading_backend *reading_backend(const struct reading *s, struct slice name) {
    for (size_t i = 0; i < s->backend_count; i++)
        if (slice_equal(s->backends[i].name, name))
            return &s->backends[i];
    return NULL;
}

// A daemon that has begun anew counts from 0.
static uint64_t since(const struct reading_times *before, const struct reading_times *now,
                      size_t i) {
    bool is_same = before->count == now->count && before->counts[i] <= now->counts[i];
    return now->counts[i] - (is_same ? before->counts[i] : 0);
}

double reading_quantile(const struct reading_times *before, const struct reading_times *now,
                        double share) {
    if (now->count == 0)
        return -1;
    uint64_t all = since(before, now, now->count - 1);
    for (size_t i = 0; i < now->count && all > 0; i++)
        if ((double)since(before, now, i) >= share * (double)all)
            return now->bounds_s[i];
    return all > 0 ? INFINITY : -1;
}
