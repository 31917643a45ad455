// Tally: the counters of all workers, added up, for the reports.
//
// Each worker adds its own on its own thread, one after the other: crew.h carries the tally round.
#pragma once

#include "backend.h"
#include "near_store.h"
#include "policy.h"

struct server;

struct backend_tally {
    struct backend_state state; // the worst of all workers
    char reason[160];           // its own copy of state.reason
    size_t live, tracking;      // of how many the tracker is live, and how many have one
    uint64_t pending, connects, waits, wait_ms, late_waits;
    uint64_t invalidations, flushes, losses; // of trackers
    uint64_t most_failures;                  // in a row
    struct conn_counters conns;
};

struct tally {
    struct policy *policy; // a reference: whose namespaces and backends are listed
    size_t workers;
    size_t clients;
    struct server_stats stats;
    struct near_counters near;
    struct space_stats *spaces;     // in the order of the settings
    struct backend_tally *backends; // likewise
    bool has_clients;               // `client_lines` is wanted
    char *user;                     // of this user's clients alone; NULL: of all
    struct bytes client_lines;
};

// Takes a reference on the policy; on its server's thread, as tally_deinit().
// `user` is copied.
void tally_init(struct tally *t, struct policy *policy, bool has_clients, const char *user);
void tally_deinit(struct tally *t);

// Adds the server's, on its own thread.
void tally_add(struct tally *t, const struct server *server);
