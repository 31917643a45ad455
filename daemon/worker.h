// Worker: one event loop and everything that lives on it.
//
//   worker ─owns─► context (shared by its requests), clients, backends, mailbox, timers
//
//   settings in force ──worker_drain()──► draining ──its clients have gone: on_drained──►
//     worker_close() ──► closing: the loop ends when everything on it has gone
//
// All workers of a daemon are alike. Things that the process has once (daemon.h) belong to none of
// them: by its events a worker tells its owner when the process has something to do.
#pragma once

#include <stdatomic.h>

#include "conf/sections.h"
#include "conf/settings.h"
#include "daemon/backend/backend.h"
#include "daemon/front/client.h"
#include "daemon/loop/mailbox.h"
#include "daemon/policy/policy.h"
#include "daemon/request/context.h"

struct near_shared;
struct worker;

// Shared by all workers of the daemon. Members that may change are safe to use from any thread.
struct worker_shared {
    const struct verb_table *verbs;
    int verbosity;                    // added to the settings' log_level
    uint64_t started_ms;              // in the loops' time, which is the same for all
    int64_t started_s;                // the same moment, in seconds since 1970
    struct complaints *complaints;    // about backends
    struct complaints *about_policy;  // refusals
    struct complaints *about_clients; // apart from `complaints`, so that they can't crowd these out
    struct guesses *guesses;          // of tokens
    struct near_shared *near;         // NULL: there is one worker
    // When each worker's loop last turned, at a quarter of a second's accuracy, in the loops' time;
    // 0: there is no such worker, or it has ended.
    atomic_uint_least64_t turned_ms[WORKERS_MOST];
    atomic_size_t handshakes; // of clients of all workers, that are under way
    atomic_size_t clients;    // of all workers: from accepting a client until it is closed
};

// All but on_drained may be NULL.
struct worker_events {
    void (*on_settled)(void *owner); // all backends of the settings have come up, or failed to
    void (*on_sweep)(void *owner);   // a few times a second
    // The worker drains, and has no client any more: the owner must close it, sooner or later.
    void (*on_drained)(struct worker *worker, void *owner);
    void (*on_drain_over)(void *owner); // the time to drain is over: waiting requests are answered
    void (*on_closing)(void *owner);    // once, while the worker closes everything on its loop
};

struct worker {
    struct context context;
    struct clients clients;
    struct worker_shared *shared;
    const struct worker_events *events;
    void *owner;
    size_t number; // among the daemon's workers
    struct mailbox mailbox;
    size_t holds;             // the mailbox stays open while there are any
    struct backend *backends; // a list of all that live
    size_t settled_count;     // how many backends have settled while the worker started
    uv_timer_t sweep;
    uv_timer_t deadline; // of draining, or, before that, the next look at newcomers
    bool has_mailbox;
    bool is_mailbox_closed;
    bool is_closed; // worker_close() has been called
};

// Initializes a worker in memory that is all zero. Its loop does not run yet, and it has no
// settings. A worker that is alone needs no mailbox; others get it by worker_open_mailbox(),
// which has no effect when called again.
void worker_init(struct worker *worker, struct worker_shared *shared, size_t number,
                 const struct worker_events *events, void *owner);
void worker_open_mailbox(struct worker *worker);

// Runs the worker's loop until the worker is closed, and everything on the loop has gone.
void worker_run(struct worker *worker);

// To be called when the worker's loop has ended, and no thread is left that might post to it.
void worker_deinit(struct worker *worker);

// Puts the settings in force, and takes them over. A backend whose options did not change is kept,
// and so are the counters of a namespace with the same name. Requests in flight end under the
// settings that they began with, whose backends end with the last such request. `leader` is the
// policy of another worker, whose embedded servers this worker uses; NULL: the worker runs embedded
// servers itself.
void worker_adopt(struct worker *worker, struct settings *settings, const struct policy *leader);

// Uses io_uring or not, as the settings in force say. To be called by the worker's own thread when
// these are new: the kernel lets no other thread use what this one has opened.
void worker_use_io_uring(struct worker *worker);

// Takes no new requests. Each client is ended as soon as it has no request in flight, and after the
// settings' `drain` in any case; on_drained is called when all clients have gone. While there are
// newcomers (clients_have_newcomers()) this is put off, and requests are served as before: a client
// that makes a connection for each request is not ended before its reply. Has no effect on a worker
// that drains already, or is about to.
void worker_drain(struct worker *worker);
bool worker_is_drained(const struct worker *worker);

// Closes everything on the loop at once. May be called again.
void worker_close(struct worker *worker);

// Keep the mailbox open for a message that will come back: until worker_release() was called as
// often as worker_hold().
void worker_hold(struct worker *worker);
void worker_release(struct worker *worker);

// Has the message run on the thread of `to`, with `to` as its owner: at once when both workers are
// the same. The mailbox of `to` must be open.
void worker_send(struct worker *from, struct worker *to, struct message *message);

// Returns the worker that the context belongs to.
static inline struct worker *worker_of(struct context *context) {
    return (struct worker *)context; // its first member
}
