// Worker adopt: puts settings in force at a worker, by tying them to its living parts, which are
// backends, counters and identities.
#include "conf/schema.h"
#include "conf/sections.h"
#include "conf/settings.h"
#include "daemon/backend/backend.h"
#include "daemon/backend/kinds.h"
#include "daemon/front/clients.h"
#include "daemon/loop/log.h"
#include "daemon/near/store.h"
#include "daemon/near/tracker.h"
#include "daemon/policy/policy.h"
#include "daemon/policy/stats.h"
#include "daemon/request/slow_log.h"
#include "daemon/worker.h"
#include "protocol/bytes.h"
#include "protocol/verb_table.h"

static struct backend *find_backend(const struct worker *worker, const struct backend_conf *conf) {
    const struct policy *policy = worker->context.policy;
    for (size_t i = 0; policy && i < policy->settings->backend_count; i++)
        if (backend_has_conf(policy->backends[i], conf))
            return policy->backends[i];
    return NULL;
}

static void on_settled(void *owner) {
    struct worker *worker = owner;
    bool is_last = ++worker->settled_count == worker->context.policy->settings->backend_count;
    if (is_last && worker->events->on_settled)
        worker->events->on_settled(worker->owner);
}

// Returns a backend that begins to connect, and lives until no policy refers to it. `path` is that
// of backend_new().
static struct backend *new_backend(struct worker *worker, struct settings *settings,
                                   const struct backend_conf *conf, const char *path) {
    struct backend *b = backend_new(&worker->context.loop, settings, conf, route_of(conf->url.kind),
                                    path, on_settled, worker);
    b->next = worker->backends;
    worker->backends = b;
    return b;
}

static struct namespace_stats *find_stats(const struct worker *worker, const char *name) {
    struct namespace *namespace =
        worker->context.policy ? policy_namespace(worker->context.policy, slice_of(name)) : NULL;
    return namespace ? namespace->stats : NULL;
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
static void tell_needs(const struct worker *worker, const struct policy *policy, size_t backend) {
    const struct verb_entry *entry;
    struct slice key = {0};
    uint64_t needs = 0;
    for (size_t i = 0; i < policy->settings->namespace_count; i++) {
        const struct namespace *namespace = &policy->namespaces[i];
        if (namespace->conf->backend != backend)
            continue;
        key = (struct slice){namespace->conf->prefix, namespace->conf->prefix_len};
        for (size_t id = 0; (entry = verb_at(worker->context.verbs, id)); id++)
            needs |= verb_set_has(&namespace->verbs, entry) ? entry->commands : 0;
    }
    backend_need(policy->backends[backend], verb_rights(worker->context.verbs), needs, key);
}

// Returns the Unix socket of an embedded backend's server that the leader runs; NULL when there is
// no leader, or the backend is not embedded. The leader's thread may be ending it meanwhile, so
// this reads only members that never change.
static const char *running_at(const struct policy *leader, size_t backend) {
    return leader ? leader->backends[backend]->path : NULL;
}

static struct policy *make_policy(struct worker *worker, struct settings *settings,
                                  const struct policy *leader) {
    struct policy *policy = policy_new(settings, worker->context.verbs);
    for (size_t i = 0; i < settings->backend_count; i++) {
        const struct backend_conf *conf = &settings->backends[i];
        struct backend *backend = find_backend(worker, conf);
        if (backend)
            backend_renew(backend, conf);
        else
            backend = new_backend(worker, settings, conf, running_at(leader, i));
        backend->most_output = (size_t)settings->daemon.max_request;
        policy->backends[i] = backend_ref(backend);
    }
    for (size_t i = 0; i < settings->namespace_count; i++) {
        struct namespace *namespace = &policy->namespaces[i];
        namespace->backend = policy->backends[namespace->conf->backend];
        namespace->stats = namespace_stats_ref(find_stats(worker, namespace->conf->name));
    }
    near_store_resize(worker->context.loop.near,
                      (size_t)(settings->daemon.near_memory / settings->daemon.workers));
    for (size_t i = 0; i < settings->backend_count; i++) {
        follow_keys(policy, i);
        tell_needs(worker, policy, i);
    }
    return policy;
}

_Static_assert((int)NEAR_LEAST == (int)NEAR_MEMORY_LEAST,
               "the settings warn of what the store refuses");

void worker_adopt(struct worker *worker, struct settings *settings, const struct policy *leader) {
    struct policy *old = worker->context.policy;
    worker->context.policy = make_policy(worker, settings, leader);
    worker->context.client_output = (size_t)settings->daemon.client_output;
    slow_log_configure(&worker->context.slow, &settings->daemon);
    log_configure(&worker->context.loop.log, &settings->daemon, worker->shared->verbosity);
    clients_renew(&worker->clients);
    policy_unref(old);
}
