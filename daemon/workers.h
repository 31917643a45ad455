// Workers: those of one daemon.
//
//   worker 0: the main thread: listeners, signals, reload, embedded redis-servers, systemd
//      │ hands over clients (handover.h) · settings · "drain" · "end"
//      ▼
//   worker 1 … N-1: a thread and a loop each
//
// Each worker is a whole server, with clients, backend connections and near cache of its own: they
// share nothing that changes but this struct and near_shared.h, and speak by messages (mailbox.h).
// A worker that is alone neither has a mailbox nor takes a lock.
#pragma once

#include <stdatomic.h>
#include <stddef.h>

#include "mailbox.h"

struct guesses;
struct near_shared;
struct server;

// Something that each worker is to do, on its own thread. Whoever begins it embeds it.
//
//   the origin ──► the next worker: visit() ──► … ──► the last: visit() ──► the origin:
//   on_all_done()
//
// One worker is visited after the other, so that visit() may gather in a struct without a lock, and
// in the same order by each origin: what began first comes first to each worker.
struct broadcast {
    struct message message;
    void (*visit)(struct broadcast *b, struct server *worker); // NULL: it is enough to be there
    // On the origin's thread, when all have been visited. May be NULL. The struct is the beginner's
    // again, and may be freed.
    void (*on_all_done)(struct broadcast *b, struct server *origin);
    struct server *origin;
    size_t next; // the worker to visit
};

// Puts the settings that are in force at worker 0 in force at the others.
struct workers_settings {
    struct broadcast broadcast;
    struct lead *leads; // a list: one for each worker that is still to be visited
    void (*on_all_follow)(void *owner);
    void *owner;
    bool is_under_way;
};

struct workers {
    struct server **all; // [0] is the main thread's
    size_t count;
    struct complaints *complaints;    // of backends, by all workers
    struct complaints *about_clients; // apart: these must not crowd out the others
    struct guesses *guesses;          // of tokens
    atomic_size_t clients;            // of all: from being accepted to server_remove_client()
    struct near_shared *near;         // NULL: there is one worker
    // Worker 0's own:
    size_t next;    // whose turn it is to get a client
    size_t running; // threads
    struct workers_settings settings;
    struct broadcast drain, end;
};

// With worker 0 alone.
struct workers *workers_new(struct server *main);
// Ends what the other workers have left, when all their threads have ended.
void workers_join(struct workers *workers);
void workers_free(struct workers *workers);

// Starts the others, as the settings in force say.
void workers_start(struct workers *workers);

// Has all workers but the origin visited. To be called on the origin's thread, with `visit` and
// `on_all_done` filled in; the struct lives until the latter is called, which is before this
// returns when there is but one worker. A worker that has ended is passed over.
void workers_broadcast(struct workers *workers, struct server *origin, struct broadcast *b);

// Gives the settings that worker 0 has put in force to the others, and calls back when all follow
// them: at once when there is but one worker. To be called again only after that.
void workers_follow(struct workers *workers, void (*on_all_follow)(void *owner), void *owner);

// Tells the others to drain, and to end.
void workers_drain(struct workers *workers);
void workers_end(struct workers *workers);
