// Backoff: how long to wait before the next attempt at something that fails.
//
// The wait doubles with each failure up to a bound, and is shortened by up to half at random, so
// that many daemons do not come back together: "full jitter" would allow 0, which is too eager for
// a single server (AWS Architecture Blog, "Exponential Backoff And Jitter").
#pragma once

#include "daemon/loop/random.h"

// Returns the wait in milliseconds before the next attempt. `failures` counts the failures in a row
// before the last one: 0 gives `first_ms`, and no wait is longer than `longest_ms`.
static inline uint64_t backoff_ms(unsigned failures, uint64_t first_ms, uint64_t longest_ms) {
    uint64_t wait_ms = failures < 32 ? first_ms << failures : longest_ms;
    return wait_ms < longest_ms ? wait_ms : longest_ms;
}

// Returns the wait shortened by up to half at random, for one of many daemons that wait.
static inline uint64_t backoff_jittered(uint64_t wait_ms, struct random *random) {
    return wait_ms - random_up_to(random, wait_ms / 2);
}
