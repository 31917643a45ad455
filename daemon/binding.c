#include "binding.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "handover.h"
#include "mem.h"
#include "runtime_folder.h"
#include "schema.h"
#include "server.h"
#include "systemd.h"

enum { OWN_FILES = 64, LOOP_FILES = 5, DEFAULT_PORT = 7379 }; // descriptors beside those of clients

// --- listeners --------------------------------------------------------------------------------

static struct listener *find_listener(const struct server *server, const struct address *address) {
    for (size_t i = 0; i < server->listener_count; i++)
        if (address_is_same(&server->listeners[i]->address, address))
            return server->listeners[i];
    return NULL;
}

// For the built-in default alone: a socket in the runtime folder, and a port on loopback.
static void add_default_listens(struct daemon_conf *conf, struct problems *problems) {
    struct bytes path = {0};
    runtime_folder_append(&path);
    bytes_append_literal(&path, "/cachesd.sock");
    if (path.len > ADDRESS_LONGEST_PATH)
        problems_add(problems, 0, "%.*s is too long for a Unix socket: set listen =", (int)path.len,
                     path.data);
    bytes_append(&path, "", 1);
    const struct address places[] = {
        {.kind = ADDRESS_UNIX, .path = path.data},
        {.kind = ADDRESS_TCP, .host = (char[]){"127.0.0.1"}, .port = DEFAULT_PORT},
    };
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
        address_resolve(&places[i], &conf->listens);
    bytes_deinit(&path);
}

// The sockets that systemd passed are held against the settings only here: -t does not have them.
static bool look_at_passed(const struct settings *settings, struct problems *problems) {
    const char *error = NULL;
    for (size_t i = 0; i < settings->daemon.listens.count && !error; i++) {
        struct address *address = &settings->daemon.listens.items[i];
        if (address->kind != ADDRESS_SYSTEMD)
            continue;
        error = systemd_look(address);
        if (!error && !address_is_local(address) && !settings_has_tokens(settings))
            error = "a socket that other machines reach needs a [user] with a token";
        if (error)
            problems_add(problems, address->line, "listen = systemd: %s", error);
    }
    return !error;
}

// Opens those that are not open yet. `listeners` gets all that the settings name, in order.
static bool open_listeners(struct server *server, const struct settings *settings,
                           struct listener **listeners, struct problems *problems) {
    const struct daemon_conf *conf = &settings->daemon;
    for (size_t i = 0; i < conf->listens.count; i++) {
        const struct address *address = &conf->listens.items[i];
        struct bytes error = {0};
        listeners[i] = find_listener(server, address);
        if (!listeners[i])
            listeners[i] = listener_new(&server->context.reactor, address, conf, handover_client,
                                        server->crew, &error);
        if (listeners[i] && server->is_accepting && !listener_start(listeners[i], &error)) {
            if (!find_listener(server, address))
                listener_free(listeners[i]);
            listeners[i] = NULL;
        }
        if (!listeners[i])
            problems_add(problems, address->line, "listen: %.*s", (int)error.len, error.data);
        bytes_deinit(&error);
        if (!listeners[i])
            return false;
    }
    return true;
}

// Of those that were open already; what was done is undone when it is not all.
static bool change_access(struct server *server, const struct settings *settings,
                          struct listener *const *listeners, struct problems *problems) {
    struct bytes error = {0};
    size_t i = 0;
    while (i < settings->daemon.listens.count &&
           listener_set_access(listeners[i], &settings->daemon, &error))
        i++;
    bool is_good = i == settings->daemon.listens.count;
    const char *option = settings->daemon.socket_gid >= 0 ? "socket_group" : "socket_mode";
    if (!is_good)
        problems_add(problems, schema_line(&settings->daemon.common, SECTION_CACHESD, option),
                     "listen: %.*s", (int)error.len, error.data);
    for (i = 0; !is_good && i < server->listener_count; i++)
        (void)!listener_set_access(server->listeners[i], &server->context.policy->settings->daemon,
                                   &error);
    bytes_deinit(&error);
    return is_good;
}

static bool is_listed(struct listener *const *list, size_t count, const struct listener *l) {
    for (size_t i = 0; i < count; i++)
        if (list[i] == l)
            return true;
    return false;
}

// Closes those of `from` that `kept` does not have.
static void close_listeners(struct listener *const *from, size_t count,
                            struct listener *const *kept, size_t kept_count) {
    for (size_t i = 0; i < count; i++)
        if (from[i] && !is_listed(kept, kept_count, from[i]))
            listener_free(from[i]);
}

// --- backends and namespaces ------------------------------------------------------------------

static struct backend *find_backend(const struct server *server, const struct backend_conf *conf) {
    const struct policy *policy = server->context.policy;
    for (size_t i = 0; policy && i < policy->settings->backend_count; i++)
        if (backend_has_conf(policy->backends[i], conf))
            return policy->backends[i];
    return NULL;
}

static struct space_stats *find_stats(const struct server *server, const char *name) {
    struct space *space =
        server->context.policy ? policy_space(server->context.policy, slice_of(name)) : NULL;
    return space ? space->stats : NULL;
}

// Each backend's tracker hears of the keys of its namespaces that have near = yes.
static void follow_keys(struct policy *policy, size_t backend) {
    const struct settings *settings = policy->settings;
    struct prefixes prefixes = {0};
    for (size_t i = 0; i < settings->namespace_count; i++) {
        const struct namespace_conf *n = &settings->namespaces[i];
        if (n->is_near && n->backend == backend && settings_has_near_memory(settings))
            prefixes_add(&prefixes, (struct slice){n->prefix, n->prefix_len});
    }
    backend_track(policy->backends[backend], prefixes);
}

// Each backend learns what the verbs of its namespaces need.
static void tell_needs(const struct server *server, const struct policy *policy, size_t backend) {
    const struct verb_entry *entry;
    struct slice key = {0};
    uint64_t needs = 0;
    for (size_t i = 0; i < policy->settings->namespace_count; i++) {
        const struct space *space = &policy->spaces[i];
        if (space->conf->backend != backend)
            continue;
        key = (struct slice){space->conf->prefix, space->conf->prefix_len};
        for (size_t id = 0; (entry = verb_at(server->context.verbs, id)); id++)
            needs |= verb_set_has(&space->verbs, entry) ? entry->commands : 0;
    }
    backend_need(policy->backends[backend], verb_rights(server->context.verbs), needs, key);
}

// Where worker 0 runs the server of an embedded backend; NULL: it does not, or is to start it. Of
// what is worker 0's, only what never changes is read here, on another thread: it may be ending.
static const char *running_at(const struct policy *leader, size_t backend) {
    return leader ? leader->backends[backend]->path : NULL;
}

static struct policy *make_policy(struct server *server, struct settings *settings,
                                  const struct policy *leader) {
    struct policy *policy = policy_new(settings, server->context.verbs);
    for (size_t i = 0; i < settings->backend_count; i++) {
        const struct backend_conf *conf = &settings->backends[i];
        struct backend *backend = find_backend(server, conf);
        if (!backend)
            backend = server_new_backend(server, settings, conf, running_at(leader, i));
        backend->most_output = (size_t)settings->daemon.max_request;
        policy->backends[i] = backend_ref(backend);
    }
    for (size_t i = 0; i < settings->namespace_count; i++) {
        struct space *space = &policy->spaces[i];
        space->backend = policy->backends[space->conf->backend];
        space->stats = space_stats_ref(find_stats(server, space->conf->name));
    }
    near_store_resize(server->context.reactor.near,
                      (size_t)(settings->daemon.near_memory / settings->daemon.workers));
    for (size_t i = 0; i < settings->backend_count; i++) {
        follow_keys(policy, i);
        tell_needs(server, policy, i);
    }
    return policy;
}

_Static_assert((int)NEAR_LEAST == (int)NEAR_MEMORY_LEAST,
               "the settings warn of what the store refuses");

// --- limits -----------------------------------------------------------------------------------

// Each client takes a descriptor: raises the soft limit, and lowers max_clients where that is not
// enough.
static void fit_open_files(struct server *server, const struct settings *settings) {
    const struct daemon_conf *conf = &settings->daemon;
    int64_t wanted = conf->max_clients;
    // A loop has its own, and to each backend a connection and a tracker's.
    rlim_t own = OWN_FILES + conf->listens.count +
                 (rlim_t)conf->workers * (LOOP_FILES + 2 * settings->backend_count);
    struct rlimit limit;
    server->context.stats.max_clients = (uint64_t)wanted;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    rlim_t need = (rlim_t)wanted + own;
    if (limit.rlim_cur < need) {
        limit.rlim_cur = limit.rlim_max < need ? limit.rlim_max : need;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
        (void)getrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur >= need)
        return;
    server->context.stats.max_clients = limit.rlim_cur > own ? limit.rlim_cur - own : 1;
    log_warning(&server->context.reactor.log,
                "max_clients: %lld instead of %lld: the open-files limit is %lld",
                (long long)server->context.stats.max_clients, (long long)wanted,
                (long long)limit.rlim_cur);
}

static bool needs_folder(const struct settings *settings) {
    bool needs = settings->daemon.listens.count == 0;
    for (size_t i = 0; i < settings->backend_count; i++)
        needs = needs || settings->backends[i].url.kind == URL_EMBEDDED;
    return needs;
}

static bool prepare_folder(const struct settings *settings, struct problems *problems) {
    struct bytes problem = {0};
    const char *error = needs_folder(settings) ? runtime_folder_prepare(&problem) : NULL;
    if (error)
        problems_add(problems, 0, "%.*s", (int)problem.len, problem.data);
    bytes_deinit(&problem);
    return !error;
}

// --- all together -----------------------------------------------------------------------------

static void change_policy(struct server *server, struct settings *settings,
                          const struct policy *leader) {
    struct policy *old = server->context.policy;
    server->context.policy = make_policy(server, settings, leader);
    log_configure(&server->context.reactor.log, &settings->daemon, server->verbosity);
    for (struct client *c = server->clients.first; c; c = c->next) {
        caller_identify(&c->caller, settings);
        client_set_limits(c);
    }
    policy_unref(old);
}

void binding_follow(struct server *server, const struct policy *leader) {
    change_policy(server, settings_ref(leader->settings), leader);
}

// From here on nothing can fail.
static void put_in_force(struct server *server, struct settings *settings,
                         struct listener **listeners) {
    size_t count = settings->daemon.listens.count;
    change_policy(server, settings, NULL);
    close_listeners(server->listeners, server->listener_count, listeners, count);
    mem_free(server->listeners);
    server->listeners = listeners;
    server->listener_count = count;
    fit_open_files(server, settings);
}

static bool keeps_workers(const struct server *server, const struct settings *settings,
                          struct problems *problems) {
    int64_t now = server->context.policy ? server->context.policy->settings->daemon.workers : 0;
    if (now == 0 || now == settings->daemon.workers)
        return true;
    problems_add(problems, schema_line(&settings->daemon.common, SECTION_CACHESD, "workers"),
                 "workers: it is %lld, and can't change by a reload: restart the daemon",
                 (long long)now);
    return false;
}

bool binding_apply(struct server *server, struct settings *settings, struct problems *problems) {
    problems_set_file(problems, settings->file ? settings->file : "built-in");
    bool is_good = keeps_workers(server, settings, problems) && prepare_folder(settings, problems);
    if (is_good && settings->daemon.listens.count == 0)
        add_default_listens(&settings->daemon, problems);
    systemd_expand(&settings->daemon);
    is_good = problems->error_count == 0 && look_at_passed(settings, problems);
    size_t count = settings->daemon.listens.count;
    struct listener **listeners = mem_new(count * sizeof(struct listener *));
    if (is_good && open_listeners(server, settings, listeners, problems) &&
        change_access(server, settings, listeners, problems)) {
        put_in_force(server, settings, listeners);
        return true;
    }
    close_listeners(listeners, count, server->listeners, server->listener_count);
    mem_free(listeners);
    settings_unref(settings);
    return false;
}
