#include "daemon/worker.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/front/clients.h"
#include "daemon/loop/flusher.h"
#include "daemon/loop/log.h"
#include "daemon/loop/log_event.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/random.h"
#include "daemon/loop/stream.h"
#include "daemon/near/store.h"
#include "daemon/redis/multi.h"
#include "daemon/redis/scripts.h"
#include "daemon/request/answer_run.h"
#include "daemon/request/memo_wait.h"
#include "daemon/request/purge.h"
#include "daemon/request/request.h"
#include "daemon/request/watch.h"

enum {
    SWEEP_MS = 250,      // how often clients are looked at
    LAST_WORDS_MS = 500, // between the end of a drain and the end of the last clients
    NEWCOMERS_MS = 10,   // between looks whether newcomers have asked
};

// --- mailbox ----------------------------------------------------------------------------------

void worker_open_mailbox(struct worker *worker) {
    if (worker->has_mailbox)
        return;
    mailbox_open(&worker->mailbox, &worker->context.loop.uv, worker);
    worker->has_mailbox = true;
}

// Closes the mailbox when the worker is closed and no message will come back to it.
static void close_mailbox(struct worker *worker) {
    bool is_needed = !worker->is_closed || worker->holds > 0;
    if (is_needed || !worker->has_mailbox || worker->is_mailbox_closed)
        return;
    worker->is_mailbox_closed = true;
    mailbox_close(&worker->mailbox);
}

void worker_hold(struct worker *worker) { worker->holds++; }

void worker_release(struct worker *worker) {
    assert(worker->holds > 0);
    worker->holds--;
    close_mailbox(worker);
}

void worker_send(struct worker *from, struct worker *to, struct message *message) {
    if (from == to) {
        message->run(message, to);
        return;
    }
    bool is_taken = mailbox_post(&to->mailbox, message);
    assert(is_taken);
    (void)is_taken;
}

// --- end --------------------------------------------------------------------------------------

static void call(const struct worker *worker, void (*event)(void *owner)) {
    if (event)
        event(worker->owner);
}

bool worker_is_drained(const struct worker *worker) {
    return worker->context.is_draining && worker->clients.count == 0;
}

static void tell_if_drained(struct worker *worker) {
    if (worker_is_drained(worker))
        worker->events->on_drained(worker, worker->owner);
}

static void on_client_left(void *owner) {
    struct worker *worker = owner;
    atomic_fetch_sub_explicit(&worker->shared->clients, 1, memory_order_relaxed);
    tell_if_drained(worker);
}

// The loop ends when everything that is closed here has gone.
void worker_close(struct worker *worker) {
    if (worker->is_closed)
        return;
    worker->is_closed = true;
    watch_end(&worker->context);
    worker->shared->turned_ms[worker->number] = 0;
    clients_close(&worker->clients);
    while (worker->backends) {
        struct backend *b = worker->backends;
        worker->backends = b->next;
        backend_free(b);
    }
    purge_cancel_all(&worker->context); // no purge has a command at a backend any more
    memo_wait_end(&worker->context);
    memo_wait_close(&worker->context);
    uv_close((uv_handle_t *)&worker->sweep, NULL);
    uv_close((uv_handle_t *)&worker->deadline, NULL);
    flusher_deinit(&worker->context.loop.flusher);
    call(worker, worker->events->on_closing);
    close_mailbox(worker);
}

static void on_last_words_over(uv_timer_t *timer) { worker_close(timer->data); }

// Clients that still wait are answered, and have a moment to read the answer.
static void on_drain_over(uv_timer_t *timer) {
    struct worker *worker = timer->data;
    log_tell(&worker->context.loop.log, LOG_DRAIN_OVER,
             log_number(FIELD_CLIENTS, worker->clients.count));
    for (struct backend *b = worker->backends; b; b = b->next)
        backend_stop(b);
    purge_cancel_all(&worker->context);
    call(worker, worker->events->on_drain_over);
    uv_timer_start(&worker->deadline, on_last_words_over, LAST_WORDS_MS, 0);
}

static void drain(struct worker *worker) {
    const struct daemon_conf *conf = &worker->context.policy->settings->daemon;
    worker->context.is_draining = true;
    memo_wait_end(&worker->context);
    tell_if_drained(worker);
    if (worker->is_closed)
        return;
    clients_drain(&worker->clients);
    uv_timer_start(&worker->deadline, on_drain_over, (uint64_t)conf->drain_ms, 0);
}

static void on_look_at_newcomers(uv_timer_t *timer) {
    struct worker *worker = timer->data;
    if (!clients_have_newcomers(&worker->clients))
        drain(worker);
}

void worker_drain(struct worker *worker) {
    bool has_begun = worker->context.is_draining || uv_is_active((uv_handle_t *)&worker->deadline);
    if (has_begun || worker->is_closed)
        return;
    if (clients_have_newcomers(&worker->clients))
        uv_timer_start(&worker->deadline, on_look_at_newcomers, NEWCOMERS_MS, NEWCOMERS_MS);
    else
        drain(worker);
}

// --- turns ------------------------------------------------------------------------------------

// Frees the backends that no policy uses any more, and lets the others' waiters go on.
static __attribute__((noinline)) void visit_backends(struct worker *worker) {
    struct backend **at = &worker->backends;
    while (*at) {
        struct backend *b = *at;
        if (b->refs > 0) {
            backend_wake(b);
            at = &b->next;
        } else {
            *at = b->next;
            backend_free(b);
        }
    }
}

static bool has_backend_to_visit(const struct worker *worker) {
    for (const struct backend *b = worker->backends; b; b = b->next)
        if (b->refs == 0 || backend_wants_look(b))
            return true;
    return false;
}

// This runs before output is flushed, because requests that waited add to the output. A turn of the
// loop flushes twice, and mostly finds nothing to do here.
static void before_flush(void *owner) {
    struct worker *worker = owner;
    struct context *context = &worker->context;
    answer_run_end(&context->run, &context->loop.flusher.clock);
    if (has_backend_to_visit(worker))
        visit_backends(worker);
    if (context->watch)
        watch_flush(context);
    if (worker->clients.turns_due)
        clients_take_turns(&worker->clients);
    context->compared = 0;
}

static void note_turn(struct worker *worker) {
    atomic_store_explicit(&worker->shared->turned_ms[worker->number],
                          loop_now(&worker->context.loop), memory_order_relaxed);
}

static void complain_of_io_uring(struct worker *worker, int error) {
    if (error)
        log_tell(&worker->context.loop.log, LOG_IO_URING_REFUSED,
                 log_text(FIELD_REASON, strerror(error)));
}

void worker_use_io_uring(struct worker *worker) {
    bool does = worker->context.policy->settings->daemon.uses_io_uring;
    complain_of_io_uring(worker, flusher_use_io_uring(&worker->context.loop.flusher, does));
}

static void on_sweep(uv_timer_t *timer) {
    struct worker *worker = timer->data;
    note_turn(worker);
    complain_of_io_uring(worker, flusher_drop_failed_ring(&worker->context.loop.flusher));
    clients_sweep(&worker->clients, loop_now(&worker->context.loop));
    call(worker, worker->events->on_sweep);
}

// --- life -------------------------------------------------------------------------------------

static void init_loop(struct worker *worker) {
    struct loop *loop = &worker->context.loop;
    log_init(&loop->log, worker->number);
    loop->complaints = worker->shared->complaints;
    int error = uv_loop_init(&loop->uv);
    if (error) { // as when a thread can't be started: the daemon can't do without
        log_tell(&loop->log, LOG_START_FAILED, log_text(FIELD_REASON, uv_strerror(error)));
        _exit(EXIT_FAILURE);
    }
    uv_random(NULL, NULL, &loop->random.state, sizeof(loop->random.state), 0, NULL);
    loop->random.state |= 1;
    loop->near = near_store_new(0, random_next(&loop->random));
    flusher_init(&loop->flusher, &loop->uv, before_flush, worker);
}

void worker_init(struct worker *worker, struct worker_shared *shared, size_t number,
                 const struct worker_events *events, void *owner) {
    struct context *context = &worker->context;
    worker->shared = shared;
    worker->number = number;
    worker->events = events;
    worker->owner = owner;
    init_loop(worker);
    context->verbs = shared->verbs;
    context->about_clients = shared->about_clients;
    context->about_policy = shared->about_policy;
    context->guesses = shared->guesses;
    context->started_ms = &shared->started_ms;
    context->clients = &shared->clients;
    worker->clients = (struct clients){.context = context,
                                       .worker = number,
                                       .workers = 1,
                                       .handshakes = &shared->handshakes,
                                       .on_left = on_client_left,
                                       .owner = worker};
    uv_timer_init(&context->loop.uv, &worker->sweep);
    uv_timer_init(&context->loop.uv, &worker->deadline);
    worker->sweep.data = worker->deadline.data = worker;
    uv_timer_start(&worker->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
    note_turn(worker);
    memo_wait_init(context);
    scripts_init(context);
    multi_init(context);
}

void worker_run(struct worker *worker) {
    uv_loop_t *loop = &worker->context.loop.uv;
    uv_run(loop, UV_RUN_DEFAULT);
    if (uv_loop_close(loop) != 0)
        log_tell(&worker->context.loop.log, LOG_HANDLES_LEFT);
}

void worker_deinit(struct worker *worker) {
    if (worker->has_mailbox)
        mailbox_deinit(&worker->mailbox);
    request_free_all(&worker->context);
    context_deinit(&worker->context);
}
