// Histogram: how many durations fell into which of 112 buckets, without keeping any.
//
// Each power of two of microseconds has four buckets of one width, so a bucket is at most a quarter
// wider than its lower end: 0, 1, 2 … 7, 8-9, 10-11, 12-13, 14-15, 16-19, … A duration beyond the
// last bucket, nine minutes, counts in that.
#pragma once

#include <stdint.h>

enum { HISTOGRAM_BUCKETS = 112 };

// Nothing but counters of 64 bits, so that histograms of several workers can be added up.
struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t sum_us; // of all durations
};

static inline unsigned histogram_bucket(uint64_t us) {
    unsigned power = 63 - (unsigned)__builtin_clzll(us | 7);
    uint64_t bucket = 4 * (power - 2) + (us >> (power - 2));
    return bucket < HISTOGRAM_BUCKETS ? (unsigned)bucket : HISTOGRAM_BUCKETS - 1;
}

// Counts `count` durations of `us` microseconds each.
static inline void histogram_add(struct histogram *h, uint64_t us, uint64_t count) {
    h->counts[histogram_bucket(us)] += count;
    h->sum_us += us * count;
}

// Returns the shortest duration, in microseconds, that counts in the bucket.
uint64_t histogram_floor(unsigned bucket);

// Returns how many durations are shorter than 2 to the power of `power` microseconds. `power` is 2
// at least.
uint64_t histogram_below(const struct histogram *h, unsigned power);

uint64_t histogram_count(const struct histogram *h);

// Returns the duration, in microseconds, that the share `quantile` (0 to 1) of all durations does
// not exceed: the upper end of its bucket. 0: there are no durations.
uint64_t histogram_quantile(const struct histogram *h, double quantile);
