// Random: for jitter, not for secrets. xorshift64* (Marsaglia 2003; Vigna, ACM TOMS 42(4), 2016).
#pragma once

#include <stdint.h>

struct random {
    uint64_t state; // never 0
};

static inline uint64_t random_next(struct random *r) {
    r->state ^= r->state >> 12;
    r->state ^= r->state << 25;
    r->state ^= r->state >> 27;
    return r->state * UINT64_C(0x2545F4914F6CDD1D);
}

// Returns a number from 0 to `most`, both included.
static inline uint64_t random_up_to(struct random *r, uint64_t most) {
    return most == UINT64_MAX ? random_next(r) : random_next(r) % (most + 1);
}
