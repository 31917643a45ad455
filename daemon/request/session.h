// Session: the part of a client that its requests see: its identity, its last verb, and its reply
// queue. The client (client.h) embeds the session.
#pragma once

#include "daemon/loop/log_event.h"
#include "daemon/loop/stream.h"
#include "daemon/policy/identity.h"
#include "daemon/policy/peer.h"
#include "daemon/request/json_check.h"
#include "daemon/request/reply_queue.h"
#include "protocol/bytes.h"
#include "protocol/verb.h"

struct admission;
struct backend;
struct context;
struct dialect;
struct mapping;
struct redis_session;
struct refusal;
struct request;

// Whether the token that the client brings may be checked now (guesses.h).
enum auth_turn {
    AUTH_NONE,
    AUTH_WAITS,  // later: the request that brings it is not started yet
    AUTH_LOOK,   // now
    AUTH_REFUSE, // never
};

// Something that goes on for the client until somebody ends it.
struct session_watch {
    // The client has gone, or the daemon ends: ends the watch, and takes it off its session.
    void (*end)(struct session_watch *watch);
    bool is_listening; // the client is read meanwhile, and what it says ends the watch, too
};

struct session {
    struct context *context;
    const struct dialect *dialect; // of the listener that the client came through
    char *listener;                // the name of its section; NULL: [cachesd]
    const struct mapping *mapping; // of that section in context->policy; NULL: [cachesd]
    // Turns the words of a request into a call, in that dialect: admit() (admit.h) or the like. The
    // words may be moved among each other.
    bool (*admits)(struct session *s, struct slice *words, size_t count, struct admission *a,
                   struct refusal *refusal);
    struct redis_session *redis; // NULL: the client does not speak the Redis dialect
    bool is_resp3;               // it gets replies of RESP3
    struct identity identity;
    struct reply_queue replies;
    uint64_t id;       // among all clients of the daemon
    uint64_t requests; // counter
    const struct verb *last_verb;
    enum auth_turn auth_turn;
    uint64_t auth_at_ms;          // AUTH_WAITS: until then, in the loop's time
    struct backend *full_backend; // that has no room for the request that waits to be started
    unsigned full_slot;           // the hash slot of its key there
    struct request *skipped;      // whose reply was too long, and is still coming; NULL: none
    uint64_t skip_began_ms;       // in the loop's time
    uint64_t quiet_until_ms;      // nothing is read of the client until then; 0: it is
    struct json_check *check;     // of the values of the request that waits to be started; or NULL
    struct session_watch *watch;  // goes on for the client; or NULL
    bool is_ended;                // the peer has ended its side, and the end was read
    bool is_half_closed;          // likewise, but unread bytes may come before the end
    char *name;                   // as `client setname` says; NULL: none
    char address[56];             // "unix:pid=1,uid=2" or "127.0.0.1:3": of the peer
    char peer[PEER_SIZE];         // the peer, however often it connects, as guesses.h counts it
    size_t peer_len;
    void (*on_identified)(struct session *s); // called when the identity has changed
};

static inline void session_end_watch(struct session *s) {
    if (s->watch)
        s->watch->end(s->watch);
}

static inline bool session_is_listening(const struct session *s) {
    return s->watch && s->watch->is_listening;
}

// The client has said more, or ended its side.
static inline void session_hear(struct session *s) {
    if (session_is_listening(s))
        session_end_watch(s);
}

// Asks the system who is at the other end of the stream, which must be connected.
void session_init_peer(struct session *s, const struct stream *stream);

// Returns the peer as guesses.h counts it.
static inline struct slice session_peer(const struct session *s) {
    return (struct slice){s->peer, s->peer_len};
}

// Frees the memory that the session holds; the reply queue holds its own.
void session_deinit(struct session *s);

// Returns whether a client may have that name: as with Redis, a name is printable and has no
// spaces.
bool session_is_name(struct slice name, size_t most);
// An empty name takes the name away.
void session_set_name(struct session *s, struct slice name);

// Returns the name of the session's user, or "none".
const char *session_user(const struct session *s);

// Logs an event whose only value is the client.
void session_tell(const struct session *s, enum log_event event);

// Logs a fault of the client: once for each peer and event, and then with a count (complaint.h).
// `user` NULL: that of the session. `more` is one more value, which may be anybody's words.
void session_complain(const struct session *s, enum log_event event, const char *user,
                      struct log_value more);
