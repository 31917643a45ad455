// Totals: the counters of all workers, added up, for the reports.
//
// Each worker adds its own on its own thread, one after the other: a broadcast (workers.h) carries
// the struct round.
#pragma once

#include "daemon/backend/backend.h"
#include "daemon/backend/conn.h"
#include "daemon/near/store.h"
#include "daemon/policy/policy.h"
#include "daemon/policy/stats.h"
#include "daemon/worker.h"
#include "daemon/workers.h"
#include "protocol/bytes.h"

struct backend_totals {
    struct backend_state state; // the worst of all workers
    char reason[160];           // its own copy of state.reason
    size_t live, tracking;      // of how many the tracker is live, and how many have one
    uint64_t pending, connects, waits, wait_ms, late_waits;
    uint64_t invalidations, flushes, losses; // of trackers
    uint64_t most_failures;                  // in a row
    struct conn_counters conns;
};

// The sums. The asker embeds the struct.
struct totals {
    struct broadcast broadcast;
    void (*on_collected)(struct totals *t);
    struct policy *policy; // a reference: whose namespaces and backends are listed
    size_t workers;
    size_t clients;
    struct daemon_stats stats;
    struct near_counters near;
    struct namespace_stats *namespaces; // in the order of the settings
    struct backend_totals *backends;    // likewise
    bool has_clients;                   // `client_lines` is wanted
    char *user;                         // of this user's clients alone; NULL: of all
    struct bytes client_lines;
};

// Lists the namespaces and backends of `policy`, on which a reference is taken. With `has_clients`,
// also a line for each client: of the user of that name, which is copied, or of all (NULL).
void totals_init(struct totals *t, struct policy *policy, bool has_clients, const char *user);
// On the thread of the worker that collected them.
void totals_deinit(struct totals *t);

// Adds up the counters of all workers, and calls back on the thread of `origin`, which is the
// caller's: before this returns when there is but one worker.
void totals_collect(struct totals *t, struct workers *workers, struct worker *origin,
                    void (*on_collected)(struct totals *t));
