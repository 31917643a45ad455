// Worker: one event loop and what lives on it.
//
//   worker ─owns─► context (what requests share), clients, backends, mailbox, timers
//
//   settings in force ──worker_drain()──► draining ──its clients have gone: on_drained──►
//     worker_close() ──► closing: the loop ends when everything on it has gone
//
// All workers of a daemon are alike. What the process has once (daemon.h) belongs to none of them:
// the events tell its owner when something is to be done there.
#pragma once

#include <stdatomic.h>

#include "conf/settings.h"
#include "daemon/backend/backend.h"
#include "daemon/front/client.h"
#include "daemon/loop/mailbox.h"
#include "daemon/policy/policy.h"
#include "daemon/request/context.h"

struct near_shared;
struct worker;

// Shared by all workers of the daemon. What may change is safe to use from any thread.
struct worker_shared {
    const struct verb_table *verbs;
    int verbosity;                    // more log than the settings say
    uint64_t started_ms;              // in the loops' time, which is the same for all
    struct complaints *complaints;    // of backends, by all workers
    struct complaints *about_clients; // apart: these must not crowd out the others
    struct guesses *guesses;          // of tokens
    struct near_shared *near;         // NULL: there is one worker
    atomic_size_t clients;            // of all: from being accepted until their worker is left
};

// All but on_drained may be NULL.
struct worker_events {
    void (*on_settled)(void *owner); // all backends of the settings have come up, or failed to
    void (*on_sweep)(void *owner);   // a few times a second
    // The worker drains, and has no client any more: it is to be closed, sooner or later.
    void (*on_drained)(struct worker *worker, void *owner);
    void (*on_drain_over)(void *owner); // the time is over: all that waits is being answered
    void (*on_closing)(void *owner);    // once: everything that it has on the loop is being closed
};

struct worker {
    struct context context;
    struct clients clients;
    struct worker_shared *shared;
    const struct worker_events *events;
    void *owner;
    size_t number; // among the daemon's workers
    struct mailbox mailbox;
    size_t holds;             // of the mailbox: it stays open while there are any
    struct backend *backends; // all that live: a list
    size_t settled_count;     // how many have settled while it started
    uv_timer_t sweep;
    uv_timer_t deadline; // of draining
    bool has_mailbox;
    bool is_mailbox_closed;
    bool is_closed; // everything that it has on the loop is being closed
};

// In memory that is all zero. Its loop does not run yet, and it has no settings. It has no mailbox
// until it is given one, and needs none while it is alone.
void worker_init(struct worker *worker, struct worker_shared *shared, size_t number,
                 const struct worker_events *events, void *owner);
void worker_open_mailbox(struct worker *worker);

// Runs its loop until it is closed, and everything on the loop has gone.
void worker_run(struct worker *worker);

// Its loop has ended, and no thread is left that might post to it.
void worker_deinit(struct worker *worker);

// Puts the settings in force, which are taken over. What did not change lives on: a backend with
// the same options, a namespace's counters by its name. Requests in flight end under the settings
// they began with, whose backends end with the last of them. `leader` is the policy, of another
// worker, whose embedded servers this one uses; NULL: it runs them itself.
void worker_adopt(struct worker *worker, struct settings *settings, const struct policy *leader);

// No new requests; on_drained when its clients have gone, which end as soon as they have nothing in
// flight, and after the settings' `drain` in any case. Nothing when it drains already.
void worker_drain(struct worker *worker);
bool worker_is_drained(const struct worker *worker);

// Closes everything at once. Nothing when that was done.
void worker_close(struct worker *worker);

// The mailbox stays open until it is released as often as it was held: something will come back.
void worker_hold(struct worker *worker);
void worker_release(struct worker *worker);

// Has the message run on another worker's thread, with that worker as its owner: at once when both
// are the same. The mailbox of `to` must be open.
void worker_send(struct worker *from, struct worker *to, struct message *message);

// The worker that the context belongs to.
static inline struct worker *worker_of(struct context *context) {
    return (struct worker *)context; // its first member
}
