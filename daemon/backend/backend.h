// Backend: a named Redis, of one server or of several.
//
// backend.c has all that concerns the name: waiting, troubles, the account. How the servers of each
// kind of URL are found is the business of its route (route.h).
#pragma once

#include "conf/sections.h"
#include "conf/settings.h"
#include "conf/tls_context.h"
#include "daemon/backend/account.h"
#include "daemon/backend/conn.h"
#include "daemon/backend/eviction.h"
#include "daemon/backend/node.h"
#include "daemon/backend/room.h"
#include "daemon/backend/route.h"
#include "daemon/backend/secret.h"
#include "daemon/backend/waiting_room.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/stream.h"
#include "daemon/near/source.h"
#include "daemon/near/tracker.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/redis_error.h"
#include "protocol/rights.h"

// The states that the verb `backends` shows, from the best to the worst.
enum backend_health {
    BACKEND_WELL,
    BACKEND_TROUBLED,
    BACKEND_UNFIT,
    BACKEND_PARTLY, // some keys have no server now
    BACKEND_CONNECTING,
    BACKEND_LOST
};

struct backend_state {
    enum backend_health health;
    const char *reason; // NULL: all is well
    uint64_t since_ms;  // in the loop's time
};

// The fault that the server's answers tell of, while it lasts.
struct backend_trouble {
    const char *cause; // NULL: none yet
    bool is_unfit;     // the server serves no request, or no write
    uint64_t since_ms, last_ms;
};

struct backend {
    struct backend *next; // in the list of all that live
    unsigned refs;        // of policies; 0: the backend is to be freed
    struct loop *loop;
    struct settings *settings; // a reference: `conf` is in there
    const struct backend_conf *conf;
    const struct route *route;
    void *parts;                                    // of the route: its nodes
    unsigned (*hash_slot_of)(struct split_key key); // of the route; NULL: one server has all keys
    // Set while one server has all keys and serves: the short way of backend_pick() and
    // backend_source().
    struct backend_conn *conn;
    const struct near_source *source; // NULL as well where none of its namespaces has near = yes
    size_t most_output; // bytes that may wait to be written: with more the backend is full
    struct account account;
    char eviction[EVICTION_SIZE]; // of the server that was connected last; "": not known
    struct tls_client *tls;       // a reference, to that of the newest settings; NULL: none
    struct secret secret;         // the password
    struct node_family family;
    struct prefixes prefixes; // of the keys whose changes are followed
    const char *path;         // embedded: of its server's Unix socket, never changed; else NULL
    bool is_stopping;
    bool is_restless; // route->wake() is to be called each turn
    struct backend_trouble trouble;
    struct waiting_room waiting; // for room
    unsigned handles; // that libuv still holds; freed with the last handle and the last reference
    void (*on_settled)(void *owner); // it came up, or the daemon must start without it
    void *owner;
    bool is_settled;
};

// Starts to connect. Takes a reference on `settings`. `path` is the Unix socket of an embedded
// backend whose server runs already; NULL starts the server of an embedded backend.
struct backend *backend_new(struct loop *loop, struct settings *settings,
                            const struct backend_conf *conf, const struct route *route,
                            const char *path, void (*on_settled)(void *owner), void *owner);

// Returns whether the backend was made from the same options.
bool backend_has_conf(const struct backend *b, const struct backend_conf *conf);

// To be called when settings with the same options are put in force: the files that they name may
// have changed. Connections that are made from now on go by these.
void backend_renew(struct backend *b, const struct backend_conf *conf);

struct backend *backend_ref(struct backend *b);
// Drops a reference. The memory is freed when the last reference is dropped and backend_free() has
// closed the handles, so never while the backend's own code runs.
void backend_unref(struct backend *b);

// Answers all requests under way with errors, and takes no more.
void backend_stop(struct backend *b);

// Stops the backend, ends its server when it is embedded, and closes its handles. The memory is
// freed later, with the last reference.
void backend_free(struct backend *b);

// For routes: the backend has come up, or cannot come up for now.
void backend_settle(struct backend *b);

// Has the trackers follow the keys of these prefixes, and takes over the prefixes. With no prefix
// there is no tracker.
void backend_track(struct backend *b, struct prefixes prefixes);

// Tells the account which commands the verbs of its namespaces send, and a prefix of their keys.
void backend_need(struct backend *b, const struct rights *rights, uint64_t commands,
                  struct slice key);

// To be called when a client was told of a fault of the server: logs the fault, shows it in
// `backends`, and finds out whether it lasts. `cause` is a constant text; `detail` may be anybody's
// words; `node` is the server, NULL when the daemon itself refused.
void backend_note_fault(struct backend *b, struct node *node, enum fault fault, const char *cause,
                        const char *detail);

// The same for an answer; for struct node_events, whose owner is the backend.
void backend_note_answer(void *owner, struct node *node, const struct answer *answer);

// Returns the hash slot of the key, which the calls below take; 0 where one server has all keys.
static inline unsigned backend_hash_slot(const struct backend *b, struct split_key key) {
    return b->hash_slot_of ? b->hash_slot_of(key) : 0;
}

// Returns the connection for commands about keys of the hash slot, valid until the loop goes on;
// NULL when there is none. The next slot pushed to the connection must be about such a key. When
// *room is neither BACKEND_ROOM nor BACKEND_DOWN, only further steps of requests that are already
// under way may be sent over the connection.
static inline struct backend_conn *backend_pick(struct backend *b, unsigned hash_slot,
                                                enum backend_room *room) {
    struct backend_conn *c = b->conn;
    if (!c || c->pending >= (size_t)b->conf->max_pending ||
        stream_unread(&c->stream) >= b->most_output)
        return b->route->pick(b, hash_slot, room);
    *room = BACKEND_ROOM;
    return c;
}

// Returns the source of kept answers about keys of the hash slot, valid until the next call; NULL
// when no changes are followed.
static inline const struct near_source *backend_source(struct backend *b, unsigned hash_slot) {
    return b->source ? b->source : b->route->source(b, hash_slot);
}

// The same for the first key of the call, whose hash slot is looked for only where it matters.
static inline const struct near_source *backend_source_of(struct backend *b,
                                                          const struct call *call) {
    return b->source ? b->source : b->route->source(b, backend_hash_slot(b, call_key(call)));
}

// Returns whether a turn of the loop has something to do for the backend.
static inline bool backend_wants_look(const struct backend *b) {
    return b->is_restless || b->waiting.first;
}

// Lets waiters go on as far as there is room. To be called once a turn of the loop.
void backend_look(struct backend *b);
static inline void backend_wake(struct backend *b) {
    if (backend_wants_look(b))
        backend_look(b);
}

struct backend_state backend_state(const struct backend *b);

size_t backend_pending(const struct backend *b);

// Calls `visit` for each server that has keys of its own.
void backend_each_node(const struct backend *b, void (*visit)(struct node *node, void *context),
                       void *context);

// Returns how often a hash slot of the backend has come to another node.
static inline uint64_t backend_turns(const struct backend *b) {
    return b->route->turns ? b->route->turns(b) : 0;
}

// The sums over all nodes, and all their connections.
struct backend_sums {
    struct conn_counters conns;
    uint64_t connects, failures;             // failures: the most of a node, in a row
    size_t live, tracking;                   // trackers that are live, and trackers
    uint64_t invalidations, flushes, losses; // of trackers
};

struct backend_sums backend_sum(const struct backend *b);
