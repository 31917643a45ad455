// Totals: the counters of all workers, added up, for reports and metrics.
//
// The workers add their counters one after the other, each on its own thread: a broadcast
// (workers.h) carries the struct round. Totals that are collected belong to no thread: any thread
// may read them and free them.
#pragma once

#include "conf/settings.h"
#include "daemon/backend/backend.h"
#include "daemon/backend/conn.h"
#include "daemon/backend/route.h"
#include "daemon/loop/histogram.h"
#include "daemon/near/store.h"
#include "daemon/policy/stats.h"
#include "daemon/worker.h"
#include "daemon/workers.h"
#include "protocol/bytes.h"

struct client_filter;
struct identity;
struct slow_entry;

struct backend_totals {
    struct backend_state state; // the worst of all workers
    char reason[160];           // a copy, which state.reason points to
    size_t live, tracking;      // workers whose tracker is live, and workers that have a tracker
    uint64_t pending, connects, waits, late_waits;
    struct histogram wait_times;
    uint64_t invalidations, flushes, losses; // of trackers
    uint64_t most_failures;                  // in a row
    struct conn_counters conns;
    struct route_counters routes;
};

// Things that the process has once.
struct process_totals {
    int64_t started_s;   // when it began, in seconds since 1970
    int64_t settings_s;  // since when the settings are in force, likewise
    bool is_reload_good; // the last reload put its settings in force; true before any
};

struct worker_totals {
    size_t number;
    uint64_t busy_us; // the time that its thread has been at work
};

// The sums. The code that asks for them embeds the struct.
struct totals {
    struct broadcast broadcast;
    void (*on_collected)(struct totals *t);
    struct settings *settings; // a reference: its namespaces and backends are listed
    // Whether the reader may see each of these namespaces and backends.
    bool *sees_namespace, *sees_backend;
    struct process_totals process;
    struct worker_totals *by_worker; // `workers` of them, in any order
    size_t workers;
    uint64_t clients;
    struct daemon_stats stats;
    struct near_counters near;
    struct route_counters routes;       // of all backends
    struct namespace_stats *namespaces; // in the order of the settings
    struct backend_totals *backends;    // likewise
    bool has_clients;                   // whether to fill in `client_lines`
    char *user;                         // lines only for this user's clients; NULL: for all
    const struct client_filter *filter; // lines only for the clients that pass; NULL: for all
    struct bytes client_lines;
    bool has_slow;           // whether to fill in `slow`: the slow logs of all workers
    struct slow_entry *slow; // of namespaces that the reader may see; keys for an admin alone
    size_t slow_count;
    bool sees_keys;
};

// Prepares the sums for the namespaces and backends of `settings`, on which a reference is taken,
// as far as the reader, who was identified among the same settings, may see them. With
// `has_clients`, there will also be a line for each client that the reader may see.
void totals_init(struct totals *t, struct settings *settings, const struct identity *reader,
                 bool has_clients);
void totals_deinit(struct totals *t);

// Adds up the counters of all workers, and then calls on_collected(). To be called on the thread of
// `origin`, which also runs on_collected(): before this returns when there is only one worker.
void totals_collect(struct totals *t, struct workers *workers, struct worker *origin,
                    void (*on_collected)(struct totals *t));

enum slow_order { SLOW_NEWEST_FIRST, SLOW_SLOWEST_FIRST };

// Sorts `slow`, once the totals are collected.
void totals_sort_slow(struct totals *t, enum slow_order order);

// Returns how many requests of the namespace there were.
uint64_t totals_requests(const struct namespace_stats *stats);

// The names of states, as `backends` shows them, by enum backend_health: BACKEND_WELL and
// BACKEND_TROUBLED have the same.
extern const char *const totals_states[BACKEND_LOST + 1];

// Returns the name of the backend's state.
const char *totals_state(const struct backend_totals *b);
