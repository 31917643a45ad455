#include "daemon/admin/totals.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/admin/client_filter.h"
#include "daemon/daemon.h"
#include "daemon/front/client.h"
#include "daemon/loop/loop.h"
#include "daemon/policy/identity.h"
#include "daemon/policy/policy.h"
#include "daemon/redis/redis_session.h"
#include "daemon/request/reply_queue.h"
#include "daemon/request/slow_log.h"
#include "protocol/mem.h"
#include "protocol/verb_table.h"

// A user sees only the backends of its own namespaces.
static void look(struct totals *t, const struct identity *reader) {
    const struct settings *settings = t->settings;
    for (size_t i = 0; i < settings->backend_count; i++)
        t->sees_backend[i] = identity_is_admin(reader);
    for (size_t i = 0; i < settings->namespace_count; i++) {
        if (!identity_may_use(reader, i))
            continue;
        t->sees_namespace[i] = true;
        t->sees_backend[settings->namespaces[i].backend] = true;
    }
}

void totals_init(struct totals *t, struct settings *settings, const struct identity *reader,
                 bool has_clients) {
    bool sees_all = identity_is_admin(reader) || !reader->user;
    *t = (struct totals){.settings = settings_ref(settings), .has_clients = has_clients};
    t->user = sees_all ? NULL : mem_text(reader->user->name);
    t->sees_namespace = mem_new(settings->namespace_count * sizeof(*t->sees_namespace));
    t->sees_backend = mem_new(settings->backend_count * sizeof(*t->sees_backend));
    t->namespaces = mem_new(settings->namespace_count * sizeof(*t->namespaces));
    t->backends = mem_new(settings->backend_count * sizeof(*t->backends));
    t->sees_keys = identity_is_admin(reader);
    look(t, reader);
}

void totals_deinit(struct totals *t) {
    settings_unref(t->settings);
    mem_free(t->sees_namespace);
    mem_free(t->sees_backend);
    mem_free(t->by_worker);
    mem_free(t->slow);
    mem_free(t->namespaces);
    mem_free(t->backends);
    mem_free(t->user);
    bytes_deinit(&t->client_lines);
}

uint64_t totals_requests(const struct namespace_stats *stats) {
    uint64_t sum = 0;
    for (size_t i = 0; i < VERBS_MOST; i++)
        sum += stats->by_verb[i];
    return sum;
}

const char *const totals_states[] = {
    [BACKEND_WELL] = "up",       [BACKEND_TROUBLED] = "up",           [BACKEND_UNFIT] = "unfit",
    [BACKEND_PARTLY] = "partly", [BACKEND_CONNECTING] = "connecting", [BACKEND_LOST] = "down"};

const char *totals_state(const struct backend_totals *b) {
    bool is_known = b->state.since_ms > 0; // not in the middle of a reload
    return totals_states[is_known ? b->state.health : BACKEND_CONNECTING];
}

// Adds up structs that hold only counters of 64 bits.
static void add(void *sum, const void *more, size_t size) {
    uint64_t *to = sum;
    const uint64_t *from = more;
    for (size_t i = 0; i < size / sizeof(uint64_t); i++)
        to[i] += from[i];
}

#define ADD(sum, more) add((sum), (more), sizeof(*(sum)))

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
    ADD(&t->wait_times, &b->waiting.times);
    t->late_waits += b->waiting.late_waits;
    if (sums.failures > t->most_failures)
        t->most_failures = sums.failures;
    t->tracking += sums.tracking;
    t->live += sums.live;
    t->invalidations += sums.invalidations;
    t->flushes += sums.flushes;
    t->losses += sums.losses;
    if (b->route->count)
        b->route->count(b, &t->routes);
}

// Backends are matched by name, because a reload may reach one worker earlier than another.
static void add_backends(struct totals *t, const struct policy *policy) {
    const struct settings *listed = t->settings;
    for (size_t i = 0; i < listed->backend_count; i++)
        for (size_t j = 0; j < policy->settings->backend_count; j++)
            if (strcmp(policy->backends[j]->conf->name, listed->backends[i].name) == 0)
                add_backend(&t->backends[i], policy->backends[j]);
}

static const char *text_or_nothing(const char *text) { return text ? text : ""; }

static void add_client(struct totals *t, const struct client *c, size_t number, uint64_t now_ms) {
    const char *user = c->session.identity.user ? c->session.identity.user->name : "none";
    if (t->user && strcmp(user, t->user) != 0)
        return;
    size_t start = t->client_lines.len;
    const struct redis_session *redis = c->session.redis;
    bytes_printf(
        &t->client_lines,
        "id=%" PRIu64 " addr=%s name=%s user=%s listener=%s lib-name=%s lib-ver=%s"
        " age=%" PRIu64 " idle=%" PRIu64 " pending=%zu in=%zu out=%zu worker=%zu requests=%" PRIu64
        " verb=%s\n",
        c->session.id, c->session.address, text_or_nothing(c->session.name), user,
        text_or_nothing(c->session.listener), text_or_nothing(redis ? redis->library_name : NULL),
        text_or_nothing(redis ? redis->library_version : NULL), (now_ms - c->connected_ms) / 1000,
        (now_ms - c->active_ms) / 1000, c->session.replies.count, c->in.len,
        reply_queue_unread(&c->session.replies), number, c->session.requests,
        c->session.last_verb ? c->session.last_verb->name : "none");
    struct slice line = {t->client_lines.data + start, t->client_lines.len - start};
    if (t->filter && !client_filter_passes(t->filter, line))
        t->client_lines.len = start;
}

static void add_clients(struct totals *t, const struct worker *worker) {
    uint64_t now = loop_now(&worker->context.loop);
    for (const struct client *c = worker->clients.first; c; c = c->next)
        add_client(t, c, worker->number, now);
}

static void add_process(struct totals *t, const struct daemon *daemon) {
    t->process = (struct process_totals){
        .started_s = daemon->workers.shared.started_s,
        .settings_s = daemon->reload.good_s,
        .is_reload_good = !daemon->reload.is_last_refused,
    };
}

// A worker's thread works except while it waits for events, so the processor's time that it has had
// is the time that it was busy: a clock that costs nothing until it is read.
static uint64_t busy_us(void) {
    struct timespec spent;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
    return (uint64_t)spent.tv_sec * 1000000 + (uint64_t)spent.tv_nsec / 1000;
}

// The name may be only the beginning of the namespace's.
static bool may_see(const struct totals *t, const char *namespace) {
    for (size_t i = 0; i < t->settings->namespace_count; i++)
        if (t->sees_namespace[i] &&
            strncmp(t->settings->namespaces[i].name, namespace, SLOW_NAME_MOST) == 0)
            return true;
    return false;
}

static void add_slow(struct totals *t, const struct worker *worker) {
    const struct slow_log *log = &worker->context.slow;
    t->slow = mem_resize(t->slow, (t->slow_count + log->count + 1) * sizeof(*t->slow));
    for (size_t i = 0; i < log->count; i++) {
        struct slow_entry *e = &t->slow[t->slow_count];
        *e = log->entries[i];
        e->worker = worker->number;
        if (!t->sees_keys)
            e->key_len = 0;
        t->slow_count += may_see(t, e->namespace);
    }
}

static int newest_first(const void *a, const void *b) {
    const struct slow_entry *x = a, *y = b;
    return (x->at_us < y->at_us) - (x->at_us > y->at_us);
}

static int slowest_first(const void *a, const void *b) {
    const struct slow_entry *x = a, *y = b;
    uint64_t p = x->waited_us + x->backend_us, q = y->waited_us + y->backend_us;
    return (p < q) - (p > q);
}

void totals_sort_slow(struct totals *t, enum slow_order order) {
    if (t->slow_count > 0)
        qsort(t->slow, t->slow_count, sizeof(*t->slow),
              order == SLOW_NEWEST_FIRST ? newest_first : slowest_first);
}

static void add_worker(struct totals *t, struct worker *worker) {
    const struct settings *listed = t->settings;
    t->by_worker = mem_resize(t->by_worker, (t->workers + 1) * sizeof(*t->by_worker));
    t->by_worker[t->workers++] = (struct worker_totals){worker->number, busy_us()};
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
    if (worker->number == 0)
        add_process(t, daemon_of(&worker->context));
    if (t->has_clients)
        add_clients(t, worker);
    if (t->has_slow)
        add_slow(t, worker);
}

static void visit_to_add(struct broadcast *b, struct worker *worker) {
    add_worker((struct totals *)b, worker); // its first member
}

static void on_all_done(struct broadcast *b, struct worker *origin) {
    struct totals *t = (struct totals *)b;
    (void)origin;
    for (size_t i = 0; i < t->settings->backend_count; i++)
        ADD(&t->routes, &t->backends[i].routes);
    t->on_collected(t);
}

void totals_collect(struct totals *t, struct workers *workers, struct worker *origin,
                    void (*on_collected)(struct totals *t)) {
    t->broadcast = (struct broadcast){.visit = visit_to_add, .on_all_done = on_all_done};
    t->on_collected = on_collected;
    add_worker(t, origin);
    workers_broadcast(workers, origin, &t->broadcast);
}
