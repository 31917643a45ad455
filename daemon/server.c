#include "server.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "mem.h"
#include "runtime_folder.h"

enum {
    START_MS = 3000,     // the longest wait for backends before clients are let in
    SWEEP_MS = 250,      // how often clients are looked at
    LAST_WORDS_MS = 500, // between the end of a drain and that of its clients
    OWN_FILES = 64,      // descriptors beside those of clients
    DEFAULT_PORT = 7379,
};

struct slice *server_words(struct server *server, size_t count) {
    if (count > server->words_cap) {
        server->words_cap = count < 64 ? 64 : count;
        server->words = mem_resize(server->words, server->words_cap * sizeof(*server->words));
    }
    return server->words;
}

void server_add_client(struct server *server, struct client *c) {
    c->id = ++server->next_client_id;
    c->next = server->clients;
    if (c->next)
        c->next->before = c;
    server->clients = c;
    server->client_count++;
}

static void close_all(struct server *server);

void server_remove_client(struct server *server, struct client *c) {
    if (c->before)
        c->before->next = c->next;
    else
        server->clients = c->next;
    if (c->next)
        c->next->before = c->before;
    server->client_count--;
    if (server->is_draining && server->client_count == 0)
        close_all(server);
}

// --- end --------------------------------------------------------------------------------------

static void close_listeners(struct server *server) {
    for (size_t i = 0; i < server->listener_count; i++)
        listener_free(server->listeners[i]);
    server->listener_count = 0;
}

// The loop ends when all that is closed here has gone.
static void close_all(struct server *server) {
    if (server->is_closed)
        return;
    server->is_closed = true;
    close_listeners(server);
    for (struct client *c = server->clients; c; c = c->next)
        client_close(c);
    for (size_t i = 0; i < server->backend_count; i++)
        backend_free(server->backends[i]);
    server->backend_count = 0;
    // Another signal while it ends must not end it in disorder.
    sigset_t both;
    sigemptyset(&both);
    sigaddset(&both, SIGTERM);
    sigaddset(&both, SIGINT);
    pthread_sigmask(SIG_BLOCK, &both, NULL);
    uv_close((uv_handle_t *)&server->signals[0], NULL);
    uv_close((uv_handle_t *)&server->signals[1], NULL);
    uv_close((uv_handle_t *)&server->sweep, NULL);
    uv_close((uv_handle_t *)&server->deadline, NULL);
    flusher_deinit(&server->reactor.flusher);
}

static void fail(struct server *server) {
    server->exit_code = EXIT_FAILURE;
    close_all(server);
}

static void on_last_words_over(uv_timer_t *timer) { close_all(timer->data); }

// Who still waits is answered, and has a moment to read it.
static void on_drain_over(uv_timer_t *timer) {
    struct server *server = timer->data;
    log_warning(&server->reactor.log, "drain is over: closing %zu clients", server->client_count);
    for (size_t i = 0; i < server->backend_count; i++)
        backend_stop(server->backends[i]);
    uv_timer_start(&server->deadline, on_last_words_over, LAST_WORDS_MS, 0);
}

// No new clients; those there are end as soon as they have nothing in flight.
static void drain(struct server *server) {
    const struct daemon_conf *conf = &server->policy->settings->daemon;
    server->is_draining = true;
    close_listeners(server);
    if (server->client_count == 0) {
        close_all(server);
        return;
    }
    for (struct client *c = server->clients; c; c = c->next)
        stream_out(&c->stream); // its on_written() ends it when it is idle
    uv_timer_start(&server->deadline, on_drain_over, (uint64_t)conf->drain_ms, 0);
}

static void on_signal(uv_signal_t *signal, int number) {
    struct server *server = signal->data;
    if (server->is_draining || !server->is_accepting) {
        close_all(server);
        return;
    }
    log_info(&server->reactor.log, "%s: ending, %zu clients connected",
             number == SIGTERM ? "SIGTERM" : "SIGINT", server->client_count);
    drain(server);
}

// --- turns ------------------------------------------------------------------------------------

// Before output is flushed: requests that waited for room add to it.
static void before_flush(void *owner) {
    struct server *server = owner;
    for (size_t i = 0; i < server->backend_count; i++)
        backend_wake(server->backends[i]);
    for (struct client *c = server->turn_waiters, *next; c; c = next) {
        next = c->next_turn;
        client_take_turn(c);
    }
}

static void on_sweep(uv_timer_t *timer) {
    struct server *server = timer->data;
    uint64_t now = uv_now(&server->reactor.loop);
    for (struct client *c = server->clients, *next; c; c = next) {
        next = c->next;
        client_sweep(c, now);
    }
}

// --- start ------------------------------------------------------------------------------------

// Each client takes a descriptor: raises the soft limit, and lowers max_clients where that is not
// enough.
static void fit_open_files(struct server *server) {
    struct rlimit limit;
    int64_t wanted = server->policy->settings->daemon.max_clients;
    server->max_clients = wanted;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    rlim_t need = (rlim_t)wanted + OWN_FILES;
    if (limit.rlim_cur < need) {
        limit.rlim_cur = limit.rlim_max < need ? limit.rlim_max : need;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
        (void)getrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur >= need)
        return;
    server->max_clients = limit.rlim_cur > OWN_FILES ? (int64_t)(limit.rlim_cur - OWN_FILES) : 1;
    log_warning(&server->reactor.log,
                "max_clients: %lld instead of %lld: the open-files limit is %lld",
                (long long)server->max_clients, (long long)wanted, (long long)limit.rlim_cur);
}

static void log_try(struct server *server) {
    const struct namespace_conf *n = &server->policy->settings->namespaces[0];
    for (size_t i = 0; i < server->listener_count; i++) {
        const struct address *a = &server->listeners[i]->address;
        if (a->kind == ADDRESS_UNIX)
            log_info(&server->reactor.log,
                     "try: printf 'key.set %s greeting hello\\nkey.get %s greeting\\nquit\\n' | "
                     "nc -U %s",
                     n->name, n->name, a->path);
        else
            log_info(&server->reactor.log,
                     "try: printf 'key.set %s greeting hello\\nkey.get %s greeting\\nquit\\n' | "
                     "nc %s %d",
                     n->name, n->name, a->host, a->port);
        return;
    }
}

static void accept_clients(struct server *server) {
    if (server->is_accepting || server->is_closed)
        return;
    server->is_accepting = true;
    uv_timer_stop(&server->deadline);
    for (size_t i = 0; i < server->listener_count; i++) {
        struct bytes shown = {0};
        if (!listener_start(server->listeners[i])) {
            fail(server);
            return;
        }
        address_append(&shown, &server->listeners[i]->address);
        log_info(&server->reactor.log, "listening at %.*s", (int)shown.len, shown.data);
        bytes_deinit(&shown);
    }
    if (!server->file)
        log_try(server);
    log_info(&server->reactor.log, "ready");
}

static void on_start_over(uv_timer_t *timer) { accept_clients(timer->data); }

static void on_settled(void *owner) {
    struct server *server = owner;
    if (++server->settled_count == server->policy->settings->backend_count)
        accept_clients(server);
}

static bool add_listener(struct server *server, const struct address *address) {
    struct listener *l = listener_new(server, address);
    if (!l)
        return false;
    server->listeners =
        mem_resize(server->listeners, (server->listener_count + 1) * sizeof(struct listener *));
    server->listeners[server->listener_count++] = l;
    return true;
}

// Where the settings name no place: a socket in the runtime folder, and a port on loopback.
static bool add_default_listeners(struct server *server) {
    struct address local = {.kind = ADDRESS_UNIX};
    struct address port = {
        .kind = ADDRESS_TCP, .host = mem_text("127.0.0.1"), .port = DEFAULT_PORT};
    struct bytes path = {0};
    runtime_folder_append(&path);
    bytes_append_literal(&path, "/cachesd.sock");
    local.path = mem_text_of(path.data, path.len);
    bytes_deinit(&path);
    bool is_added =
        !address_resolve(&port) && add_listener(server, &local) && add_listener(server, &port);
    address_deinit(&local);
    address_deinit(&port);
    return is_added;
}

static bool add_listeners(struct server *server) {
    const struct daemon_conf *conf = &server->policy->settings->daemon;
    if (conf->listen_count == 0)
        return add_default_listeners(server);
    for (size_t i = 0; i < conf->listen_count; i++)
        if (!add_listener(server, &conf->listens[i]))
            return false;
    return true;
}

static bool prepare_folder(struct server *server) {
    const struct settings *settings = server->policy->settings;
    struct bytes problem = {0};
    bool is_needed = settings->daemon.listen_count == 0;
    for (size_t i = 0; i < settings->backend_count; i++)
        is_needed = is_needed || settings->backends[i].url.kind == URL_EMBEDDED;
    const char *error = is_needed ? runtime_folder_prepare(&problem) : NULL;
    if (error)
        log_error(&server->reactor.log, "%s", error);
    bytes_deinit(&problem);
    return !error;
}

static void start_backends(struct server *server) {
    struct settings *settings = server->policy->settings;
    server->backends = mem_new(settings->backend_count * sizeof(struct backend *));
    server->space_stats = mem_new(settings->namespace_count * sizeof(*server->space_stats));
    for (size_t i = 0; i < settings->backend_count; i++)
        server->backends[server->backend_count++] =
            backend_new(&server->reactor, settings, &settings->backends[i], on_settled, server);
    for (size_t i = 0; i < settings->namespace_count; i++) {
        server->policy->spaces[i].backend = server->backends[settings->namespaces[i].backend];
        server->policy->spaces[i].stats = &server->space_stats[i];
    }
}

static void init_loop(struct server *server) {
    struct reactor *reactor = &server->reactor;
    uv_loop_init(&reactor->loop);
    log_init(&reactor->log);
    uv_random(NULL, NULL, &reactor->random.state, sizeof(reactor->random.state), 0, NULL);
    reactor->random.state |= 1;
    flusher_init(&reactor->flusher, &reactor->loop, before_flush, server);
    uv_signal_init(&reactor->loop, &server->signals[0]);
    uv_signal_init(&reactor->loop, &server->signals[1]);
    uv_timer_init(&reactor->loop, &server->sweep);
    uv_timer_init(&reactor->loop, &server->deadline);
    server->signals[0].data = server->signals[1].data = server;
    server->sweep.data = server->deadline.data = server;
    uv_signal_start(&server->signals[0], on_signal, SIGTERM);
    uv_signal_start(&server->signals[1], on_signal, SIGINT);
    uv_timer_start(&server->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
    uv_timer_start(&server->deadline, on_start_over, START_MS, 0);
    server->started_ms = uv_now(&reactor->loop);
    signal(SIGPIPE, SIG_IGN);
}

static void free_server(struct server *server) {
    while (server->free_requests) {
        struct request *r = server->free_requests;
        server->free_requests = r->next;
        bytes_deinit(&r->reply);
        mem_free(r);
    }
    policy_unref(server->policy);
    mem_free(server->backends);
    mem_free(server->space_stats);
    mem_free(server->listeners);
    mem_free(server->words);
    bytes_deinit(&server->scratch);
    mem_free(server);
}

int server_run(struct settings *settings, const struct verb_table *verbs, const char *file) {
    struct server *server = mem_new(sizeof(*server));
    server->verbs = verbs;
    server->file = file;
    init_loop(server);
    server->reactor.log.level = (enum log_level)settings->daemon.log_level;
    server->policy = policy_new(settings);
    fit_open_files(server);
    if (prepare_folder(server) && add_listeners(server))
        start_backends(server);
    else
        fail(server);
    uv_run(&server->reactor.loop, UV_RUN_DEFAULT);
    int code = server->exit_code;
    if (uv_loop_close(&server->reactor.loop) != 0)
        log_error(&server->reactor.log, "some handles were left open");
    else
        log_info(&server->reactor.log, "ended");
    free_server(server);
    return code;
}
