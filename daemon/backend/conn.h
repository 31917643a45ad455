// Backend connection: one pipelined connection to Redis.
//
//   DIALING → GREETING → READY ─┐
//      └─────────┴──────────────┴──► CLOSED (then freed)
//
// Answers come in the order of the commands, so what waits is a queue. A slot whose time is over
// stays in it until its answer comes: answers never shift.
#pragma once

#include "conf/sections.h"
#include "daemon/backend/account.h"
#include "daemon/backend/slot.h"
#include "daemon/loop/dial.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/stream.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/resp.h"
#include "protocol/rights.h"

struct backend_conn;

struct backend_conn_owner {
    void (*on_ready)(void *owner);
    // The connection is of no more use; its requests are answered. It frees itself.
    void (*on_lost)(void *owner, const char *reason);
    // An answer tells of a fault of the server's: see answer.h.
    void (*on_fault)(void *owner, const struct answer *answer);
    void *owner;
};

enum backend_conn_state { CONN_DIALING, CONN_GREETING, CONN_READY, CONN_CLOSED };

// Time is counted from sending to answer; what waits for room is counted by backend.h. It is a sum
// of whole milliseconds of the loop's clock, whose errors cancel out.
struct conn_counters {
    uint64_t requests; // sent
    uint64_t answers;
    uint64_t answer_ms; // that all answers took
    uint64_t timeouts;
};

// The commands that are sent before any request, and answered in this order.
enum greeting {
    GREETING_AUTH,
    GREETING_SELECT,
    GREETING_NAME,
    GREETING_MULTI,
    GREETING_EXEC,
    GREETING_RIGHT, // of the question about the account's rights: a command of it
    GREETING_DISCARD,
    GREETING_PING,
    GREETINGS
};

struct backend_conn {
    struct stream stream;
    struct loop *loop;
    const struct backend_conf *conf;
    struct backend_conn_owner owner;
    enum backend_conn_state state;
    struct dial dial;
    uv_timer_t timer;             // for whatever comes due first
    uint64_t due_ms;              // when that is
    uint64_t connect_deadline_ms; // until READY; in the loop's time, as the others
    uint64_t progress_ms;         // the last answer, or the last PROGRESS_BYTES of one
    size_t received;              // bytes since then
    uint64_t ping_ms;             // how long it may be idle before it is asked for a sign of life
    struct slot ping;
    struct account *account; // the backend's
    struct account_question question;
    struct slot asking; // for the question, once the connection is ready
    bool is_asking;
    struct bytes scrap; // of the replies to these two, which nobody reads
    unsigned handles;   // that libuv still holds; 0: the memory may go
    struct resp *resp;
    enum greeting greetings[GREETINGS + RIGHTS_MOST];
    unsigned greeting_count, greeting_at;
    struct slot *first, *last; // pending, in the order of their commands
    struct slot *oldest_live;  // the first whose owner has not been told of a timeout
    size_t pending;
    struct answer answer; // of `first`
    struct conn_counters counters;
    char reason[160]; // why it is to be closed; "" while it is well
    // The server's words to a command of the greeting that may fail: that is why, if it then
    // closes the connection ("max number of clients reached").
    char farewell[128];
    bool is_reserve; // nothing is sent behind the greeting until backend_conn_release()
};

// Begins to connect to the backend; `path` is its Unix socket, NULL for TCP; `attempt` chooses
// among the addresses of a host name. `conf` and `account` must outlive the connection. Never calls
// the owner before it returns.
struct backend_conn *backend_conn_new(struct loop *loop, const struct backend_conf *conf,
                                      struct account *account, const char *path, unsigned attempt,
                                      struct backend_conn_owner owner);

// Begins a slot: its commands are to be written to slot->command, and then it is to be pushed,
// before anything else happens to the connection.
static inline void backend_conn_begin(struct backend_conn *c, struct slot *slot) {
    slot->sent_at = c->stream.accepted + stream_unread(&c->stream);
    slot->command.out = stream_out(&c->stream);
}

void backend_conn_push(struct backend_conn *c, struct slot *slot);

// Asks again what the account may not do, at most once a second; its answers go to `account`.
void backend_conn_ask_rights(struct backend_conn *c);

// A reserve may be written to, but sends nothing until it is released.
void backend_conn_reserve(struct backend_conn *c);
void backend_conn_release(struct backend_conn *c);

// Whether a request waits for its answer, those aside whose time is over.
static inline bool backend_conn_is_awaited(const struct backend_conn *c) {
    return c->oldest_live != NULL;
}

// Closes it without telling the owner; pending slots fail as LOST or UNSENT.
void backend_conn_close(struct backend_conn *c);
