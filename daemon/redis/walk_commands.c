// KEYS, DBSIZE, FLUSHDB: walks over the keys of all places of a client (places.h), one place after
// the other, in the steps of a purge, which leave the backend free for others.
#include "conf/sections.h"
#include "daemon/policy/identity.h"
#include "daemon/policy/mapping.h"
#include "daemon/redis/own_rows.h"
#include "daemon/redis/places.h"
#include "daemon/request/context.h"
#include "daemon/request/purge.h"
#include "daemon/request/request.h"
#include "daemon/request/session.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/hash.h"
#include "protocol/mem.h"
#include "protocol/redis/row.h"
#include "protocol/refusal.h"
#include "protocol/reply.h"
#include "protocol/scan.h"
#include "protocol/verb.h"
#include "protocol/verb_table.h"

enum walk_kind { WALK_KEYS, WALK_SIZE, WALK_FLUSH };

struct walk {
    struct request *request;
    enum walk_kind kind;
    struct place *places; // where it goes
    size_t place_count, at;
    struct bytes pattern; // of KEYS
    struct bytes reply;   // the keys, as items of an array
    size_t found, most;
    bool is_too_long;
    // The hashes of the keys that were found, since SCAN may find a key again: open addressing, at
    // most half of the slots are taken. 0: free.
    uint64_t *seen;
    size_t seen_cap, seen_count;
};

static void go_on(struct walk *w);

// --- keys that were seen ----------------------------------------------------------------------

static bool put(uint64_t *slots, size_t cap, uint64_t hash) {
    size_t at = hash & (cap - 1);
    while (slots[at] != 0 && slots[at] != hash)
        at = (at + 1) & (cap - 1);
    bool is_new = slots[at] == 0;
    slots[at] = hash;
    return is_new;
}

static void grow(struct walk *w) {
    size_t cap = w->seen_cap > 0 ? 2 * w->seen_cap : 1024;
    uint64_t *slots = mem_new(cap * sizeof(*slots));
    for (size_t i = 0; i < w->seen_cap; i++)
        if (w->seen[i] != 0)
            (void)put(slots, cap, w->seen[i]);
    mem_free(w->seen);
    w->seen = slots;
    w->seen_cap = cap;
}

// Returns whether the key has not been found before.
static bool is_new(struct walk *w, struct slice key) {
    uint64_t hash = hash_slice(key, (uint64_t)(uintptr_t)w);
    if (2 * (w->seen_count + 1) > w->seen_cap)
        grow(w);
    bool is_first = put(w->seen, w->seen_cap, hash == 0 ? 1 : hash);
    w->seen_count += is_first;
    return is_first;
}

// --- end --------------------------------------------------------------------------------------

static void free_walk(struct walk *w) {
    struct request *r = w->request;
    mem_free(w->places);
    mem_free(w->seen);
    bytes_deinit(&w->pattern);
    bytes_deinit(&w->reply);
    mem_free(w);
    request_release(r);
}

static void write_reply(struct walk *w) {
    struct bytes *out = request_out(w->request);
    switch (w->kind) {
    case WALK_KEYS:
        reply_array(out, w->found);
        bytes_append_slice(out, bytes_slice(&w->reply));
        break;
    case WALK_SIZE: reply_integer(out, (int64_t)w->found); break;
    case WALK_FLUSH: reply_status(out, "OK"); break;
    }
    request_finish(w->request);
}

static void fail(struct walk *w, enum reply_code code, const char *why) {
    struct bytes message = {0};
    bytes_printf(&message, "%s stopped: %s", w->request->entry->verb->name, why);
    bytes_append(&message, "", 1);
    if (w->request->session)
        request_fail(w->request, code, message.data);
    bytes_deinit(&message);
    free_walk(w);
}

// --- places -----------------------------------------------------------------------------------

static bool on_found(void *owner, struct slice real_key) {
    struct walk *w = owner;
    if (!w->request->session) // the client has gone
        return false;
    const struct place *place = &w->places[w->at];
    struct slice key = place_key(place, real_key);
    if (!place_holds(w->request->session, place, key))
        return true;
    if (w->kind == WALK_SIZE) {
        w->found++; // a key that SCAN finds twice counts twice: nothing is kept of millions of keys
        return true;
    }
    if (!is_new(w, real_key))
        return true;
    w->found++;
    reply_bulk(&w->reply, key);
    w->is_too_long = w->reply.len + w->seen_cap * sizeof(*w->seen) > w->most;
    return !w->is_too_long;
}

static void on_done(void *owner, uint64_t removed, enum reply_code code, const char *why) {
    struct walk *w = owner;
    (void)removed;
    w->at++;
    if (why)
        fail(w, code, why);
    else if (w->is_too_long)
        fail(w, REPLY_OVERLOADED, ANSWER_TOO_LONG);
    else
        go_on(w);
}

static void go_on(struct walk *w) {
    struct place_pattern sought;
    while (w->at < w->place_count &&
           !place_pattern(&w->places[w->at], bytes_slice(&w->pattern), &sought))
        w->at++;
    if (!w->request->session) {
        free_walk(w);
    } else if (w->at == w->place_count) {
        write_reply(w);
        free_walk(w);
    } else {
        struct purge_task task = {.found = w->kind == WALK_FLUSH ? NULL : on_found,
                                  .prefix = sought.prefix,
                                  .pattern = sought.pattern,
                                  .done = on_done,
                                  .owner = w};
        purge_walk(w->request, w->places[w->at].namespace, &task);
    }
}

// --- start ------------------------------------------------------------------------------------

static struct walk *begin(struct request *r, enum walk_kind kind, struct slice pattern) {
    struct walk *w = mem_new(sizeof(*w));
    size_t count = places_count(r->session);
    w->request = r;
    w->kind = kind;
    w->places = mem_new((count + 1) * sizeof(*w->places));
    w->most = (size_t)r->policy->settings->daemon.client_output;
    bytes_append_slice(&w->pattern, pattern);
    r->is_pending = true;
    return w;
}

static void add_places(struct walk *w) {
    const struct session *session = w->request->session;
    for (size_t i = 0; i < places_count(session); i++)
        w->place_count += place_at(session, i, &w->places[w->place_count]);
}

static void run_keys(struct request *r, const struct call *call) {
    if (call->args[0].len > SCAN_MOST_PATTERN) {
        request_fail(r, REPLY_ARGS, "the pattern is longer than 1024 bytes");
        return;
    }
    struct walk *w = begin(r, WALK_KEYS, call->args[0]);
    add_places(w);
    go_on(w);
}

static void run_dbsize(struct request *r, const struct call *call) {
    (void)call;
    struct walk *w = begin(r, WALK_SIZE, SLICE("*"));
    add_places(w);
    go_on(w);
}

// --- FLUSHDB ----------------------------------------------------------------------------------

static bool may_flush(const struct session *session, struct refusal *refusal) {
    const struct mapping *mapping = session->mapping;
    if (identity_is_admin(&session->identity))
        return true;
    if (mapping && mapping->conf->flush != FLUSH_NO && identity_may_write(&session->identity))
        return true;
    return refusal_set(refusal, REPLY_NOPERM,
                       "FLUSHDB needs access = admin, or flush = yes in [listener %s] and access "
                       "= write",
                       mapping ? mapping->conf->name : "");
}

// Adds the places where the client may remove all keys. Returns false with a refusal when there is
// none, or when one of them has no room for another purge.
static bool add_flushed(struct walk *w, struct refusal *refusal) {
    const struct session *session = w->request->session;
    const struct verb_entry *purge = verb_find(session->context->verbs, SLICE("purge"));
    for (size_t i = 0; i < places_count(session); i++) {
        struct place *place = &w->places[w->place_count];
        if (!place_at(session, i, place) || !verb_set_has(&place->namespace->verbs, purge))
            continue;
        if (place->namespace->stats->purging >= PURGES_MOST)
            return refusal_set(refusal, REPLY_OVERLOADED,
                               "purges of namespace '%s' are under way already",
                               place->namespace->conf->name);
        w->place_count++;
    }
    return w->place_count > 0 ||
           refusal_set(refusal, REPLY_NOPERM, "there is no namespace here that you may purge");
}

static bool is_mode(struct slice word) {
    return slice_equal_nocase(word, SLICE("ASYNC")) || slice_equal_nocase(word, SLICE("SYNC"));
}

static void run_flush(struct request *r, const struct call *call) {
    struct refusal *refusal = &r->context->refusal;
    if (call->argc > 0 && !is_mode(call->args[0])) {
        request_fail(r, REPLY_ARGS, "syntax error");
        return;
    }
    if (!may_flush(r->session, refusal)) {
        request_fail_with(r, refusal);
        return;
    }
    struct walk *w = begin(r, WALK_FLUSH, SLICE("*"));
    if (add_flushed(w, refusal)) {
        go_on(w);
    } else {
        request_fail_with(r, refusal);
        free_walk(w);
    }
}

#define WALK_FLAGS (VERB_IN_TURN | VERB_BARRIER)

const struct redis_row own_walks[] = {
    {
        .name = "KEYS",
        .instead = "scan",
        .syntax = "pattern",
        .summary = "the keys that fit the pattern, found in steps that leave the backend free",
        .flags = WALK_FLAGS,
        .run = run_keys,
    },
    {
        .name = "DBSIZE",
        .syntax = "",
        .summary = "how many keys there are, counted in steps that leave the backend free",
        .flags = WALK_FLAGS,
        .run = run_dbsize,
    },
    {
        .name = "FLUSHDB",
        .instead = "purge",
        .syntax = "[mode]",
        .summary = "removes every key that the client could reach, step by step",
        .flags = WALK_FLAGS,
        .run = run_flush,
    },
    {
        .name = "FLUSHALL",
        .instead = "purge",
        .syntax = "[mode]",
        .summary = "the same",
        .flags = WALK_FLAGS,
        .run = run_flush,
    },
    {0},
};
