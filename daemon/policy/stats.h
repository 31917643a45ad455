// Stats: the counters of a namespace and of the whole daemon. Each worker counts for itself, in
// structs that hold only 64-bit numbers, so that totals.h can add them up.
#pragma once

#include "daemon/loop/histogram.h"
#include "protocol/refusal.h"
#include "protocol/verb_table.h"

struct namespace_stats {
    uint64_t refs;                // of policies: a namespace's counters outlive a reload
    uint64_t by_verb[VERBS_MOST]; // requests, by verb_entry.id
    uint64_t hits, misses;        // reads of backends that found something, or nothing
    uint64_t near[2];             // answers of the near cache: [false] hits, [true] misses
    uint64_t writes;
    uint64_t memo_hits, memo_stale, memo_nulls, memo_misses; // replies of memo.get, by state
    uint64_t leases_given;
    uint64_t leases_refused;           // memo.put and memo.null that came too late
    uint64_t leases_expired;           // ended with nothing, while somebody waited
    uint64_t memo_waiting;             // requests, now
    uint64_t memo_waits;               // requests that had to wait
    uint64_t computations_saved;       // waits that ended with another client's result
    uint64_t errors[REPLY_CODE_COUNT]; // error replies, by code
    uint64_t refused[REFUSALS];        // POLICY errors, by reason
    uint64_t clamped;                  // ttl= above max_ttl, shortened
    uint64_t bytes_in;                 // of requests' words
    uint64_t bytes_out;                // of replies
    uint64_t purging;                  // purges going on now
    uint64_t purge_removed;            // keys
    struct histogram read_times;       // at the backend: from sending to the answer or the failure
    struct histogram write_times;      // likewise
};

// Why clients were closed.
#define CLOSE_REASONS(X)                                                                           \
    X(GONE, gone)         /* the peer has ended, or its connection broke */                        \
    X(QUIT, quit)         /* it said so */                                                         \
    X(IDLE, idle)         /* client_idle */                                                        \
    X(STALLED, stalled)   /* client_stall */                                                       \
    X(PROTOCOL, protocol) /* what it said was no request */                                        \
    X(TLS, tls)           /* its handshake failed */                                               \
    X(KILLED, killed)     /* somebody said kill */                                                 \
    X(RELOAD, reload)     /* its listener's section is gone, or speaks another dialect */          \
    X(DRAIN, drain)       /* the daemon ended */

enum close_reason {
#define X(name, text) CLOSED_##name,
    CLOSE_REASONS(X)
#undef X
        CLOSED_REASONS
};

struct daemon_stats {
    uint64_t accepted;    // clients
    uint64_t turned_away; // clients over max_clients
    uint64_t closed[CLOSED_REASONS];
    uint64_t max_clients; // as the open-files limit allows; worker 0 counts for all workers
    uint64_t requests;
    uint64_t stray_by_verb[VERBS_MOST]; // those of them of no namespace, by verb_entry.id
    uint64_t unknown_verbs;             // those of them whose verb does not exist
    uint64_t errors[REPLY_CODE_COUNT];
    uint64_t stray_errors[REPLY_CODE_COUNT]; // those of them of no namespace
};
