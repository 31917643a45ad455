#include "server.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "binding.h"
#include "gone.h"
#include "mem.h"
#include "purge.h"
#include "sink.h"

enum {
    START_MS = 3000,     // the longest wait for backends before clients are let in
    SWEEP_MS = 250,      // how often clients are looked at
    OVERDUE_MS = 5000,   // for what can't be cancelled, after everything is closed
    LAST_WORDS_MS = 500, // between the end of a drain and that of its clients
};

static const int signals[SERVER_SIGNALS] = {SIGTERM, SIGINT};

// Worker 0 stays until the others have ended: it is where they say so.
static void close_if_drained(struct server *server) {
    bool is_last = server->number > 0 || server->crew->running == 0;
    if (server->context.is_draining && server->clients.count == 0 && is_last)
        server_close(server);
}

static void on_client_left(void *owner) {
    struct server *server = owner;
    atomic_fetch_sub_explicit(&server->crew->clients, 1, memory_order_relaxed);
    close_if_drained(server);
}

// --- end --------------------------------------------------------------------------------------

static void close_listeners(struct server *server) {
    for (size_t i = 0; i < server->listener_count; i++)
        listener_free(server->listeners[i]);
    server->listener_count = 0;
}

// A name look-up or a check of JSON can't be cancelled once it runs.
static void on_overdue(uv_timer_t *timer) {
    struct server *server = timer->data;
    log_info(&server->context.reactor.log,
             "ended, not waiting for a thread: a name look-up or a check of JSON");
    _exit(server->exit_code);
}

// It is open as long as something comes back to it.
static void close_mailbox(struct server *server) {
    bool is_first = server->number == 0;
    if (!server->is_closed || server->away > 0 || server->crew->count == 1 ||
        server->is_mailbox_closed || (is_first && server->crew->running > 0))
        return;
    server->is_mailbox_closed = true;
    if (is_first)
        workers_join(server->crew);
    mailbox_close(&server->mailbox);
}

void server_came_home(struct server *server) {
    server->away--;
    close_mailbox(server);
}

void server_crew_ended(struct server *server) {
    close_if_drained(server);
    close_mailbox(server);
}

// Another signal while it ends must not end it in disorder.
static void close_signals(struct server *server) {
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < SERVER_SIGNALS; i++)
        sigaddset(&set, signals[i]);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    for (size_t i = 0; i < SERVER_SIGNALS; i++)
        uv_close((uv_handle_t *)&server->signals[i], NULL);
    hangup_close(&server->hangup);
}

// The loop ends when all that is closed here has gone.
void server_close(struct server *server) {
    if (server->is_closed)
        return;
    server->is_closed = true;
    if (server->number == 0) // others may still drain
        uv_timer_start(&server->last, on_overdue, OVERDUE_MS, 0);
    for (struct client *c = server->clients.first; c; c = c->next)
        client_close(c);
    while (server->backends) {
        struct backend *b = server->backends;
        server->backends = b->next;
        backend_free(b);
    }
    purge_cancel_all(&server->context); // none has anything at a backend any more
    waits_end(&server->context);
    waits_close(&server->context.waits);
    uv_close((uv_handle_t *)&server->sweep, NULL);
    uv_close((uv_handle_t *)&server->deadline, NULL);
    flusher_deinit(&server->context.reactor.flusher);
    if (server->number == 0) {
        systemd_stopping();
        systemd_close(&server->systemd);
        close_listeners(server);
        reload_cancel(&server->reload);
        close_signals(server);
        workers_end(server->crew);
    }
    close_mailbox(server);
}

static void fail(struct server *server) {
    server->exit_code = EXIT_FAILURE;
    server_close(server);
}

static void on_last_words_over(uv_timer_t *timer) { server_close(timer->data); }

// Clients that still wait are answered, and have a moment to read the answer.
static void on_drain_over(uv_timer_t *timer) {
    struct server *server = timer->data;
    log_warning(&server->context.reactor.log, "drain is over: closing %zu clients",
                server->clients.count);
    for (struct backend *b = server->backends; b; b = b->next)
        backend_stop(b);
    purge_cancel_all(&server->context);
    if (server->number == 0)
        reload_cancel(&server->reload);
    uv_timer_start(&server->deadline, on_last_words_over, LAST_WORDS_MS, 0);
}

// No new clients; those there are end as soon as they have nothing in flight.
void server_drain(struct server *server) {
    const struct daemon_conf *conf = &server->context.policy->settings->daemon;
    if (server->context.is_draining || server->is_closed)
        return;
    server->context.is_draining = true;
    if (server->number == 0) {
        systemd_stopping();
        close_listeners(server);
        reload_end(&server->reload);
        workers_drain(server->crew);
    }
    waits_end(&server->context);
    close_if_drained(server);
    if (server->is_closed)
        return;
    for (struct client *c = server->clients.first; c; c = c->next)
        client_drain(c);
    uv_timer_start(&server->deadline, on_drain_over, (uint64_t)conf->drain_ms, 0);
}

static void end(struct server *server, const char *why) {
    if (server->context.is_draining || !server->is_accepting) {
        server_close(server);
        return;
    }
    log_info(&server->context.reactor.log, "%s: ending, %zu clients connected", why,
             atomic_load(&server->crew->clients));
    server_drain(server);
}

static void on_signal(uv_signal_t *signal, int number) {
    end(signal->data, number == SIGTERM ? "SIGTERM" : "SIGINT");
}

static void on_reload(void *owner) {
    struct server *server = owner;
    if (!server->context.is_draining)
        reload_start(&server->reload);
}

// Shell and kernel may both tell: the second time is no reason to hurry.
static void on_terminal_gone(void *owner) {
    struct server *server = owner;
    if (!server->context.is_draining)
        end(server, "the terminal is gone");
}

// --- turns ------------------------------------------------------------------------------------

// Frees the backends that no policy uses any more, and lets the others' waiters go on.
static void visit_backends(struct server *server) {
    struct backend **at = &server->backends;
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

// Before output is flushed: requests that waited add to it.
static void before_flush(void *owner) {
    struct server *server = owner;
    visit_backends(server);
    struct client *due = server->clients.turns_due;
    if (due)
        due->before_due = &due; // each takes itself off the list
    server->clients.turns_due = NULL;
    while (due)
        client_take_turn(due);
    server->context.compared = 0;
}

static void on_sweep(uv_timer_t *timer) {
    struct server *server = timer->data;
    uint64_t now = uv_now(&server->context.reactor.loop);
    for (struct client *c = server->clients.first, *next; c; c = next) {
        next = c->next;
        client_sweep(c, now);
    }
    gone_close_all(&server->clients);
    if (server->number > 0)
        return;
    complaints_sweep(server->context.reactor.complaints, &server->context.reactor.log, now);
    complaints_sweep(server->crew->about_clients, &server->context.reactor.log, now);
    sink_flush();
    reload_sweep(&server->reload);
}

// --- start ------------------------------------------------------------------------------------

static void log_try(struct server *server) {
    const struct namespace_conf *n = &server->context.policy->settings->namespaces[0];
    for (size_t i = 0; i < server->listener_count; i++) {
        const struct address *a = &server->listeners[i]->address;
        if (a->kind == ADDRESS_UNIX)
            log_info(&server->context.reactor.log,
                     "try: printf 'key.set %s greeting hello\\nkey.get %s greeting\\nquit\\n' | "
                     "nc -U %s",
                     n->name, n->name, a->path);
        else
            log_info(&server->context.reactor.log,
                     "try: printf 'key.set %s greeting hello\\nkey.get %s greeting\\nquit\\n' | "
                     "nc %s %d",
                     n->name, n->name, a->host, a->port);
        return;
    }
}

static void accept_clients(struct server *server) {
    struct bytes error = {0};
    if (server->is_accepting || server->is_closed)
        return;
    server->is_accepting = true;
    uv_timer_stop(&server->deadline);
    for (size_t i = 0; i < server->listener_count; i++) {
        if (!listener_start(server->listeners[i], &error)) {
            log_error(&server->context.reactor.log, "can't listen at %.*s", (int)error.len,
                      error.data);
            bytes_deinit(&error);
            fail(server);
            return;
        }
    }
    if (!server->file)
        log_try(server);
    log_info(&server->context.reactor.log, "ready");
    systemd_ready();
}

static void on_start_over(uv_timer_t *timer) { accept_clients(timer->data); }

static void on_settled(void *owner) {
    struct server *server = owner;
    if (++server->settled_count == server->context.policy->settings->backend_count)
        accept_clients(server);
}

struct backend *server_new_backend(struct server *server, struct settings *settings,
                                   const struct backend_conf *conf, const char *path) {
    struct backend *b =
        backend_new(&server->context.reactor, settings, conf, path, on_settled, server);
    b->next = server->backends;
    server->backends = b;
    return b;
}

static void do_nothing(uv_work_t *work) { (void)work; }

static void on_nothing_done(uv_work_t *work, int status) {
    (void)status;
    mem_free(work);
}

// libuv starts its threads with the first work, and aborts when it can't: better now than later.
// They inherit the mask: signals are the loop's alone.
static void start_threads(uv_loop_t *loop) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    uv_queue_work(loop, mem_new(sizeof(uv_work_t)), do_nothing, on_nothing_done);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void init_reactor(struct server *server) {
    struct reactor *reactor = &server->context.reactor;
    log_init(&reactor->log, server->number);
    reactor->complaints = server->crew->complaints;
    server->context.about_clients = server->crew->about_clients;
    server->context.guesses = server->crew->guesses;
    server->clients = (struct clients){.context = &server->context,
                                       .worker = server->number,
                                       .workers = 1,
                                       .on_left = on_client_left,
                                       .owner = server};
    int error = uv_loop_init(&reactor->loop);
    if (error) { // as with threads
        log_error(&reactor->log, "can't start: %s", uv_strerror(error));
        _exit(EXIT_FAILURE);
    }
    uv_random(NULL, NULL, &reactor->random.state, sizeof(reactor->random.state), 0, NULL);
    reactor->random.state |= 1;
    reactor->near = near_store_new(0, random_next(&reactor->random));
    flusher_init(&reactor->flusher, &reactor->loop, before_flush, server);
    uv_timer_init(&reactor->loop, &server->sweep);
    uv_timer_init(&reactor->loop, &server->deadline);
    uv_timer_init(&reactor->loop, &server->last);
    uv_unref((uv_handle_t *)&server->last);
    server->last.data = server;
    server->sweep.data = server->deadline.data = server;
    uv_timer_start(&server->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
    waits_init(&server->context.waits, &server->context);
    server->started_ms = uv_now(&reactor->loop);
}

// --- systemd and reload -----------------------------------------------------------------------

static void on_pulse_back(struct broadcast *pulse, struct server *main) {
    (void)pulse;
    main->is_pulse_out = false;
    systemd_alive();
}

// Each worker shows that its loop turns. Nothing while an earlier pulse is still on its way.
static void on_watchdog(void *owner) {
    struct server *server = owner;
    if (server->is_pulse_out)
        return;
    server->is_pulse_out = true;
    server->pulse = (struct broadcast){.on_all_done = on_pulse_back};
    workers_broadcast(server->crew, server, &server->pulse);
}

static void on_reload_begin(void *owner) {
    (void)owner;
    systemd_reloading();
}

static void on_all_follow(void *owner) {
    struct server *server = owner;
    reload_conclude(&server->reload, true);
}

static void on_reload_loaded(void *owner, struct settings *settings, struct problems *problems) {
    struct server *server = owner;
    if (settings && binding_apply(server, settings, problems))
        workers_follow(server->crew, on_all_follow, server);
    else
        reload_conclude(&server->reload, false);
}

static void on_reload_over(void *owner) {
    struct server *server = owner;
    if (server->is_accepting)
        systemd_ready();
}

static const struct reload_events reload_events = {
    .on_begin = on_reload_begin,
    .on_loaded = on_reload_loaded,
    .on_over = on_reload_over,
};

// The parts that the process has once.
static void init_process(struct server *server) {
    uv_loop_t *loop = &server->context.reactor.loop;
    server->hangup.on_reload = on_reload;
    server->hangup.on_gone = on_terminal_gone;
    server->hangup.owner = server;
    int error = hangup_init(&server->hangup, loop);
    if (error) {
        log_error(&server->context.reactor.log, "can't start: %s", uv_strerror(error));
        _exit(EXIT_FAILURE);
    }
    start_threads(loop);
    for (size_t i = 0; i < SERVER_SIGNALS; i++) {
        uv_signal_init(loop, &server->signals[i]);
        server->signals[i].data = server;
        uv_signal_start(&server->signals[i], on_signal, signals[i]);
    }
    uv_timer_start(&server->deadline, on_start_over, START_MS, 0);
    systemd_init(&server->systemd, loop, on_watchdog, server);
    reload_init(&server->reload, &server->context.reactor, server->file, server->context.verbs,
                &reload_events, server);
    signal(SIGPIPE, SIG_IGN);
}

struct server *server_new(struct workers *workers, size_t number) {
    const struct server *main = workers->all[0];
    struct server *server = mem_new(sizeof(*server));
    server->crew = workers;
    server->number = number;
    server->context.verbs = main->context.verbs;
    server->verbosity = main->verbosity;
    server->is_accepting = true; // what it is given
    init_reactor(server);
    mailbox_open(&server->mailbox, &server->context.reactor.loop, server);
    return server;
}

void server_free(struct server *server) {
    context_deinit(&server->context);
    mem_free(server->listeners);
    mem_free(server);
}

void server_loop(struct server *server) {
    uv_loop_t *loop = &server->context.reactor.loop;
    uv_run(loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&server->last, NULL);
    uv_run(loop, UV_RUN_DEFAULT);
    if (uv_loop_close(loop) != 0)
        log_error(&server->context.reactor.log, "some handles were left open");
}

// The first settings come the way that all later ones do.
static void start(struct server *server, struct settings *settings, int verbosity) {
    struct problems problems = {0};
    struct bytes text = {0};
    server->verbosity = verbosity;
    if (!binding_apply(server, settings, &problems)) {
        problems_append_first(&problems, &text);
        log_error(&server->context.reactor.log, "%.*s", (int)text.len, text.data);
        bytes_deinit(&text);
        fail(server);
    } else {
        workers_start(server->crew);
    }
    problems_deinit(&problems);
}

int server_run(struct settings *settings, const struct verb_table *verbs, const char *file,
               int verbosity) {
    struct server *server = mem_new(sizeof(*server));
    struct workers *workers = server->crew = workers_new(server);
    server->context.verbs = verbs;
    server->file = file;
    init_reactor(server);
    init_process(server);
    start(server, settings, verbosity);
    server_loop(server);
    int code = server->exit_code;
    log_info(&server->context.reactor.log, "ended");
    if (workers->count > 1)
        mailbox_deinit(&server->mailbox);
    server_free(server);
    workers_free(workers);
    return code;
}
