// Watch: looks at requests as they begin, for whoever watches them: `hotkeys`, which samples.
//
// context->unwatched counts down to the next request that is looked at; while nobody watches it
// never gets there, and costs a request no more than that.
#pragma once

#include "daemon/request/admit.h"
#include "daemon/request/context.h"
#include "daemon/request/hot_keys.h"

enum { WATCH_EVERY = 64 }; // one request of so many is sampled, at random

// Samples of one loop for one asker, who owns the memory.
struct watch_sampler {
    struct watch_sampler *next;
    struct hot_keys keys;
};

// Begin and end to take samples on the loop of the context. The sampler need not be there any more
// when watch_remove_sampler() is called for a loop that has ended.
void watch_add_sampler(struct context *context, struct watch_sampler *sampler);
void watch_remove_sampler(struct context *context, struct watch_sampler *sampler);

// Nobody watches the loop any more, which ends.
void watch_end(struct context *context);

// For a request that context->unwatched has come to.
void watch_look(struct context *context, const struct admission *a);

// To be called for each request that begins.
static inline void watch_request(struct context *context, const struct admission *a) {
    if (__builtin_expect(--context->unwatched == 0, 0))
        watch_look(context, a);
}
