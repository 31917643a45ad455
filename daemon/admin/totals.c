#include "daemon/admin/totals.h"

#include <inttypes.h>
#include <stdio.h>

#include "daemon/front/client.h"
#include "daemon/loop/loop.h"
#include "daemon/near/tracker.h"
#include "daemon/policy/policy.h"
#include "daemon/request/reply_queue.h"
#include "protocol/mem.h"

void totals_init(struct totals *t, struct settings *settings, bool has_clients, const char *user) {
    *t = (struct totals){.settings = settings_ref(settings), .has_clients = has_clients};
    t->user = user ? mem_text(user) : NULL;
    t->namespaces = mem_new(settings->namespace_count * sizeof(*t->namespaces));
    t->backends = mem_new(settings->backend_count * sizeof(*t->backends));
}

void totals_deinit(struct totals *t) {
    settings_unref(t->settings);
    mem_free(t->namespaces);
    mem_free(t->backends);
    mem_free(t->user);
    bytes_deinit(&t->client_lines);
}

// Adds up structs that hold only counters of 64 bits.
static void add(void *sum, const void *more, size_t size) {
    uint64_t *to = sum;
    const uint64_t *from = more;
    for (size_t i = 0; i < size / sizeof(uint64_t); i++)
        to[i] += from[i];
}

#define ADD(sum, more) add((sum), (more), sizeof(*(sum)))

_Static_assert(sizeof(size_t) == sizeof(uint64_t), "near_counters are added as 64-bit counters");

static void add_state(struct backend_totals *t, const struct backend *b) {
    struct backend_state state = backend_state(b);
    if (t->state.since_ms > 0 && t->state.health >= state.health)
        return;
    t->state = state;
    snprintf(t->reason, sizeof(t->reason), "%s", state.reason ? state.reason : "");
}

static void add_backend(struct backend_totals *t, const struct backend *b) {
    struct backend_sums sums = backend_sum(b);
    ADD(&t->conns, &sums.conns);
    add_state(t, b);
    t->pending += backend_pending(b);
    t->connects += sums.connects;
    t->waits += b->waiting.waits;
    t->wait_ms += b->waiting.wait_ms;
    t->late_waits += b->waiting.late_waits;
    if (sums.failures > t->most_failures)
        t->most_failures = sums.failures;
    t->tracking += sums.tracking;
    t->live += sums.live;
    t->invalidations += sums.invalidations;
    t->flushes += sums.flushes;
    t->losses += sums.losses;
}

// Backends are matched by name, because a reload may reach one worker earlier than another.
static void add_backends(struct totals *t, const struct policy *policy) {
    const struct settings *listed = t->settings;
    for (size_t i = 0; i < listed->backend_count; i++)
        for (size_t j = 0; j < policy->settings->backend_count; j++)
            if (strcmp(policy->backends[j]->conf->name, listed->backends[i].name) == 0)
                add_backend(&t->backends[i], policy->backends[j]);
}

static void add_routes(struct totals *t, const struct policy *policy) {
    for (size_t i = 0; i < policy->settings->backend_count; i++)
        if (policy->backends[i]->route->count)
            policy->backends[i]->route->count(policy->backends[i], &t->routes);
}

static void add_client(struct totals *t, const struct client *c, size_t number, uint64_t now_ms) {
    const char *user = c->session.identity.user ? c->session.identity.user->name : "none";
    if (t->user && strcmp(user, t->user) != 0)
        return;
    bytes_printf(&t->client_lines,
                 "id=%" PRIu64 " addr=%s name=%s user=%s age=%" PRIu64 " idle=%" PRIu64
                 " pending=%zu in=%zu out=%zu worker=%zu requests=%" PRIu64 " verb=%s\n",
                 c->session.id, c->session.address, c->session.name ? c->session.name : "", user,
                 (now_ms - c->connected_ms) / 1000, (now_ms - c->active_ms) / 1000,
                 c->session.replies.count, c->in.len, reply_queue_unread(&c->session.replies),
                 number, c->session.requests,
                 c->session.last_verb ? c->session.last_verb->name : "none");
}

static void add_clients(struct totals *t, const struct worker *worker) {
    uint64_t now = loop_now(&worker->context.loop);
    for (const struct client *c = worker->clients.first; c; c = c->next)
        add_client(t, c, worker->number, now);
}

static void add_worker(struct totals *t, const struct worker *worker) {
    const struct settings *listed = t->settings;
    t->workers++;
    t->clients += worker->clients.count;
    ADD(&t->stats, &worker->context.stats);
    ADD(&t->near, near_store_counters(worker->context.loop.near));
    for (size_t i = 0; i < listed->namespace_count; i++) {
        const struct namespace *namespace =
            policy_namespace(worker->context.policy, slice_of(listed->namespaces[i].name));
        if (namespace)
            ADD(&t->namespaces[i], namespace->stats);
    }
    add_backends(t, worker->context.policy);
    add_routes(t, worker->context.policy);
    if (t->has_clients)
        add_clients(t, worker);
}

static void visit_to_add(struct broadcast *b, struct worker *worker) {
    add_worker((struct totals *)b, worker); // its first member
}

static void on_all_done(struct broadcast *b, struct worker *origin) {
    struct totals *t = (struct totals *)b;
    (void)origin;
    t->on_collected(t);
}

void totals_collect(struct totals *t, struct workers *workers, struct worker *origin,
                    void (*on_collected)(struct totals *t)) {
    t->broadcast = (struct broadcast){.visit = visit_to_add, .on_all_done = on_all_done};
    t->on_collected = on_collected;
    add_worker(t, origin);
    workers_broadcast(workers, origin, &t->broadcast);
}
