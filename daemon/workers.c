#include "workers.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "binding.h"
#include "guesses.h"
#include "mem.h"
#include "near_shared.h"
#include "server.h"

struct workers *workers_new(struct server *main) {
    struct workers *workers = mem_new(sizeof(*workers));
    workers->all = mem_new(sizeof(struct server *));
    workers->all[0] = main;
    workers->count = 1;
    workers->complaints = complaints_new();
    workers->about_clients = complaints_new();
    workers->guesses = guesses_new();
    return workers;
}

void workers_free(struct workers *workers) {
    complaints_free(workers->complaints);
    complaints_free(workers->about_clients);
    guesses_free(workers->guesses);
    mem_free(workers->all);
    mem_free(workers->near);
    mem_free(workers);
}

// To a worker whose mailbox is open: worker 0's is as long as any other lives, and each one's is
// while a broadcast of its own is on its way.
static void post(struct server *worker, struct message *message) {
    bool is_taken = mailbox_post(&worker->mailbox, message);
    assert(is_taken);
    (void)is_taken;
}

// --- broadcasts -------------------------------------------------------------------------------

static void finish_broadcast(struct broadcast *b, struct server *origin) {
    if (b->on_all_done)
        b->on_all_done(b, origin);
}

static void run_home(struct message *message, void *owner) {
    struct server *origin = owner;
    finish_broadcast((struct broadcast *)message, origin);
    server_came_home(origin);
}

static void travel_on(struct broadcast *b, struct workers *workers);

static void run_visit(struct message *message, void *owner) {
    struct server *worker = owner;
    struct broadcast *b = (struct broadcast *)message;
    if (b->visit)
        b->visit(b, worker);
    travel_on(b, worker->crew);
}

// To the next worker that still takes messages, and home at last, where it is waited for.
static void travel_on(struct broadcast *b, struct workers *workers) {
    b->message.run = run_visit;
    while (b->next < workers->count) {
        struct server *to = workers->all[b->next++];
        if (to != b->origin && mailbox_post(&to->mailbox, &b->message))
            return;
    }
    b->message.run = run_home;
    post(b->origin, &b->message);
}

void workers_broadcast(struct workers *workers, struct server *origin, struct broadcast *b) {
    b->origin = origin;
    b->next = 0;
    if (workers->count == 1) {
        finish_broadcast(b, origin);
        return;
    }
    origin->away++;
    travel_on(b, workers);
}

static void visit_to_drain(struct broadcast *b, struct server *worker) {
    (void)b;
    server_drain(worker);
}

void workers_drain(struct workers *workers) {
    workers->drain.visit = visit_to_drain;
    workers_broadcast(workers, workers->all[0], &workers->drain);
}

static void visit_to_end(struct broadcast *b, struct server *worker) {
    (void)b;
    server_close(worker);
}

void workers_end(struct workers *workers) {
    workers->end.visit = visit_to_end;
    workers_broadcast(workers, workers->all[0], &workers->end);
}

// --- settings ---------------------------------------------------------------------------------

// Worker 0's policy, which lives as long as another worker's that was made after it: requests of
// that may be under way at a server that worker 0 runs.
struct lead {
    struct message message;
    struct lead *next;
    struct policy *policy;
    struct server *main;
};

static struct lead *lead_new(struct workers *workers) {
    struct lead *lead = mem_new(sizeof(*lead));
    *lead = (struct lead){.policy = policy_ref(workers->all[0]->context.policy),
                          .main = workers->all[0]};
    return lead;
}

// On worker 0's thread.
static void lead_free(struct lead *lead) {
    policy_unref(lead->policy);
    mem_free(lead);
}

static void run_lead_free(struct message *message, void *owner) {
    (void)owner;
    lead_free((struct lead *)message);
}

// On the thread of the one that followed.
static void on_policy_freed(void *owner) {
    struct lead *lead = owner;
    lead->message.run = run_lead_free;
    post(lead->main, &lead->message);
}

static void follow(struct server *worker, struct lead *lead) {
    binding_follow(worker, lead->policy);
    worker->context.policy->on_free = on_policy_freed;
    worker->context.policy->owner = lead;
}

static void visit_to_follow(struct broadcast *b, struct server *worker) {
    struct workers_settings *settings = (struct workers_settings *)b;
    struct lead *lead = settings->leads;
    if (worker->is_closed)
        return;
    settings->leads = lead->next;
    follow(worker, lead);
}

// Workers that have ended have left their leads.
static void on_all_visited(struct broadcast *b, struct server *main) {
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

static void run_ended(struct message *message, void *owner) {
    struct server *main = owner;
    mem_free(message);
    main->crew->running--;
    server_crew_ended(main);
}

static void run_thread(void *arg) {
    struct server *server = arg;
    char name[16];
    snprintf(name, sizeof(name), "cachesd/%zu", server->number);
    pthread_setname_np(pthread_self(), name);
    server_loop(server);
    struct message *ended = mem_new(sizeof(*ended));
    ended->run = run_ended;
    post(server->crew->all[0], ended);
}

void workers_join(struct workers *workers) {
    for (size_t i = 1; i < workers->count; i++) {
        uv_thread_join(&workers->all[i]->thread);
        mailbox_deinit(&workers->all[i]->mailbox);
        server_free(workers->all[i]);
    }
}

// Signals are the main thread's.
static void start_threads(struct workers *workers) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (size_t i = 1; i < workers->count; i++) {
        int error = uv_thread_create(&workers->all[i]->thread, run_thread, workers->all[i]);
        if (error) { // as with memory: there is nothing to be done without
            log_error(&workers->all[0]->context.reactor.log, "can't start worker %zu: %s", i,
                      uv_strerror(error));
            _exit(EXIT_FAILURE);
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void share_near(struct workers *workers) {
    workers->near = mem_new(sizeof(*workers->near));
    workers->near->seed = random_next(&workers->all[0]->context.reactor.random);
    for (size_t i = 0; i < workers->count; i++)
        near_store_share(workers->all[i]->context.reactor.near, workers->near);
}

void workers_start(struct workers *workers) {
    struct server *main = workers->all[0];
    size_t count = (size_t)main->context.policy->settings->daemon.workers;
    if (count == 1)
        return;
    workers->all = mem_resize(workers->all, count * sizeof(struct server *));
    mailbox_open(&main->mailbox, &main->context.reactor.loop, main);
    for (size_t i = 1; i < count; i++)
        workers->all[i] = server_new(workers, i);
    workers->count = count;
    workers->running = count - 1;
    for (size_t i = 0; i < count; i++)
        workers->all[i]->clients.workers = count;
    share_near(workers);
    for (size_t i = 1; i < count; i++)
        follow(workers->all[i], lead_new(workers));
    start_threads(workers);
}
