// Loop: the event loop of one worker, and the things that everything on it shares.
#pragma once

#include "daemon/loop/complaint.h"
#include "daemon/loop/log.h"
#include "daemon/loop/random.h"
#include "daemon/loop/stream.h"

struct near_store;

struct loop {
    uv_loop_t uv;
    struct flusher flusher;
    struct log log;
    struct complaints *complaints; // of backends; shared by all workers
    struct random random;
    struct near_store *near;
};

// Returns the loop's time, in milliseconds since some moment of the past. The clock is read once a
// turn of the loop: the time stands still while the turn's events are handled.
uint64_t loop_now(const struct loop *loop);

// Return the earlier, or the later, of two moments of the loop's time.
static inline uint64_t loop_earlier(uint64_t a, uint64_t b) { return a < b ? a : b; }

static inline uint64_t loop_later(uint64_t a, uint64_t b) { return a > b ? a : b; }
