// Totals: the counters of all workers, added up, for the reports.
//
// The workers add their counters one after the other, each on its own thread: a broadcast
// (workers.h) carries the struct round.
#pragma once

#include "conf/settings.h"
#include "daemon/backend/backend.h"
#include "daemon/backend/conn.h"
#include "daemon/backend/route.h"
#include "daemon/near/store.h"
#include "daemon/policy/stats.h"
#include "daemon/worker.h"
#include "daemon/workers.h"
#include "protocol/bytes.h"

struct backend_totals {
    struct backend_state state; // the worst of all workers
    char reason[160];           // a copy, which state.reason points to
    size_t live, tracking;      // workers whose tracker is live, and workers that have a tracker
    uint64_t pending, connects, waits, wait_ms, late_waits;
    uint64_t invalidations, flushes, losses; // of trackers
    uint64_t most_failures;                  // in a row
    struct conn_counters conns;
};

// The sums. The code that asks for them embeds the struct.
struct totals {
    struct broadcast broadcast;
    void (*on_collected)(struct totals *t);
    struct settings *settings; // a reference: their namespaces and backends are listed
    size_t workers;
    size_t clients;
    struct daemon_stats stats;
    struct near_counters near;
    struct route_counters routes;       // of all backends
    struct namespace_stats *namespaces; // in the order of the settings
    struct backend_totals *backends;    // likewise
    bool has_clients;                   // whether to fill in `client_lines`
    char *user;                         // lines only for this user's clients; NULL: for all
    struct bytes client_lines;
};

// Prepares the sums for the namespaces and backends of `settings`, on which a reference is taken.
// With `has_clients`, there will also be a line for each client of the user with the name `user`,
// which is copied; NULL: for each client.
void totals_init(struct totals *t, struct settings *settings, bool has_clients, const char *user);
// May be called on any thread, once they are collected.
void totals_deinit(struct totals *t);

// Adds up the counters of all workers, and then calls on_collected(). To be called on the thread of
// `origin`, which also runs on_collected(): before this returns when there is only one worker.
void totals_collect(struct totals *t, struct workers *workers, struct worker *origin,
                    void (*on_collected)(struct totals *t));
