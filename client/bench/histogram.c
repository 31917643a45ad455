#include "client/bench/histogram.h"

// The largest value of a bucket.
static uint64_t bucket_end(unsigned bucket) {
    unsigned shift = bucket >> HISTOGRAM_BITS;
    if (shift == 0)
        return bucket;
    uint64_t within = bucket & ((1u << HISTOGRAM_BITS) - 1);
    return (((1u << HISTOGRAM_BITS) + within + 1) << (shift - 1)) - 1;
}

uint64_t histogram_percentile(const struct histogram *h, double share) {
    uint64_t wanted = (uint64_t)((double)h->total * share + 0.5), seen = 0;
    if (wanted == 0)
        wanted = 1;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->counts[i];
        if (seen >= wanted)
            return bucket_end(i) < h->max ? bucket_end(i) : h->max;
    }
    return h->max;
}
