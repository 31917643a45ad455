// Backend: a named Redis: its connection, and what happens while there is none.
//
//   CONNECTING ──ready──► UP ──lost──► CONNECTING (at once; what comes meanwhile is kept)
//        └──failed──► DOWN ──delay──► CONNECTING (what comes meanwhile is refused at once)
//
// The delay grows with each failure and is jittered, so that many daemons do not come back
// together.
//
// While UP, a server that answers that it does not serve (read-only, loading …) is asked on, and
// beside its connection another is made: the host's name is looked up again, and may mean another
// server by now. The new connection takes over once the old one's answers have come, so that no
// request overtakes an earlier one.
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
    BACKEND_FULL, // too much is under way: wait
    BACKEND_DOWN,
};

// The states that `backends` shows, the worse the later.
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

// A fault that answers tell of, while it lasts.
struct backend_trouble {
    const char *cause; // NULL: none yet
    bool is_unfit;     // nothing, or no write, is served
    uint64_t since_ms, last_ms;
};

struct backend {
    struct backend *next; // among all that live
    unsigned refs;        // of policies; 0: it is to be freed
    struct loop *loop;
    struct settings *settings; // a reference: `conf` is in there
    const struct backend_conf *conf;
    struct account account;
    struct tracker *tracker;      // NULL: none of its namespaces has near = yes
    struct embedded *embedded;    // NULL: not ours to run
    char *path;                   // embedded: of its server's Unix socket, never changed; else NULL
    char *subject;                // of complaints: "backend NAME"
    struct backend_conn *conn;    // NULL while DOWN
    struct backend_conn *reserve; // being made beside it; or NULL
    struct backend_conn *former;  // that it took over from, while that is awaited; or NULL
    bool is_up;
    bool is_stopping;
    uint64_t starting_until_ms; // embedded: until then its server may still be starting
    unsigned failures;          // to connect, in a row
    unsigned setbacks;          // likewise, and connections that never served anything
    uint64_t since_ms;          // it is up, or is not
    char reason[160];           // why it is not up; "" while that is not known
    struct backend_trouble trouble;
    uint64_t renew_ms; // not to be looked up again before
    unsigned renewals; // of late
    unsigned attempt;  // which of the host's addresses
    uv_timer_t retry;
    struct waiting_room waiting; // for room
    unsigned handles;   // that libuv still holds; the memory goes with the last, and the last ref
    size_t most_output; // bytes that may wait to be written: beyond, it is full
    void (*on_settled)(void *owner); // it came up, or failed for good as far as starting goes
    void *owner;
    bool is_settled;
    struct conn_counters past; // of the connections before this one
    uint64_t connects;         // counters
};

// Starts to connect. Takes a reference on `settings`. `path`: where the server of an embedded
// backend runs already; NULL: it is to be started, if it is one.
struct backend *backend_new(struct loop *loop, struct settings *settings,
                            const struct backend_conf *conf, const char *path,
                            void (*on_settled)(void *owner), void *owner);

// Whether it has been made from the same options.
bool backend_has_conf(const struct backend *b, const struct backend_conf *conf);

struct backend *backend_ref(struct backend *b);
// Nothing is freed at once: a backend may let go of its own last request.
void backend_unref(struct backend *b);

// Answers all that is under way with errors, and takes nothing more.
void backend_stop(struct backend *b);

// As backend_stop(); and, when it is embedded, ends its server. Frees itself later.
void backend_free(struct backend *b);

// Follows the keys of these prefixes, which are taken over; none: nothing.
void backend_track(struct backend *b, struct prefixes prefixes);

// The commands that its namespaces' verbs send, and the front of a key of theirs.
void backend_need(struct backend *b, const struct rights *rights, uint64_t commands,
                  struct slice key);

// A client was told of a fault of the server's: tells the log, shows it in `backends`, and looks
// whether it is still so. `cause` is a constant text, and `detail` anybody's words.
void backend_note_fault(struct backend *b, enum fault fault, const char *cause, const char *detail);

// backend_pick() where not all is well.
struct backend_conn *backend_pick_with_care(struct backend *b, enum backend_room *room);

// Whether too much is under way at its connection.
static inline bool backend_is_full(const struct backend *b) {
    return b->conn->pending >= (size_t)b->conf->max_pending ||
           stream_unread(&b->conn->stream) >= b->most_output;
}

// The connection for commands about the key, valid until the loop goes on; NULL: there is none.
// When *room is BACKEND_FULL, only further steps of what is under way already may be sent over it.
static inline struct backend_conn *backend_pick(struct backend *b, struct split_key key,
                                                enum backend_room *room) {
    (void)key; // one server has all keys
    if (!b->is_up || b->is_stopping || backend_is_full(b))
        return backend_pick_with_care(b, room);
    *room = BACKEND_ROOM;
    return b->conn;
}

// Lets waiters go on as far as there is room; to be called once a turn.
void backend_wake(struct backend *b);

struct backend_state backend_state(const struct backend *b);

size_t backend_pending(const struct backend *b);

// Of all its connections.
struct conn_counters backend_counters(const struct backend *b);
