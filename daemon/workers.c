#include "daemon/workers.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "conf/settings.h"
#include "daemon/loop/complaint.h"
#include "daemon/loop/log.h"
#include "daemon/loop/log_event.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/random.h"
#include "daemon/near/shared.h"
#include "daemon/near/store.h"
#include "daemon/policy/guesses.h"
#include "daemon/policy/policy.h"
#include "protocol/mem.h"

// A worker as it is allocated: worker 0 has no thread of its own.
struct member {
    struct worker worker; // the first member, as the context is the first member of a worker
    struct workers *workers;
    uv_thread_t thread;
};

static struct member *member_of(struct worker *worker) { return (struct member *)worker; }

struct workers *workers_of(struct context *context) {
    return member_of(worker_of(context))->workers;
}

static struct worker *new_worker(struct workers *workers, size_t number,
                                 const struct worker_events *events, void *owner) {
    struct member *member = mem_new(sizeof(*member));
    member->workers = workers;
    worker_init(&member->worker, &workers->shared, number, events, owner);
    return &member->worker;
}

static void free_worker(struct worker *worker) {
    worker_deinit(worker);
    mem_free(member_of(worker));
}

void workers_init(struct workers *workers, const struct verb_table *verbs, int verbosity,
                  const struct worker_events *events, void (*on_all_ended)(void *owner),
                  void *owner) {
    struct worker_shared *shared = &workers->shared;
    *workers = (struct workers){.count = 1, .on_all_ended = on_all_ended, .owner = owner};
    shared->verbs = verbs;
    shared->verbosity = verbosity;
    shared->complaints = complaints_new();
    shared->about_clients = complaints_new();
    shared->about_policy = complaints_new();
    shared->guesses = guesses_new();
    workers->all = mem_new(sizeof(*workers->all));
    workers->all[0] = new_worker(workers, 0, events, owner);
    shared->started_ms = loop_now(&workers->all[0]->context.loop);
    shared->started_s = time(NULL);
}

void workers_deinit(struct workers *workers) {
    struct worker_shared *shared = &workers->shared;
    free_worker(workers->all[0]);
    mem_free(workers->all);
    complaints_free(shared->complaints);
    complaints_free(shared->about_clients);
    complaints_free(shared->about_policy);
    guesses_free(shared->guesses);
    mem_free(shared->near);
}

// Posts to a worker whose mailbox is open: that of worker 0 is open as long as any other lives.
static void post_to_open(struct worker *worker, struct message *message) {
    bool is_taken = mailbox_post(&worker->mailbox, message);
    assert(is_taken);
    (void)is_taken;
}

// --- broadcasts -------------------------------------------------------------------------------

static void finish_broadcast(struct broadcast *b, struct worker *origin) {
    if (b->on_all_done)
        b->on_all_done(b, origin);
}

static void run_home(struct message *message, void *owner) {
    struct worker *origin = owner;
    finish_broadcast((struct broadcast *)message, origin);
    worker_release(origin);
}

static void travel_on(struct broadcast *b, struct workers *workers);

static void run_visit(struct message *message, void *owner) {
    struct worker *worker = owner;
    struct broadcast *b = (struct broadcast *)message;
    if (b->visit)
        b->visit(b, worker);
    travel_on(b, workers_of(&worker->context));
}

// Sends the broadcast to the next worker that still takes messages; after the last worker, home to
// the origin, whose mailbox is held for it.
static void travel_on(struct broadcast *b, struct workers *workers) {
    b->message.run = run_visit;
    while (b->next < workers->count) {
        struct worker *to = workers->all[b->next++];
        if (to != b->origin && mailbox_post(&to->mailbox, &b->message))
            return;
    }
    b->message.run = run_home;
    post_to_open(b->origin, &b->message);
}

void workers_broadcast(struct workers *workers, struct worker *origin, struct broadcast *b) {
    b->origin = origin;
    b->next = 0;
    if (workers->count == 1) {
        finish_broadcast(b, origin);
        return;
    }
    worker_hold(origin);
    travel_on(b, workers);
}

static void visit_to_drain(struct broadcast *b, struct worker *worker) {
    (void)b;
    worker_drain(worker);
}

void workers_drain(struct workers *workers) {
    workers->drain.visit = visit_to_drain;
    workers_broadcast(workers, workers->all[0], &workers->drain);
}

static void visit_to_end(struct broadcast *b, struct worker *worker) {
    (void)b;
    worker_close(worker);
}

void workers_end(struct workers *workers) {
    workers->end.visit = visit_to_end;
    workers_broadcast(workers, workers->all[0], &workers->end);
}

// --- settings ---------------------------------------------------------------------------------

// A reference on worker 0's policy, held as long as the policy lives that another worker made from
// it: requests under that policy may be under way at a server that worker 0 runs.
struct lead {
    struct message message;
    struct lead *next;
    struct policy *policy;
    struct worker *main;
};

static struct lead *lead_new(struct workers *workers) {
    struct lead *lead = mem_new(sizeof(*lead));
    *lead = (struct lead){.policy = policy_ref(workers->all[0]->context.policy),
                          .main = workers->all[0]};
    return lead;
}

// This runs on worker 0's thread.
static void lead_free(struct lead *lead) {
    policy_unref(lead->policy);
    mem_free(lead);
}

static void run_lead_free(struct message *message, void *owner) {
    (void)owner;
    lead_free((struct lead *)message);
}

// This runs on the thread of the worker that followed.
static void on_policy_freed(void *owner) {
    struct lead *lead = owner;
    lead->message.run = run_lead_free;
    post_to_open(lead->main, &lead->message);
}

static void follow(struct worker *worker, struct lead *lead) {
    worker_adopt(worker, settings_ref(lead->policy->settings), lead->policy);
    worker->context.policy->on_free = on_policy_freed;
    worker->context.policy->owner = lead;
}

static void visit_to_follow(struct broadcast *b, struct worker *worker) {
    struct workers_settings *settings = (struct workers_settings *)b;
    struct lead *lead = settings->leads;
    if (worker->is_closed)
        return;
    settings->leads = lead->next;
    follow(worker, lead);
    worker_use_io_uring(worker);
}

// Leads are left over when workers have ended: they are freed here.
static void on_all_visited(struct broadcast *b, struct worker *main) {
    struct workers_settings *settings = (struct workers_settings *)b;
    (void)main;
    while (settings->leads) {
        struct lead *lead = settings->leads;
        settings->leads = lead->next;
        lead_free(lead);
    }
    settings->is_under_way = false;
    settings->on_all_follow(settings->owner);
}

void workers_follow(struct workers *workers, void (*on_all_follow)(void *owner), void *owner) {
    struct workers_settings *settings = &workers->settings;
    assert(!settings->is_under_way);
    *settings = (struct workers_settings){
        .broadcast = {.visit = visit_to_follow, .on_all_done = on_all_visited},
        .on_all_follow = on_all_follow,
        .owner = owner,
        .is_under_way = true,
    };
    for (size_t i = 1; i < workers->count; i++) {
        struct lead *lead = lead_new(workers);
        lead->next = settings->leads;
        settings->leads = lead;
    }
    workers_broadcast(workers, workers->all[0], &settings->broadcast);
}

// --- threads ----------------------------------------------------------------------------------

static void on_drained(struct worker *worker, void *owner) {
    (void)owner;
    worker_close(worker);
}

static const struct worker_events events = {.on_drained = on_drained};

// When all threads are joined, no thread is left that might post to their workers.
static void join_all(struct workers *workers) {
    for (size_t i = 1; i < workers->count; i++) {
        uv_thread_join(&member_of(workers->all[i])->thread);
        free_worker(workers->all[i]);
    }
    workers->count = 1;
}

// Worker 0's mailbox is held for each of the others.
static void run_ended(struct message *message, void *owner) {
    struct worker *main = owner;
    struct workers *workers = workers_of(&main->context);
    mem_free(message);
    if (--workers->running == 0) {
        join_all(workers);
        workers->on_all_ended(workers->owner);
    }
    worker_release(main);
}

static void run_thread(void *arg) {
    struct worker *worker = arg;
    char name[16];
    snprintf(name, sizeof(name), "cachesd/%zu", worker->number);
    pthread_setname_np(pthread_self(), name);
    worker_use_io_uring(worker);
    worker_run(worker);
    struct message *ended = mem_new(sizeof(*ended));
    ended->run = run_ended;
    post_to_open(workers_of(&worker->context)->all[0], ended);
}

// Only the main thread gets signals.
static void start_threads(struct workers *workers) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (size_t i = 1; i < workers->count; i++) {
        struct member *member = member_of(workers->all[i]);
        int error = uv_thread_create(&member->thread, run_thread, &member->worker);
        if (error) { // as without memory: the daemon can't do without
            log_tell(&workers->all[0]->context.loop.log, LOG_WORKER_FAILED,
                     log_number(FIELD_NUMBER, i), log_text(FIELD_REASON, uv_strerror(error)));
            _exit(EXIT_FAILURE);
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void share_near(struct workers *workers) {
    struct near_shared *near = workers->shared.near = mem_new(sizeof(*near));
    near->seed = random_next(&workers->all[0]->context.loop.random);
    for (size_t i = 0; i < workers->count; i++)
        near_store_share(workers->all[i]->context.loop.near, near);
}

void workers_start(struct workers *workers) {
    struct worker *main = workers->all[0];
    size_t count = (size_t)main->context.policy->settings->daemon.workers;
    if (count == 1)
        return;
    workers->all = mem_resize(workers->all, count * sizeof(*workers->all));
    for (size_t i = 1; i < count; i++) {
        workers->all[i] = new_worker(workers, i, &events, workers);
        worker_hold(main);
    }
    workers->count = count;
    workers->running = count - 1;
    for (size_t i = 0; i < count; i++) {
        worker_open_mailbox(workers->all[i]);
        workers->all[i]->clients.workers = count;
    }
    share_near(workers);
    for (size_t i = 1; i < count; i++)
        follow(workers->all[i], lead_new(workers));
    start_threads(workers);
}
