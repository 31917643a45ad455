// Workers: those of one daemon.
//
//   worker 0: the main thread's, whose loop also has what the process has once (daemon.h)
//      │ hands over clients (handover.h) · settings · "drain" · "end"
//      ▼
//   worker 1 … N-1: a thread and a loop each
//
// Each has clients, backend connections and near cache of its own: they share nothing that changes
// but struct worker_shared, and speak by messages (mailbox.h). A worker that is alone neither has a
// mailbox nor takes a lock.
#pragma once

#include "daemon/loop/mailbox.h"
#include "daemon/request/context.h"
#include "daemon/worker.h"

// Something that each worker is to do, on its own thread. Whoever begins it embeds it.
//
//   the origin ──► the next worker: visit() ──► … ──► the last: visit() ──► the origin:
//   on_all_done()
//
// One worker is visited after the other, so that visit() may gather in a struct without a lock, and
// in the same order by each origin: what began first comes first to each worker.
struct broadcast {
    struct message message;
    void (*visit)(struct broadcast *b, struct worker *worker); // NULL: it is enough to be there
    // On the origin's thread, when all have been visited. May be NULL. The struct is the beginner's
    // again, and may be freed.
    void (*on_all_done)(struct broadcast *b, struct worker *origin);
    struct worker *origin;
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
    struct worker_shared shared;
    struct worker **all; // [0] is the main thread's
    size_t count;        // 1 again when the others have ended
    // Worker 0's own:
    size_t next;    // whose turn it is to get a client
    size_t running; // threads
    void (*on_all_ended)(void *owner);
    void *owner;
    struct workers_settings settings;
    struct broadcast drain, end;
};

// Makes worker 0. The owner gets its events, and is called back when the last of the others has
// ended.
void workers_init(struct workers *workers, const struct verb_table *verbs, int verbosity,
                  const struct worker_events *events, void (*on_all_ended)(void *owner),
                  void *owner);
void workers_deinit(struct workers *workers);

// The workers of which the context's is one.
struct workers *workers_of(struct context *context);

// Starts the others, as the settings in force at worker 0 say.
void workers_start(struct workers *workers);

// Has all workers but the origin visited. To be called on the origin's thread, with `visit` and
// `on_all_done` filled in; the struct lives until the latter is called, which is before this
// returns when there is but one worker. A worker that has ended is passed over.
void workers_broadcast(struct workers *workers, struct worker *origin, struct broadcast *b);

// Gives the settings that worker 0 has put in force to the others, and calls back when all follow
// them: at once when there is but one worker. To be called again only after that.
void workers_follow(struct workers *workers, void (*on_all_follow)(void *owner), void *owner);

// Tells the others to drain, and to end.
void workers_drain(struct workers *workers);
void workers_end(struct workers *workers);
