// Reading: what the daemon's counters say at one moment, read from its replies to `stats`,
// `backends` and `metrics`. Two readings make rates.
#pragma once

#include "protocol/bytes.h"

enum reading_counter {
    READING_REQUESTS,
    READING_HITS,
    READING_MISSES,
    READING_NEAR_HITS,
    READING_WRITES,
    READING_BYTES_IN,
    READING_BYTES_OUT,
    READING_ERRORS, // of all codes
    READING_COUNTERS,
};

// Bounds of the daemon's histograms: 64 µs, 128 µs, … 4.2 s, and what took longer.
enum { READING_BUCKETS = 24 };

struct reading_times {
    double bounds_s[READING_BUCKETS]; // ascending; the last may be infinite
    uint64_t counts[READING_BUCKETS]; // of those up to the bound
    size_t count;                     // how many bounds there are; 0: nothing was told
};

struct reading_line {
    struct slice name;
    uint64_t value;
};

struct reading_namespace {
    struct slice name;
    uint64_t counters[READING_COUNTERS];
    struct reading_times times; // of requests at the backend
    struct reading_line *lines; // all counters, in the daemon's order
    size_t line_count;
};

struct reading_backend {
    struct slice name, state;
    struct bytes reason; // why it does not serve; "none"
    uint64_t answers, answer_ms, pending, timeouts;
};

// Zeroed, it is empty. Slices point into the struct's own texts.
struct reading {
    int64_t taken_ms;
    struct bytes stats, backend_lines;
    struct slice version;
    uint64_t uptime_s, workers, clients, requests, errors, near_entries, near_bytes;
    bool has_daemon; // the counters above were told
    struct reading_namespace *namespaces;
    size_t namespace_count;
    struct reading_backend *backends;
    size_t backend_count;
};

void reading_deinit(struct reading *s);

// Each takes the text of one reply, once.
void reading_take_stats(struct reading *s, struct slice text);
void reading_take_backends(struct reading *s, struct slice text);
// After the stats: only namespaces that these named are given times.
void reading_take_metrics(struct reading *s, struct slice text);

// Return what is there under that name; NULL: nothing.
const struct reading_namespace *reading_namespace(const struct reading *s, struct slice name);
const struct reading_backend *reading_backend(const struct reading *s, struct slice name);

// Returns below how many seconds the given share of the requests between two readings were
// answered; negative when there were none, infinite when it is above every bound.
double reading_quantile(const struct reading_times *before, const struct reading_times *now,
                        double share);
