// Client: one connection of somebody who asks.
//
//   OPEN ──quit, PROTOCOL, end of file──► ENDING ──replies are out──► LINGERING ──► closed
//
// It owns its socket, the bytes of its unfinished request, and its queue of requests in order.
#pragma once

#include "daemon/backend/backend.h"
#include "daemon/backend/waiting_room.h"
#include "daemon/loop/stream.h"
#include "daemon/request/session.h"
#include "protocol/bytes.h"
#include "protocol/parser.h"

struct context;

struct dialect;

enum client_state {
    CLIENT_OPEN,
    CLIENT_ENDING,    // takes no more requests; ends when the last reply is written
    CLIENT_LINGERING, // this side has ended; what still comes is thrown away, so that the peer's
                      // system does not discard the last replies because of it
    CLIENT_CLOSED,
};

struct client {
    struct stream stream;
    struct session session;
    struct clients *all; // the list of clients that it is on
    struct client *next, *before;
    enum client_state state;
    struct parser parser;
    struct bytes in;      // what is read and not parsed: an unfinished request, or what must wait
    struct waiter waiter; // for room at a backend: its next request is the first in `in`
    bool is_waiting_turn; // what follows waits until all its requests are answered, or
                          // session.check is done
    bool is_turn_due;     // they are: it is on the list of those whose turn has come
    struct client *next_due, **before_due;
    bool is_late;        // what is in `in` has waited too long for room
    size_t most_request; // bytes of a request, and of replies that it has not read: as the settings
    size_t most_output;  // and its being known or not say
    uint64_t connected_ms, active_ms; // in the loop's time
    uint64_t stalled_ms;     // since when it has taken nothing of too much output; 0: it has not
    uint64_t accepted;       // stream.accepted when that began
    bool has_parsed_request; // the first in `in`, which had to wait
};

// The clients of one loop. The worker owns the list, and fills it in.
struct clients {
    struct context *context;
    struct client *first;
    size_t count;
    struct client *turns_due;     // a list: those for client_take_turn()
    uint64_t last_number;         // of a client, among those of this loop
    size_t worker, workers;       // the loop's own number and how many there are: an id says both
    void (*on_left)(void *owner); // a client has been closed, and is not on the list any more
    void *owner;
};

// A client of which only the stream is still to be set up: accept into it, then client_start() or
// client_close().
struct client *client_new(struct clients *all, const struct dialect *dialect, bool is_unix);
void client_start(struct client *c);

// A client of the connection `fd`, which another thread has accepted and which is taken over.
void client_adopt(struct clients *all, const struct dialect *dialect, int fd, bool is_unix);

// No more requests; closes when all replies are written.
void client_end(struct client *c);
// At once.
void client_close(struct client *c);

// Sets most_request and most_output: to be called when it is known who asks, and after a reload.
void client_set_limits(struct client *c);

// All its requests are answered, and it waited for that: lets it go on.
void client_take_turn(struct client *c);

// The daemon ends: it is ended as soon as it has nothing in flight.
void client_drain(struct client *c);

// Once in a while: closes it if it has been idle or stalled for too long.
void client_sweep(struct client *c, uint64_t now_ms);
