#include "crew.h"

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
#include "reload.h"
#include "server.h"

struct crew *crew_new(struct server *main) {
    struct crew *crew = mem_new(sizeof(*crew));
    crew->workers = mem_new(sizeof(struct server *));
    crew->workers[0] = main;
    crew->count = 1;
    crew->complaints = complaints_new();
    crew->about_clients = complaints_new();
    crew->guesses = guesses_new();
    return crew;
}

void crew_free(struct crew *crew) {
    complaints_free(crew->complaints);
    complaints_free(crew->about_clients);
    guesses_free(crew->guesses);
    mem_free(crew->workers);
    mem_free(crew->near);
    mem_free(crew);
}

// To worker 0, which takes messages as long as any other lives.
static void tell_main(struct server *server, struct message *message) {
    bool is_taken = mailbox_post(&server->crew->workers[0]->mailbox, message);
    assert(is_taken);
    (void)is_taken;
}

// --- orders -----------------------------------------------------------------------------------

struct order {
    struct message message;
    void (*obey)(struct server *server);
};

static void run_order(struct message *message, void *owner) {
    struct server *server = owner;
    struct order *order = (struct order *)message;
    order->obey(server);
    mem_free(order);
}

static void order_all(struct crew *crew, void (*obey)(struct server *server)) {
    for (size_t i = 1; i < crew->count; i++) {
        struct order *order = mem_new(sizeof(*order));
        *order = (struct order){{.run = run_order}, obey};
        if (!mailbox_post(&crew->workers[i]->mailbox, &order->message))
            mem_free(order);
    }
}

void crew_drain(struct crew *crew) { order_all(crew, server_drain); }

void crew_end(struct crew *crew) { order_all(crew, server_close); }

// --- leads ------------------------------------------------------------------------------------

// Worker 0's policy, which lives as long as another worker's that was made after it: requests of
// that may be under way at a server that worker 0 runs.
struct lead {
    struct message message;
    struct policy *policy;
    struct server *main;
};

static struct lead *lead_new(struct crew *crew) {
    struct lead *lead = mem_new(sizeof(*lead));
    *lead = (struct lead){.policy = policy_ref(crew->workers[0]->context.policy),
                          .main = crew->workers[0]};
    return lead;
}

static void run_let_go(struct message *message, void *owner) {
    struct lead *lead = (struct lead *)message;
    (void)owner;
    policy_unref(lead->policy);
    mem_free(lead);
}

// On the thread of the one that followed.
static void let_go(void *owner) {
    struct lead *lead = owner;
    lead->message.run = run_let_go;
    tell_main(lead->main, &lead->message);
}

static void follow(struct server *server, struct lead *lead) {
    binding_follow(server, lead->policy);
    server->context.policy->on_free = let_go;
    server->context.policy->owner = lead;
}

// --- pulse ------------------------------------------------------------------------------------

static void run_pulse(struct message *message, void *owner) {
    struct server *server = owner;
    struct crew *crew = server->crew;
    struct pulse *pulse = (struct pulse *)message;
    while (pulse->next < crew->count)
        if (mailbox_post(&crew->workers[pulse->next++]->mailbox, message))
            return;
    if (server->number > 0) {
        tell_main(server, message);
        return;
    }
    pulse->is_out = false;
    pulse->on_back();
}

void crew_pulse(struct crew *crew, void (*on_back)(void)) {
    struct pulse *pulse = &crew->pulse;
    if (pulse->is_out)
        return;
    *pulse = (struct pulse){{.run = run_pulse}, .next = 1, .is_out = true, .on_back = on_back};
    run_pulse(&pulse->message, crew->workers[0]);
}

// --- threads ----------------------------------------------------------------------------------

static void on_ended(struct server *main) {
    main->crew->running--;
    server_crew_ended(main);
}

static void run_thread(void *arg) {
    struct server *server = arg;
    char name[16];
    snprintf(name, sizeof(name), "cachesd/%zu", server->number);
    pthread_setname_np(pthread_self(), name);
    server_loop(server);
    struct order *order = mem_new(sizeof(*order));
    *order = (struct order){{.run = run_order}, on_ended};
    tell_main(server, &order->message);
}

void crew_join(struct crew *crew) {
    for (size_t i = 1; i < crew->count; i++) {
        uv_thread_join(&crew->workers[i]->thread);
        mailbox_deinit(&crew->workers[i]->mailbox);
        server_free(crew->workers[i]);
    }
}

void crew_start(struct crew *crew) {
    struct server *main = crew->workers[0];
    size_t count = (size_t)main->context.policy->settings->daemon.workers;
    if (count == 1)
        return;
    crew->workers = mem_resize(crew->workers, count * sizeof(struct server *));
    mailbox_open(&main->mailbox, &main->context.reactor.loop, main);
    for (size_t i = 1; i < count; i++)
        crew->workers[i] = server_new(crew, i);
    crew->near = mem_new(sizeof(*crew->near));
    crew->near->seed = random_next(&main->context.reactor.random);
    for (size_t i = 0; i < count; i++)
        near_store_share(crew->workers[i]->context.reactor.near, crew->near);
    crew->count = count;
    for (size_t i = 0; i < count; i++)
        crew->workers[i]->clients.workers = count;
    crew->running = count - 1;
    for (size_t i = 1; i < count; i++)
        follow(crew->workers[i], lead_new(crew));
    // Signals are the main thread's.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (size_t i = 1; i < count; i++) {
        int error = uv_thread_create(&crew->workers[i]->thread, run_thread, crew->workers[i]);
        if (error) { // as with memory: there is nothing to be done without
            log_error(&main->context.reactor.log, "can't start worker %zu: %s", i,
                      uv_strerror(error));
            _exit(EXIT_FAILURE);
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

// --- settings ---------------------------------------------------------------------------------

struct news {
    struct message message;
    struct lead *lead;
};

static void on_followed(struct message *message, void *owner) {
    struct server *main = owner;
    mem_free(message);
    if (--main->crew->applying == 0)
        reload_followed(&main->reload);
}

static void run_news(struct message *message, void *owner) {
    struct server *server = owner;
    struct news *news = (struct news *)message;
    if (server->is_closed)
        let_go(news->lead);
    else
        follow(server, news->lead);
    message->run = on_followed;
    tell_main(server, message);
}

void crew_apply(struct crew *crew) {
    for (size_t i = 1; i < crew->count; i++) {
        struct news *news = mem_new(sizeof(*news));
        *news = (struct news){{.run = run_news}, lead_new(crew)};
        if (mailbox_post(&crew->workers[i]->mailbox, &news->message)) {
            crew->applying++;
        } else {
            run_let_go(&news->lead->message, crew->workers[0]);
            mem_free(news);
        }
    }
}

// --- reports ----------------------------------------------------------------------------------

struct tour {
    struct message message;
    struct tally tally;
    struct request *request;
    struct server *origin;
    size_t next; // the worker to visit
    tally_write *write;
    const char *status; // NULL: what is written is the reply
};

static void reply_checked(struct request *r, const char *status, struct bytes *text) {
    bytes_append(text, "", 1);
    if (r->context->is_draining) {
        request_fail(r, REPLY_UNAVAILABLE, "the daemon is ending");
    } else if (*text->data) {
        request_fail(r, REPLY_UNAVAILABLE, text->data);
    } else {
        reply_status(request_out(r), status);
        request_finish(r);
    }
}

static void reply_report(struct request *r, const struct bytes *text) {
    reply_bulk(request_out(r), bytes_slice(text));
    request_finish(r);
}

static void end_tour(struct tour *tour) {
    struct request *r = tour->request;
    struct bytes text = {0};
    if (r->client) {
        tour->write(&tour->tally, r, &text);
        if (tour->status)
            reply_checked(r, tour->status, &text);
        else
            reply_report(r, &text);
        bytes_deinit(&text);
    }
    request_release(r);
    tally_deinit(&tour->tally);
    mem_free(tour);
}

static void come_home(struct message *message, void *owner) {
    struct server *origin = owner;
    end_tour((struct tour *)message);
    server_came_home(origin);
}

static void travel_on(struct tour *tour, struct crew *crew);

static void visit(struct message *message, void *owner) {
    struct server *server = owner;
    struct tour *tour = (struct tour *)message;
    tally_add(&tour->tally, server);
    travel_on(tour, server->crew);
}

// To the next worker that still takes messages, and home at last, where it is waited for.
static void travel_on(struct tour *tour, struct crew *crew) {
    while (tour->next < crew->count) {
        struct server *to = crew->workers[tour->next++];
        tour->message.run = visit;
        if (to != tour->origin && mailbox_post(&to->mailbox, &tour->message))
            return;
    }
    tour->message.run = come_home;
    bool is_taken = mailbox_post(&tour->origin->mailbox, &tour->message);
    assert(is_taken);
    (void)is_taken;
}

static void begin_tour(struct tour *tour, bool has_clients) {
    struct request *r = tour->request;
    struct server *server = tour->origin = server_of(r->context);
    const struct caller *caller = &r->client->caller;
    tally_init(&tour->tally, r->policy, has_clients,
               caller_is_admin(caller) || !caller->user ? NULL : caller->user->name);
    tally_add(&tour->tally, server);
    r->is_pending = true;
    if (server->crew->count == 1) {
        end_tour(tour);
        return;
    }
    server->away++;
    travel_on(tour, server->crew);
}

void crew_report(struct request *r, bool has_clients, tally_write *write) {
    struct tour *tour = mem_new(sizeof(*tour));
    *tour = (struct tour){.request = r, .write = write};
    begin_tour(tour, has_clients);
}

void crew_check(struct request *r, const char *status, tally_write *write) {
    struct tour *tour = mem_new(sizeof(*tour));
    *tour = (struct tour){.request = r, .write = write, .status = status};
    begin_tour(tour, false);
}
