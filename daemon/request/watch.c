#include "daemon/request/watch.h"

#include <math.h>

#include "conf/sections.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/random.h"
#include "daemon/policy/policy.h"
#include "protocol/bytes.h"
#include "protocol/mem.h"
#include "protocol/syntax.h"
#include "protocol/verb.h"

// A request that is followed to its end.
struct trail {
    struct request_trail trail;
    struct trail *next, **at; // in the watch's list
    struct request *request;
    const struct verb *verb;
    uint64_t taps; // a bit for each tap that wants it, by its number
    uint64_t began_ns;
    struct slice key; // the beginning, in key_bytes; no data: none
    bool is_cut;
    char key_bytes[TAP_LONGEST_KEY];
};

struct watch {
    struct watch_sampler *samplers; // a list
    uint64_t unsampled;             // requests until the next sample
    struct tap *taps;               // a list
    struct trail *trails;           // a list
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
    context->unwatched = w->taps ? 1 : w->samplers ? w->unsampled : 0;
}

// --- samples ----------------------------------------------------------------------------------

void watch_add_sampler(struct context *context, struct watch_sampler *sampler) {
    struct watch *w = watch_of(context);
    sampler->next = w->samplers;
    w->samplers = sampler;
    w->unsampled = next_gap(&context->loop.random);
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

// Returns the key of the request, without its prefix; no data: it has none.
static struct slice key_of(const struct admission *a) {
    bool has_key =
        a->namespace && a->call.argc > 0 && signature_kind(&a->entry->signature, 0) == ARG_KEY;
    if (!has_key)
        return (struct slice){0};
    return a->call.args[0].len > 0 ? a->call.args[0] : SLICE("");
}

static void sample(struct watch *w, const struct admission *a) {
    struct slice key = key_of(a);
    for (struct watch_sampler *s = w->samplers; s && key.data; s = s->next)
        hot_keys_add(&s->keys, slice_of(a->namespace->conf->name), key);
}

// Looks whether the request is one of the sample. Without taps only such requests are looked at.
static void look_for_sample(struct context *context, const struct admission *a) {
    struct watch *w = context->watch;
    if (!w->samplers || (w->taps && --w->unsampled > 0))
        return;
    sample(w, a);
    w->unsampled = next_gap(&context->loop.random);
}

// --- taps -------------------------------------------------------------------------------------

void watch_add_tap(struct context *context, struct tap *tap) {
    struct watch *w = watch_of(context);
    tap->number = w->taps ? w->taps->number + 1 : 0;
    tap->next = w->taps;
    w->taps = tap;
    arm(context);
}

void watch_remove_tap(struct context *context, struct tap *tap) {
    struct tap **at = &watch_of(context)->taps;
    while (*at && *at != tap)
        at = &(*at)->next;
    if (*at)
        *at = tap->next;
    arm(context);
}

void watch_flush(struct context *context) {
    for (struct tap *tap = context->watch->taps, *next; tap; tap = next) {
        next = tap->next;
        tap->flush(tap);
    }
}

static uint64_t bit_of(const struct tap *tap) { return UINT64_C(1) << tap->number % 64; }

static const char *name_of(const struct admission *a) {
    return a->namespace ? a->namespace->conf->name : NULL;
}

static const struct verb *verb_of(const struct admission *a) {
    return a->entry ? a->entry->verb : NULL;
}

// Returns the bits of the taps that want the request.
static uint64_t find_taps(struct context *context, const struct admission *a) {
    uint64_t found = 0;
    for (const struct tap *tap = context->watch->taps; tap; tap = tap->next)
        if (tap_wants(tap, verb_of(a), name_of(a)) &&
            random_up_to(&context->loop.random, tap->filter.sample - 1) == 0)
            found |= bit_of(tap);
    return found;
}

static void tell(struct context *context, uint64_t taps, const struct tap_event *event) {
    for (struct tap *tap = context->watch->taps; tap; tap = tap->next)
        if (taps & bit_of(tap))
            tap_add(tap, event);
}

static void free_trail(struct trail *t) {
    *t->at = t->next;
    if (t->next)
        t->next->at = t->at;
    t->request->trail = NULL;
    mem_free(t);
}

static void end_trail(struct request *r) {
    struct trail *t = (struct trail *)r->trail; // its first member
    struct tap_event event = {
        .verb = t->verb ? t->verb->name : "none",
        .name = r->namespace ? r->namespace->conf->name : NULL,
        .key = t->key,
        .is_cut = t->is_cut,
        .result = t->trail.result,
        .took_us = (uv_hrtime() - t->began_ns) / 1000,
        .len = t->trail.len,
        .client = r->session->id,
    };
    tell(r->context, t->taps, &event);
    free_trail(t);
}

static void copy_key(struct trail *t, struct slice key) {
    t->is_cut = key.len > TAP_LONGEST_KEY;
    key.len = t->is_cut ? TAP_LONGEST_KEY : key.len;
    memcpy(t->key_bytes, key.data, key.len);
    t->key = (struct slice){t->key_bytes, key.len};
}

static void follow(struct request *r, const struct admission *a, uint64_t taps) {
    struct watch *w = r->context->watch;
    struct trail *t = mem_new(sizeof(*t));
    struct slice key = key_of(a);
    *t = (struct trail){.trail = {.end = end_trail, .result = "done"},
                        .next = w->trails,
                        .at = &w->trails,
                        .request = r,
                        .verb = verb_of(a),
                        .taps = taps,
                        .began_ns = uv_hrtime()};
    if (t->next)
        t->next->at = &t->next;
    w->trails = t;
    if (key.data)
        copy_key(t, key);
    r->trail = &t->trail;
}

void watch_forget(struct session *session) {
    struct watch *w = session->context->watch;
    for (struct trail *t = w ? w->trails : NULL, *next; t; t = next) {
        next = t->next;
        if (t->request->session == session)
            free_trail(t);
    }
}

// --- both -------------------------------------------------------------------------------------

void watch_look(struct request *r, const struct admission *a) {
    look_for_sample(r->context, a);
    uint64_t taps = find_taps(r->context, a);
    if (taps)
        follow(r, a, taps);
    arm(r->context);
}

void watch_near(struct session *session, const struct admission *a, bool is_miss, size_t len) {
    struct context *context = session->context;
    struct slice key = key_of(a);
    struct tap_event event = {.verb = verb_of(a)->name,
                              .name = name_of(a),
                              .key = key,
                              .is_cut = key.len > TAP_LONGEST_KEY,
                              .result = is_miss ? WATCH_NEAR_MISS : WATCH_NEAR_HIT,
                              .len = len,
                              .client = session->id};
    if (event.is_cut)
        event.key.len = TAP_LONGEST_KEY;
    look_for_sample(context, a);
    tell(context, find_taps(context, a), &event);
    arm(context);
}

void watch_end(struct context *context) {
    if (!context->watch)
        return;
    context->watch->samplers = NULL;
    context->watch->taps = NULL;
    arm(context);
}
