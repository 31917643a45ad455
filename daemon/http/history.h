// History: what the last ten minutes were like, for the page: rates, and the errors of the last
// minute. It is kept only while HTTP is served. No loop touches it, since both functions below take
// milliseconds where there are a thousand namespaces.
//
//   each 5 s: history_add(totals of all workers) ─► rings of 121 samples, by namespace and for all
//   each /status: history_view() ─► a copy of what its reader may see
#pragma once

#include "daemon/admin/totals.h"
#include "protocol/refusal.h"
#include "protocol/reply.h"

enum {
    HISTORY_SAMPLES = 121, // ten minutes, both ends included
    HISTORY_STEP_S = 5,
    HISTORY_SERIES = 40, // of so many namespaces, the busiest, a view has the rates over time
};

// How requests are answered.
enum history_kind { KIND_NEAR, KIND_HIT, KIND_STALE, KIND_MISS, KIND_WRITE, KIND_ERROR, KINDS };

extern const char *const history_kind_names[KINDS];

struct history;

// A line over time, in the order of time; the samples before the first are 0.
typedef float history_line[HISTORY_SAMPLES];

// The errors and refusals of the last minute.
struct history_faults {
    uint64_t errors[REPLY_CODE_COUNT];
    uint64_t refused[REFUSALS];
};

struct namespace_view {
    float rate;                 // requests a second, in the last sample
    uint64_t by_kind[KINDS];    // in the ten minutes
    float p50_us, p99_us;       // of answers of its backend, lately; 0: there were none
    struct history_faults last; // minute
    history_line *line;         // of requests a second; NULL: others are busier
};

struct backend_view {
    float rate;
    float p50_us, p99_us;
    uint64_t timeouts, waits, connects, losses; // in the last minute
    history_line line;
};

struct history_view {
    unsigned samples; // of which lines hold something
    history_line by_kind[KINDS];
    history_line p50_us, p99_us, clients, near_bytes;
    struct history_faults stray; // errors of no namespace, in the last minute
    float *busy;                 // shares, in the order of the workers' numbers
    size_t workers;
    struct namespace_view *namespaces; // in the order of the settings
    struct backend_view *backends;     // likewise
};

struct history *history_new(void);
void history_free(struct history *h);

// Adds a sample. The totals must be those of all namespaces.
void history_add(struct history *h, const struct totals *t);

// Copies what these totals' reader may see. `sees_all`: also what is counted for the whole daemon.
void history_view(const struct history *h, const struct totals *t, bool sees_all,
                  struct history_view *view);
// Sums up the errors of the last minute that these totals' reader may see, by code.
void history_sum_errors(const struct history_view *view, const struct totals *t, uint64_t *sums);
void history_view_deinit(struct history_view *view, size_t namespaces);
