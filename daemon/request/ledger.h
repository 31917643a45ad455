// Ledger: the one place where requests are counted, for their namespace and for the daemon. Code
// that must hear of each request hooks in here.
#pragma once

#include "daemon/loop/probe.h"
#include "daemon/policy/policy.h"
#include "daemon/policy/stats.h"
#include "daemon/request/answer_run.h"
#include "daemon/request/context.h"
#include "protocol/answer.h"
#include "protocol/call.h"
#include "protocol/refusal.h"
#include "protocol/reply.h"
#include "protocol/verb.h"
#include "protocol/verb_table.h"

// A request was taken: `len` bytes in all its words. `namespace` NULL: the request names none;
// `entry` NULL: nor a verb that exists.
static inline void ledger_request(struct context *context, const struct verb_entry *entry,
                                  const struct namespace *namespace, size_t len) {
    context->stats.requests++;
    if (namespace) {
        namespace->stats->by_verb[entry->id]++;
        namespace->stats->bytes_in += len;
        PROBE(request, namespace->conf->name, entry->verb->name, len);
    } else if (entry) {
        context->stats.stray_by_verb[entry->id]++;
    } else {
        context->stats.unknown_verbs++;
    }
}

static inline void ledger_ttl(const struct namespace *namespace, enum ttl_reason reason) {
    namespace->stats->clamped += reason == TTL_CLAMPED;
}

// A request was refused by its namespace's policy; ledger_error() counts its error as well.
static inline void ledger_refusal(const struct namespace *namespace, enum refusal_reason reason) {
    namespace->stats->refused[reason]++;
}

// The reply is an error. `namespace` NULL: none was found.
static inline void ledger_error(struct context *context, const struct namespace *namespace,
                                enum reply_code code) {
    context->stats.errors[code]++;
    struct namespace_stats *stats = namespace ? namespace->stats : NULL;
    if (stats)
        stats->errors[code]++;
    else
        context->stats.stray_errors[code]++;
}

static inline void ledger_read(const struct namespace *namespace, bool is_miss) {
    struct namespace_stats *stats = namespace->stats;
    if (is_miss)
        stats->misses++;
    else
        stats->hits++;
}

// The near cache gave a reply of `len` bytes.
static inline void ledger_near_reply(const struct namespace *namespace, bool is_miss, size_t len) {
    struct namespace_stats *stats = namespace->stats;
    stats->near[is_miss]++;
    stats->bytes_out += len;
}

// A backend's answer became the reply of `len` bytes.
static inline void ledger_answer(struct context *context, const struct namespace *namespace,
                                 const struct verb *verb, const struct answer *a, size_t len) {
    struct namespace_stats *stats = namespace->stats;
    stats->leases_refused += a->is_failed && a->code == REPLY_LEASE;
    if (a->is_failed)
        ledger_error(context, namespace, a->code);
    else if (verb->flags & VERB_WRITE)
        stats->writes++;
    else
        ledger_read(namespace, a->is_miss);
    stats->bytes_out += len;
}

// --- memo.get ---------------------------------------------------------------------------------

// A reply of memo.get, by its state.
static inline void ledger_memo(const struct namespace *namespace, enum memo_state state,
                               bool has_lease) {
    struct namespace_stats *stats = namespace->stats;
    if (state == MEMO_HIT && !has_lease) { // most replies
        stats->memo_hits++;
        return;
    }
    stats->memo_hits += state == MEMO_HIT;
    stats->memo_stale += state == MEMO_STALE;
    stats->memo_nulls += state == MEMO_NULL;
    stats->memo_misses += state == MEMO_MISS;
    stats->leases_given += has_lease;
    if (has_lease)
        PROBE(lease, namespace->conf->name, "given", 0);
}

// A request begins or ends to wait for another client's result. `is_first`: it has not waited
// before.
static inline void ledger_wait_begins(const struct namespace *namespace, bool is_first) {
    namespace->stats->memo_waiting++;
    namespace->stats->memo_waits += is_first;
}

static inline void ledger_wait_ends(const struct namespace *namespace) {
    namespace->stats->memo_waiting--;
}

// A request that waited got another client's result.
static inline void ledger_saved(const struct namespace *namespace) {
    namespace->stats->computations_saved++;
}

// A lease that requests waited for has ended without a result.
static inline void ledger_lease_expired(const struct namespace *namespace) {
    PROBE(lease, namespace->conf->name, "expired", 0);
    namespace->stats->leases_expired++;
}

// --- purge ------------------------------------------------------------------------------------

static inline void ledger_purge_begins(const struct namespace *namespace) {
    namespace->stats->purging++;
}

static inline void ledger_purge_ends(const struct namespace *namespace) {
    namespace->stats->purging--;
}

// A step of a purge has removed so many keys.
static inline void ledger_purged(const struct namespace *namespace, uint64_t keys) {
    namespace->stats->purge_removed += keys;
}
