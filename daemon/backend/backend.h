// Backend: a named Redis with its connection, which is made again when it is lost.
//
//   CONNECTING ──ready──► UP ──lost──► CONNECTING (at once; requests are kept meanwhile)
//        └──failed──► DOWN ──delay──► CONNECTING (requests are refused at once meanwhile)
//
// The delay grows with each failure and is jittered, so that many daemons do not come back
// together.
//
// A server may answer that it does not serve (read-only, loading …) while the backend is UP. It is
// asked further, and a second connection is made beside the first: the host's name is looked up
// again, and may mean another server by now. The new connection takes over once all answers of the
// old one have come, so that no request overtakes an earlier one.
#pragma once

#include "conf/sections.h"
#include "conf/settings.h"
#include "daemon/backend/account.h"
#include "daemon/backend/conn.h"
#include "daemon/backend/embedded.h"
#include "daemon/backend/waiting_room.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/stream.h"
#include "daemon/near/tracker.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/redis_error.h"
#include "protocol/rights.h"

enum backend_room {
    BACKEND_ROOM,
    BACKEND_FULL, // too many requests or bytes are under way: wait
    BACKEND_DOWN,
};

// The states that the verb `backends` shows, from the best to the worst.
enum backend_health {
    BACKEND_WELL,
    BACKEND_TROUBLED,
    BACKEND_UNFIT,
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
    struct account account;
    struct tracker *tracker;      // NULL: none of its namespaces has near = yes
    struct embedded *embedded;    // NULL: the daemon, or this worker, does not run the server
    char *path;                   // embedded: of its server's Unix socket, never changed; else NULL
    char *subject;                // of complaints: "backend NAME"
    struct backend_conn *conn;    // NULL while DOWN
    struct backend_conn *reserve; // a second connection that is being made; or NULL
    struct backend_conn *former;  // the connection before `conn`, until its last answer; or NULL
    bool is_up;
    bool is_stopping;
    uint64_t starting_until_ms; // embedded: until then its server may still be starting
    unsigned failures;          // to connect, in a row
    unsigned setbacks;          // failures, and connections that served no request, in a row
    uint64_t since_ms;          // since when the backend is up, or is not
    char reason[160];           // why the backend is not up; "" while the reason is not known
    struct backend_trouble trouble;
    uint64_t renew_ms; // no reserve is made before
    unsigned renewals; // how many reserves were made of late
    unsigned attempt;  // chooses among the host's addresses
    uv_timer_t retry;
    struct waiting_room waiting; // for room
    unsigned handles;   // that libuv still holds; freed with the last handle and the last reference
    size_t most_output; // bytes that may wait to be written: with more the backend is full
    void (*on_settled)(void *owner); // it came up, or the daemon must start without it
    void *owner;
    bool is_settled;
    struct conn_counters past; // of the connections before this one
    uint64_t connects;         // counters
};

// Starts to connect. Takes a reference on `settings`. `path` is the Unix socket of an embedded
// backend whose server runs already; NULL starts the server of an embedded backend.
struct backend *backend_new(struct loop *loop, struct settings *settings,
                            const struct backend_conf *conf, const char *path,
                            void (*on_settled)(void *owner), void *owner);

// Returns whether the backend was made from the same options.
bool backend_has_conf(const struct backend *b, const struct backend_conf *conf);

struct backend *backend_ref(struct backend *b);
// Drops a reference. The memory is freed when the last reference is dropped and backend_free() has
// closed the handles, so never while the backend's own code runs.
void backend_unref(struct backend *b);

// Answers all requests under way with errors, and takes no more.
void backend_stop(struct backend *b);

// Stops the backend, ends its server when it is embedded, and closes its handles. The memory is
// freed later, with the last reference.
void backend_free(struct backend *b);

// Has the tracker follow the keys of these prefixes, and takes over the prefixes. With no prefix
// the backend has no tracker.
void backend_track(struct backend *b, struct prefixes prefixes);

// Tells the account which commands the verbs of its namespaces send, and a prefix of their keys.
void backend_need(struct backend *b, const struct rights *rights, uint64_t commands,
                  struct slice key);

// To be called when a client was told of a fault of the server: logs the fault, shows it in
// `backends`, and finds out whether it lasts. `cause` is a constant text; `detail` may be anybody's
// words.
void backend_note_fault(struct backend *b, enum fault fault, const char *cause, const char *detail);

// The part of backend_pick() for a backend that is full or not up.
struct backend_conn *backend_pick_with_care(struct backend *b, enum backend_room *room);

// Returns whether too many requests or bytes are under way at the connection, which must exist.
static inline bool backend_is_full(const struct backend *b) {
    return b->conn->pending >= (size_t)b->conf->max_pending ||
           stream_unread(&b->conn->stream) >= b->most_output;
}

// Returns the connection for commands about the key, valid until the loop goes on; NULL when there
// is none. When *room is BACKEND_FULL, only further steps of requests that are already under way
// may be sent over the connection.
static inline struct backend_conn *backend_pick(struct backend *b, struct split_key key,
                                                enum backend_room *room) {
    (void)key; // one server has all keys
    if (!b->is_up || b->is_stopping || backend_is_full(b))
        return backend_pick_with_care(b, room);
    *room = BACKEND_ROOM;
    return b->conn;
}

// Lets waiters go on as far as there is room. To be called once a turn of the loop.
void backend_wake(struct backend *b);

struct backend_state backend_state(const struct backend *b);

size_t backend_pending(const struct backend *b);

// Returns the sums over all connections that the backend has had.
struct conn_counters backend_counters(const struct backend *b);
