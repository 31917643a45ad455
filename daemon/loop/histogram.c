#include "daemon/loop/histogram.h"

uint64_t histogram_floor(unsigned bucket) {
    if (bucket < 8)
        return bucket;
    return (uint64_t)(4 + bucket % 4) << (bucket / 4 - 1);
}

static uint64_t count_up_to(const struct histogram *h, unsigned end) {
    uint64_t count = 0;
    for (unsigned i = 0; i < end; i++)
        count += h->counts[i];
    return count;
}

uint64_t histogram_below(const struct histogram *h, unsigned power) {
    return count_up_to(h, 4 * (power - 1));
}

uint64_t histogram_count(const struct histogram *h) { return count_up_to(h, HISTOGRAM_BUCKETS); }

uint64_t histogram_quantile(const struct histogram *h, double quantile) {
    double wanted = quantile * (double)histogram_count(h);
    uint64_t count = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        count += h->counts[i];
        if (h->counts[i] > 0 && (double)count >= wanted)
            return histogram_floor(i + 1);
    }
    return 0;
}
