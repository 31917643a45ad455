// Workers: all workers of the daemon.
//
//   worker 0: the main thread's, whose loop also has the things that exist once (daemon.h)
//      │ hands over clients (handover.h) · settings · "drain" · "end"
//      ▼
//   worker 1 … N-1: a thread and a loop each
//
// Each worker has clients, backend connections and a near cache of its own. Of things that change,
// workers share only struct worker_shared; otherwise they send each other messages (mailbox.h). A
// worker that is alone neither has a mailbox nor takes a lock.
#pragma once

#include "daemon/loop/mailbox.h"
#include "daemon/request/context.h"
#include "daemon/worker.h"

// A task for each worker, run on the worker's own thread. The code that begins it embeds it.
//
//   the origin ──► the next worker: visit() ──► … ──► the last: visit() ──► the origin:
//   on_all_done()
//
// One worker is visited after the other, so that visit() may gather results in a struct without a
// lock. The order is always the same, so a broadcast that began first also comes first to each
// worker.
struct broadcast {
    struct message message;
    void (*visit)(struct broadcast *b, struct worker *worker); // NULL: coming by is enough
    // Called on the origin's thread, when all workers have been visited. May be NULL. From then on
    // the struct may be used again, or freed.
    void (*on_all_done)(struct broadcast *b, struct worker *origin);
    struct worker *origin;
    size_t next; // the worker to visit
};

// The broadcast that puts the settings of worker 0 in force at the others.
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
    size_t next;    // the number of the worker that gets the next client
    size_t running; // threads
    void (*on_all_ended)(void *owner);
    void *owner;
    struct workers_settings settings;
    struct broadcast drain, end;
};

// Makes worker 0. `owner` gets the events of worker 0, and on_all_ended() when the last of the
// other workers has ended.
void workers_init(struct workers *workers, const struct verb_table *verbs, int verbosity,
                  const struct worker_events *events, void (*on_all_ended)(void *owner),
                  void *owner);
void workers_deinit(struct workers *workers);

// Returns the workers of the daemon that the context belongs to.
struct workers *workers_of(struct context *context);

// Starts the other workers, as many as the settings in force at worker 0 say.
void workers_start(struct workers *workers);

// Has all workers but the origin visited. To be called on the origin's thread, with `visit` and
// `on_all_done` filled in. The struct must live until on_all_done(), which is called before this
// returns when there is only one worker. A worker that has ended is not visited.
void workers_broadcast(struct workers *workers, struct worker *origin, struct broadcast *b);

// Gives the settings that worker 0 has put in force to the others, and calls on_all_follow() when
// all follow them: at once when there is only one worker. To be called again only after that.
void workers_follow(struct workers *workers, void (*on_all_follow)(void *owner), void *owner);

// Tell the other workers to drain, or to end.
void workers_drain(struct workers *workers);
void workers_end(struct workers *workers);
