// Watch: looks at requests as they begin, for whoever watches them: `hotkeys`, which samples, and
// `tap`, which follows requests to their end.
//
// context->unwatched counts down to the next request that is looked at; while nobody watches it
// never gets there, and costs a request no more than that.
#pragma once

#include "daemon/request/admit.h"
#include "daemon/request/context.h"
#include "daemon/request/hot_keys.h"
#include "daemon/request/request.h"
#include "daemon/request/session.h"
#include "daemon/request/tap.h"

#define WATCH_NEAR_HIT  "near_hit"
#define WATCH_NEAR_MISS "near_miss"

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

// Begin and end to tap the loop of the context; likewise.
void watch_add_tap(struct context *context, struct tap *tap);
void watch_remove_tap(struct context *context, struct tap *tap);

// Has the taps fetch their events. To be called once a turn of the loop, when context->watch is
// there.
void watch_flush(struct context *context);

// The requests of the client, which has gone, are not followed any further.
void watch_forget(struct session *session);

// Nobody watches the loop any more, which ends.
void watch_end(struct context *context);

// For a request that context->unwatched has come to. The call of `a` may be looked at only when
// there is a namespace.
void watch_look(struct request *r, const struct admission *a);

// To be called for each request that begins.
static inline void watch_request(struct request *r, const struct admission *a) {
    if (__builtin_expect(--r->context->unwatched == 0, 0))
        watch_look(r, a);
}

// The same as watch_look() for a read that the near cache has answered, without a struct request,
// by `len` bytes.
void watch_near(struct session *session, const struct admission *a, bool is_miss, size_t len);
