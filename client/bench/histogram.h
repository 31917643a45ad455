// Histogram: latencies in buckets whose width grows with them, as in Gil Tene's HdrHistogram: 128
// linear buckets in each power of two, so that no value is off by more than 0.8 %.
#pragma once

#include <stdint.h>

enum {
    HISTOGRAM_BITS = 7, // of a value that are kept below its highest one
    HISTOGRAM_BUCKETS = (64 - HISTOGRAM_BITS + 1) << HISTOGRAM_BITS,
};

// All zero when empty.
struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t total;
    uint64_t max;
};

static inline unsigned histogram_bucket(uint64_t value) {
    unsigned top = 63 - (unsigned)__builtin_clzll(value | 1);
    if (top < HISTOGRAM_BITS)
        return (unsigned)value;
    unsigned shift = top - HISTOGRAM_BITS;
    return ((shift + 1) << HISTOGRAM_BITS) + (unsigned)(value >> shift) - (1u << HISTOGRAM_BITS);
}

static inline void histogram_add(struct histogram *h, uint64_t value) {
    h->counts[histogram_bucket(value)]++;
    h->total++;
    if (value > h->max)
        h->max = value;
}

// The value that `share` (0 to 1) of all values do not exceed; 0 when there is none.
uint64_t histogram_percentile(const struct histogram *h, double share);
