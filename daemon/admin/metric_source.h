// Metric source: all that the values of metrics are taken from, and how samples of it are begun.
#pragma once

#include "daemon/admin/exposition.h"
#include "daemon/admin/totals.h"
#include "daemon/loop/histogram.h"
#include "daemon/policy/stats.h"
#include "protocol/bytes.h"

struct process;
struct verb_table;

#define NO_SUFFIX ((struct slice){"", 0})

struct metric_source {
    const struct totals *totals;
    const struct verb_table *verbs;
    const struct process *process;
};

// Return the sums of a namespace or backend, and its name, by its place in the settings.
static inline const struct namespace_stats *source_stats(const struct metric_source *s, size_t i) {
    return &s->totals->namespaces[i];
}

static inline const struct backend_totals *source_backend(const struct metric_source *s, size_t i) {
    return &s->totals->backends[i];
}

struct slice source_namespace_name(const struct metric_source *s, size_t i);
struct slice source_backend_name(const struct metric_source *s, size_t i);

// Step to the next namespace, or backend, that the reader may see, beginning at `i`. Return false
// when there is none.
bool source_next_namespace(const struct metric_source *s, size_t *i);
bool source_next_backend(const struct metric_source *s, size_t *i);

// Write a sample with its only label, or the first of its labels; end a sample with its last.
void sample_alone(struct exposition *x, uint64_t value);
void sample_begin(struct exposition *x, struct slice label, struct slice value);
void sample_begin_namespace(const struct metric_source *s, size_t i, struct exposition *x);
void sample_begin_backend(const struct metric_source *s, size_t i, struct exposition *x);
void sample_end(struct exposition *x, struct slice label, const char *value, uint64_t count);

// The labels of one histogram.
struct labels {
    struct slice names[3], values[3];
    size_t count;
};

void sample_histogram(struct exposition *x, const struct labels *labels, const struct histogram *h);
