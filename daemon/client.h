// Client: one connection of somebody who asks.
//
//   OPEN ──quit, PROTOCOL, end of file──► ENDING ──replies are out──► LINGERING ──► closed
//
// It owns its socket, the bytes of its unfinished request, and its queue of requests in order.
#pragma once

#include "backend.h"
#include "caller.h"
#include "json_check.h"
#include "parser.h"
#include "request.h"
#include "stream.h"

struct context;

enum client_state {
    CLIENT_OPEN,
    CLIENT_ENDING,    // takes no more requests; ends when the last reply is written
    CLIENT_LINGERING, // this side has ended; what still comes is thrown away, so that the peer's
                      // system does not discard the last replies because of it
    CLIENT_CLOSED,
};

// Whether the token that it brings may be looked at: guesses.h.
enum auth_turn {
    AUTH_NONE,
    AUTH_WAITS,  // with the request that brings it, which is not started
    AUTH_LOOK,   // now
    AUTH_REFUSE, // not at all
};

struct client {
    struct stream stream;
    struct context *context;
    struct clients *all; // the list of clients that it is on
    struct client *next, *before;
    uint64_t id;
    enum client_state state;
    struct parser parser;
    struct bytes in; // what is read and not parsed: an unfinished request, or what must wait
    struct request *first, *last; // requests in order; the first may be writing its reply
    size_t pending;               // how many
    size_t held;                  // bytes of replies whose turn has not come
    size_t reply_size; // the longest reply of a backend to it, of late; 0: none was asked for
    struct backend_waiter waiter; // for room at a backend: its next request is the first in `in`
    bool is_waiting_turn;         // what follows waits until all its requests are answered, or
                                  // `check` is done
    bool is_turn_due;             // they are: it is on the list of those whose turn has come
    struct client *next_due, **before_due;
    bool is_over;        // too much output: it is not read until all of that is written
    bool is_late;        // what is in `in` has waited too long for room
    size_t most_request; // bytes of a request, and of replies that it has not read: as the settings
    size_t most_output;  // and its being known or not say
    bool is_ended;       // the peer has ended its side, and that was read
    bool is_half_closed; // the same, seen while it is not read: there may be more to read
    uint64_t connected_ms, active_ms; // in the loop's time
    uint64_t stalled_ms; // since when it has taken nothing of too much output; 0: it has not
    uint64_t accepted;   // stream.accepted when that began
    uint64_t requests;   // counter
    const struct verb *last_verb;
    struct caller caller;
    enum auth_turn auth_turn;
    uint64_t auth_at_ms;      // AUTH_WAITS: until then
    bool has_held;            // the first request in `in` is parsed, and had to wait
    struct json_check *check; // of that request's values, from then until it is taken; else NULL
    char peer[9];             // who it is to guesses.h
    size_t peer_len;
    char *name;       // as `client setname` says; NULL: none
    char address[56]; // "unix:pid=1,uid=2" or "127.0.0.1:3": of the peer
};

// The clients of one loop. The worker owns the list, and fills it in.
struct clients {
    struct context *context;
    struct client *first;
    size_t count;
    struct client *turns_due;     // a list: see client_wait_turn()
    uint64_t last_number;         // of a client, among those of this loop
    size_t worker, workers;       // the loop's own number and how many there are: an id says both
    void (*on_left)(void *owner); // a client has been closed, and is not on the list any more
    void *owner;
};

// A client of which only the stream is still to be set up: accept into it, then client_start() or
// client_close().
struct client *client_new(struct clients *all, bool is_unix);
void client_start(struct client *c);

// A client of the connection `fd`, which another thread has accepted and which is taken over.
void client_adopt(struct clients *all, int fd, bool is_unix);

// No more requests; closes when all replies are written.
void client_end(struct client *c);
// At once.
void client_close(struct client *c);

// Puts a new request behind the others, and takes it back out when its reply has its turn.
void client_push(struct client *c, struct request *r);
void client_settle(struct client *c);

// Remembers how long a backend's reply to it was: the longest of late. A longer one counts at
// once, and is forgotten over some hundred shorter ones.
static inline void client_learn_reply(struct client *c, size_t len) {
    size_t faded = c->reply_size - c->reply_size / 64;
    c->reply_size = len > faded ? len : faded;
}

// Sets most_request and most_output: to be called when it is known who asks, and after a reload.
void client_set_limits(struct client *c);

// Lets it go on when all its requests are answered: client_take_turn() is called then, in a turn of
// its own.
void client_wait_turn(struct client *c);
void client_take_turn(struct client *c);

// The request that is being started is started again when the check is done: the client owns it
// until then, as `check`.
void client_wait_check(struct client *c, struct json_check *check);

// The request that is being started is started again so much later, and what follows waits for it.
void client_wait_auth(struct client *c, uint64_t wait_ms);

// The daemon ends: it is ended as soon as it has nothing in flight.
void client_drain(struct client *c);

// Once in a while: closes it if it has been idle or stalled for too long.
void client_sweep(struct client *c, uint64_t now_ms);

// Tells the log of it: once for a peer and cause, and then with a count (complaint.h).
void client_complain(const struct client *c, enum log_level level, const char *cause,
                     const char *detail);

// Bytes that it was sent and has not read, replies that wait for their turn included.
size_t client_unread(const struct client *c);
