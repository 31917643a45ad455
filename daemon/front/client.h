// Client: one connection over which requests come.
//
//   OPEN ──quit, PROTOCOL, end of file──► ENDING ──replies are out──► LINGERING ──► closed
//   SHAKING, when it comes over TLS, then OPEN
//
// The client owns its socket, the bytes of its unfinished request, and its reply queue.
#pragma once

#include <stdatomic.h>

#include "daemon/backend/backend.h"
#include "daemon/backend/waiting_room.h"
#include "daemon/front/stall.h"
#include "daemon/loop/stream.h"
#include "daemon/policy/stats.h"
#include "daemon/request/session.h"
#include "protocol/bytes.h"
#include "protocol/parser.h"

struct context;

struct dialect;
struct tls_server;

enum client_state {
    CLIENT_OPEN,
    CLIENT_ENDING,    // takes no more requests; ends when the last reply is written
    CLIENT_LINGERING, // this side has ended; further input is read and thrown away: unread input
                      // would reset the connection, and the peer could lose the last replies
    CLIENT_CLOSED,
    CLIENT_SHAKING, // takes no request yet
};

struct client {
    struct stream stream;
    struct session session;
    struct clients *all; // the list that the client is on
    struct client *next, *before;
    enum client_state state;
    struct parser parser;
    struct bytes in;      // input that was not taken yet: an unfinished request, or waiting ones
    struct waiter waiter; // for room at a backend, which the first request in `in` needs
    bool is_waiting_turn; // the requests in `in` wait until all earlier ones are answered, or
                          // session.check is done
    bool is_turn_due;     // that wait is over: the client is on the list clients.turns_due
    struct client *next_due, **before_due;
    bool is_late;          // the first request in `in` has waited too long for room
    bool is_accepted;      // the client counts, also when it is closed
    enum close_reason why; // it ends: the first reason that was given
    size_t most_request;   // bytes of a request, by the settings and by whether the user is known
    size_t most_output;    // bytes of replies that the client has not read, likewise
    uint64_t connected_ms, active_ms; // in the loop's time
    struct stall stall;
    bool has_parsed_request; // the first request in `in` is parsed, and had to wait
};

// The clients of one loop. The worker owns the list, and fills it in.
struct clients {
    struct context *context;
    struct client *first;
    size_t count;
    struct client *turns_due;     // a list of the clients for client_take_turn()
    uint64_t last_number;         // of the newest client, among those of this loop
    size_t worker, workers;       // the worker's number and how many there are: client ids use both
    atomic_size_t *handshakes;    // of all loops, that are under way
    void (*on_left)(void *owner); // a client has been closed, and is not on the list any more
    void *owner;
};

// Returns a new client whose stream is not connected yet. `listener` is the name of the listener's
// section, NULL for [cachesd]. The caller accepts a connection into the
// stream, and then calls client_start(), or client_close() when that failed. `tls` NULL: the client
// comes without TLS; otherwise the caller has counted the handshake in `handshakes`, and the client
// ends it.
struct client *client_new(struct clients *all, const struct dialect *dialect, const char *listener,
                          bool is_unix);
void client_start(struct client *c, struct tls_server *tls);

// Makes and starts a client for the connection `fd`, which another thread has accepted. Takes over
// `fd`.
void client_adopt(struct clients *all, const struct dialect *dialect, const char *listener, int fd,
                  bool is_unix, struct tls_server *tls);

// Takes no more requests; the client is closed when all replies are written.
void client_end(struct client *c, enum close_reason why);
// Closes the client at once. The memory is freed later.
void client_close(struct client *c, enum close_reason why);

// Sets most_request and most_output. To be called when the identity has changed, and after a
// reload.
void client_set_limits(struct client *c);

// Lets a client go on that waited until all its requests were answered.
void client_take_turn(struct client *c);

// To be called when the daemon ends: the client is ended as soon as no request is in flight.
void client_drain(struct client *c);

// Closes the client if it has been idle or stalled for too long. To be called once in a while.
void client_sweep(struct client *c, uint64_t now_ms);
