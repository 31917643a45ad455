// Client: one connection of somebody who asks.
//
//   OPEN ──quit, PROTOCOL, end of file──► ENDING ──replies are out──► LINGERING ──► closed
//
// It owns its socket, the bytes of its unfinished request, and its queue of requests in order.
#pragma once

#include "backend.h"
#include "caller.h"
#include "parser.h"
#include "request.h"
#include "stream.h"

struct server;

enum client_state {
    CLIENT_OPEN,
    CLIENT_ENDING,    // takes no more requests; ends when the last reply is written
    CLIENT_LINGERING, // this side has ended; what still comes is thrown away, so that the peer's
                      // system does not discard the last replies because of it
    CLIENT_CLOSED,
};

struct client {
    struct stream stream;
    struct server *server;
    struct client *next, *before; // among the server's clients
    uint64_t id;
    enum client_state state;
    struct parser parser;
    struct bytes in; // what is read and not parsed: an unfinished request, or what must wait
    struct request *first, *last; // requests in order; the first may be writing its reply
    size_t pending;               // how many
    size_t held;                  // bytes of replies whose turn has not come
    size_t reply_size; // the longest reply of a backend to it, of late; 0: none was asked for
    struct backend_waiter waiter; // for room at a backend: its next request is the first in `in`
    bool is_waiting_turn;         // what follows waits until all its requests are answered
    struct client *next_turn;     // among those that do
    bool is_over;                 // too much output: it is not read until all of that is written
    bool is_late;                 // what is in `in` has waited too long for room
    bool is_ended;                // the peer has ended its side
    uint64_t connected_ms, active_ms; // in the loop's time
    uint64_t stalled_ms; // since when it has taken nothing of too much output; 0: it has not
    uint64_t accepted;   // stream.accepted when that began
    uint64_t requests;   // counter
    const struct verb *last_verb;
    struct caller caller;
    struct request *penalty; // an auth whose refusal is held back
    uint64_t penalty_until_ms;
    bool has_held;    // the first request in `in` is parsed, and had to wait
    char address[56]; // "unix:pid=1,uid=2" or "127.0.0.1:3": of the peer
};

// A client of which only the stream is still to be set up: accept into it, then client_start() or
// client_close().
struct client *client_new(struct server *server, bool is_unix);
void client_start(struct client *c);

// A client of the connection `fd`, which another thread has accepted and which is taken over.
void client_adopt(struct server *server, int fd, bool is_unix);

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

// How long its requests may be, now that it is known or not who asks.
void client_set_limits(struct client *c);

// Lets it go on when all its requests are answered.
void client_wait_turn(struct client *c);
void client_take_turn(struct client *c);

// The first at once; holds back each further one, and all that follows it, longer each time.
void client_refuse_auth(struct client *c, struct request *auth);

// The daemon ends: it is ended as soon as it has nothing in flight.
void client_drain(struct client *c);

// Once in a while: closes it if it has been idle or stalled for too long.
void client_sweep(struct client *c, uint64_t now_ms);

// Whether its peer has certainly gone. One that ended its side may still read, and over TCP nobody
// can tell; a Unix socket can.
bool client_is_gone(const struct client *c);

// Bytes that it was sent and has not read, replies that wait for their turn included.
size_t client_unread(const struct client *c);
