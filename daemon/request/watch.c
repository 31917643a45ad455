#include "daemon/request/watch.h"

#include <math.h>

#include "daemon/loop/random.h"
#include "daemon/policy/policy.h"
#include "protocol/bytes.h"
#include "protocol/mem.h"
#include "protocol/syntax.h"

struct watch {
    struct watch_sampler *samplers; // a list
};

static struct watch *watch_of(struct context *context) {
    if (!context->watch)
        context->watch = mem_new(sizeof(*context->watch));
    return context->watch;
}

// Returns after how many requests the next sample is taken: as if each request were chosen by the
// same chance, so that no regular stream of requests hides a key (a geometric distribution).
static uint64_t next_gap(struct random *random) {
    double u = ((double)(random_next(random) >> 11) + 1) * 0x1p-53; // uniform in (0, 1]
    return 1 + (uint64_t)(log(u) / log(1 - 1.0 / WATCH_EVERY));
}

// Sets when the next request is looked at; 0: never.
static void arm(struct context *context) {
    const struct watch *w = watch_of(context);
    context->unwatched = w->samplers ? next_gap(&context->loop.random) : 0;
}

void watch_add_sampler(struct context *context, struct watch_sampler *sampler) {
    struct watch *w = watch_of(context);
    sampler->next = w->samplers;
    w->samplers = sampler;
    arm(context);
}

void watch_remove_sampler(struct context *context, struct watch_sampler *sampler) {
    struct watch_sampler **at = &watch_of(context)->samplers;
    while (*at && *at != sampler)
        at = &(*at)->next;
    if (*at)
        *at = sampler->next;
    arm(context);
}

void watch_end(struct context *context) {
    if (!context->watch)
        return;
    *context->watch = (struct watch){0};
    arm(context);
}

static bool has_key(const struct admission *a) {
    return a->namespace && a->call.argc > 0 && signature_kind(&a->entry->signature, 0) == ARG_KEY;
}

void watch_look(struct context *context, const struct admission *a) {
    struct watch *w = watch_of(context);
    for (struct watch_sampler *s = w->samplers; s && has_key(a); s = s->next)
        hot_keys_add(&s->keys, slice_of(a->namespace->conf->name), a->call.args[0]);
    arm(context);
}
