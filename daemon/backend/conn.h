// Backend connection: one pipelined connection to Redis.
//
//   DIALING → GREETING → READY ─┐
//      └─────────┴──────────────┴──► CLOSED (then freed)
//
// Answers come in the order of the commands, so the pending slots are a queue. A slot whose time is
// over stays in the queue until its answer comes, so that no slot gets the answer of another.
#pragma once

#include "conf/sections.h"
#include "daemon/backend/account.h"
#include "daemon/backend/slot.h"
#include "daemon/loop/dial.h"
#include "daemon/loop/endpoint.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/stream.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/command.h"
#include "protocol/resp.h"
#include "protocol/rights.h"

struct backend_conn;

// A question of the greeting: whether the server is the one that is looked for.
struct introduction {
    void (*write)(struct command *command);
    // Takes an event of the answer. Writes to `reason`, an empty text of CONN_REASON_SIZE bytes,
    // why the connection must not be used.
    void (*take)(void *owner, const struct event *e, char *reason);
};

struct backend_conn_owner {
    void (*on_ready)(void *owner);
    // The connection is closed, and its slots have failed. The connection frees itself later.
    void (*on_lost)(void *owner, const char *reason);
    // An answer tells of a fault of the server (answer.h).
    void (*on_fault)(void *owner, const struct answer *answer);
    void *owner;
    const struct introduction *introduction; // NULL: none
    // Is given each slot that is pushed, and calls backend_conn_enqueue() for it or for another in
    // its place. NULL: the slot is queued as it is.
    void (*carry)(void *owner, struct slot *slot);
};

enum { CONN_REASON_SIZE = 160 };

enum backend_conn_state { CONN_DIALING, CONN_GREETING, CONN_READY, CONN_CLOSED };

struct conn_counters {
    uint64_t requests; // sent
    uint64_t answers;
    uint64_t timeouts;
};

// The commands that are sent before any request, and answered in this order.
enum greeting {
    GREETING_AUTH,
    GREETING_SELECT,
    GREETING_NAME,
    GREETING_MULTI,
    GREETING_EXEC,
    GREETING_RIGHT, // a command of the question about the account's rights
    GREETING_DISCARD,
    GREETING_INTRODUCTION,
    GREETING_PING,
    GREETINGS
};

struct backend_conn {
    struct stream stream;
    uint64_t id; // random: no other connection has it
    struct loop *loop;
    const struct backend_conf *conf;
    struct backend_conn_owner owner;
    enum backend_conn_state state;
    struct dial dial;
    uv_timer_t timer;             // for whatever comes due first
    uint64_t due_ms;              // when the timer runs out, in the loop's time, as all below
    uint64_t connect_deadline_ms; // of becoming READY
    uint64_t progress_ms;         // when the last answer, or PROGRESS_BYTES of one, had come
    size_t received;              // bytes since then
    uint64_t ping_ms;             // how long the connection may be idle before a PING is sent
    struct slot ping;
    struct account *account; // the backend's
    struct account_question question;
    struct slot asking; // for the question about rights, once the connection is ready
    bool is_asking;
    struct bytes scrap; // the rendered answers to `ping` and `asking`, which nobody reads
    unsigned handles;   // that libuv still holds; 0: the memory may be freed
    struct resp *resp;
    enum greeting greetings[GREETINGS + RIGHTS_MOST];
    unsigned greeting_count, greeting_at;
    struct slot *first, *last; // pending, in the order of their commands
    struct slot *oldest_live;  // the first whose owner has not been told of a timeout
    size_t pending;
    struct answer answer; // of `first`
    struct conn_counters counters;
    char reason[CONN_REASON_SIZE]; // why the connection is to be closed; "" while it is well
    // The server's error to a command of the greeting that may fail. If the server then closes the
    // connection, the error is the reason ("max number of clients reached").
    char farewell[128];
    bool is_reserve; // only the greeting is sent until backend_conn_release()
};

// Begins to connect to the server; `attempt` chooses among the addresses of a host name. `conf`,
// `account` and the texts of `server` must outlive the connection. Never calls the owner before it
// returns.
struct backend_conn *backend_conn_new(struct loop *loop, const struct backend_conf *conf,
                                      struct account *account, const struct endpoint *server,
                                      unsigned attempt, struct backend_conn_owner owner);

// Begins a slot. The caller then writes its commands to slot->command and pushes the slot, before
// anything else happens to the connection.
static inline void backend_conn_begin(struct backend_conn *c, struct slot *slot) {
    slot->sent_at = c->stream.accepted + stream_unread(&c->stream);
    slot->command.out = stream_out(&c->stream);
}

void backend_conn_push(struct backend_conn *c, struct slot *slot);
// The same for commands that are about this very server and no key: the slot is never carried.
void backend_conn_enqueue(struct backend_conn *c, struct slot *slot);

// Asks again which commands the account may not run, at most once a second. The result goes to
// `account`.
void backend_conn_ask_rights(struct backend_conn *c);

// Makes the connection a reserve: it can be written to, but sends nothing until it is released.
void backend_conn_reserve(struct backend_conn *c);
void backend_conn_release(struct backend_conn *c);

// Returns whether a slot waits for its answer; slots whose time is over do not count.
static inline bool backend_conn_is_awaited(const struct backend_conn *c) {
    return c->oldest_live != NULL;
}

// Closes the connection without telling its owner; pending slots fail as LOST or UNSENT.
void backend_conn_close(struct backend_conn *c);
