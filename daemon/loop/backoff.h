// Backoff: how long to wait before the next attempt at something that fails.
//
// The wait doubles with each failure up to a bound, and is shortened by up to half at random, so
// that many daemons do not come back together: "full jitter" would allow 0, which is too eager for
// a single server (AWS Architecture Blog, "Exponential Backoff And Jitter").
#pragma once

#include "daemon/loop/random.h"

// The wait in milliseconds after so many failures before the last one.
static inline uint64_t backoff_ms(unsigned failures, uint64_t first_ms, uint64_t longest_ms) {
    uint64_t wait_ms = failures < 32 ? first_ms << failures : longest_ms;
    return wait_ms < longest_ms ? wait_ms : longest_ms;
}

// The same wait for one of many who wait.
static inline uint64_t backoff_jittered(uint64_t wait_ms, struct random *random) {
    return wait_ms - random_up_to(random, wait_ms / 2);
}
