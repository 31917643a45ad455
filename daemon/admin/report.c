#include "daemon/admin/report.h"

#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#include "conf/sections.h"
#include "conf/settings.h"
#include "conf/url.h"
#include "daemon/admin/totals.h"
#include "daemon/backend/backend.h"
#include "daemon/loop/loop.h"
#include "daemon/near/store.h"
#include "daemon/policy/identity.h"
#include "daemon/policy/policy.h"
#include "daemon/policy/stats.h"
#include "daemon/request/request.h"
#include "daemon/worker.h"
#include "protocol/collection.h"
#include "protocol/number.h"
#include "protocol/refusal.h"
#include "protocol/reply.h"

static void append_duration(struct bytes *text, const char *name, int64_t ms) {
    bytes_printf(text, " %s=", name);
    number_append_duration(text, ms);
}

static void append_size(struct bytes *text, const char *name, int64_t size) {
    bytes_printf(text, " %s=", name);
    number_append_size(text, size);
}

static void append_collections(struct bytes *text, uint64_t collections) {
    const char *mark = " collections=";
    for (int i = COLLECTION_FIRST; i < COLLECTION_END; i++) {
        if (collections & UINT64_C(1) << i) {
            bytes_printf(text, "%s%s", mark, collection_name((enum collection)i));
            mark = ",";
        }
    }
}

void report_namespaces(const struct context *context, const struct identity *identity,
                       struct bytes *text) {
    const struct settings *settings = context->policy->settings;
    for (size_t i = 0; i < settings->namespace_count; i++) {
        const struct namespace_conf *n = &settings->namespaces[i];
        if (!identity_may_use(identity, i))
            continue;
        bytes_printf(text, "name=%s backend=%s prefix=", n->name,
                     settings->backends[n->backend].name);
        bytes_append_readable(text, slice_of(n->prefix), SIZE_MAX);
        append_duration(text, "ttl", n->ttl_ms);
        append_duration(text, "max_ttl", n->max_ttl_ms);
        bytes_printf(text, " over_ttl=%s ttl_mode=%s jitter=%" PRId64 "%%",
                     n->over_ttl == OVER_TTL_CLAMP ? "clamp" : "reject",
                     n->ttl_mode == TTL_MODE_SLIDING ? "sliding" : "fixed", n->jitter_percent);
        append_collections(text, n->collections);
        append_size(text, "max_key", n->max_key);
        append_size(text, "max_value", n->max_value);
        bytes_printf(text, " readonly=%s near=%s\n", n->is_readonly ? "yes" : "no",
                     n->is_near ? "yes" : "no");
    }
}

// Appends a moment of the loop's time as date and time of day.
static void append_moment(struct bytes *text, uint64_t moment_ms, uint64_t now_ms) {
    uint64_t ago_ms = now_ms > moment_ms ? now_ms - moment_ms : 0;
    time_t then = time(NULL) - (time_t)(ago_ms / 1000);
    struct tm utc;
    char written[32];
    size_t len = strftime(written, sizeof(written), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&then, &utc));
    bytes_append(text, written, len);
}

static const char *tracking_of(const struct backend_totals *t) {
    if (t->tracking == 0)
        return "off";
    return t->live == t->tracking ? "live" : "down";
}

// The namespace is looked up by name, because a reload since the request began may have changed the
// order of namespaces, and who may use which.
static bool may_see_namespace(const struct request *r, const char *name) {
    const struct policy *now = r->context->policy;
    const struct namespace *namespace = policy_namespace(now, slice_of(name));
    return namespace &&
           identity_may_use(&r->session->identity, (size_t)(namespace - now->namespaces));
}

// A user sees only the backends of its own namespaces.
static bool may_see_backend(const struct settings *settings, const struct request *r,
                            size_t backend) {
    bool may_see = identity_is_admin(&r->session->identity);
    for (size_t i = 0; i < settings->namespace_count && !may_see; i++)
        may_see = settings->namespaces[i].backend == backend &&
                  may_see_namespace(r, settings->namespaces[i].name);
    return may_see;
}

// Appends what the backend's route tells: as the worker that was asked sees it.
static void append_route(struct bytes *text, const struct backend *b) {
    if (b->route->append_state && !b->is_stopping)
        b->route->append_state(b, text);
}

// Returns how long all requests to the backend took, from sending to the answer or the failure.
static uint64_t answer_us(const struct totals *t, size_t backend) {
    uint64_t sum = 0;
    for (size_t i = 0; i < t->settings->namespace_count; i++)
        if (t->settings->namespaces[i].backend == backend)
            sum += t->namespaces[i].read_times.sum_us + t->namespaces[i].write_times.sum_us;
    return sum;
}

void report_backends(const struct totals *t, const struct request *r, struct bytes *text) {
    const struct settings *settings = t->settings;
    for (size_t i = 0; i < settings->backend_count; i++) {
        const struct backend_totals *b = &t->backends[i];
        if (!may_see_backend(settings, r, i))
            continue;
        bytes_printf(text, "name=%s url=", settings->backends[i].name);
        url_append_shown(text, &settings->backends[i].url);
        bytes_printf(text, " state=%s reason=", totals_state(b));
        bytes_append_readable(text, slice_of(*b->reason ? b->reason : "none"), SIZE_MAX);
        bytes_append_literal(text, " since=");
        append_moment(text, b->state.since_ms, loop_now(&r->context->loop));
        bytes_printf(text,
                     " pending=%" PRIu64 " connects=%" PRIu64 " failures=%" PRIu64
                     " requests=%" PRIu64 " answers=%" PRIu64 " answer_ms=%" PRIu64
                     " timeouts=%" PRIu64 " waits=%" PRIu64 " wait_ms=%" PRIu64
                     " late_waits=%" PRIu64 " tracking=%s",
                     b->pending, b->connects, b->most_failures, b->conns.requests, b->conns.answers,
                     answer_us(t, i) / 1000, b->conns.timeouts, b->waits,
                     b->wait_times.sum_us / 1000, b->late_waits, tracking_of(b));
        if (b->tracking > 0)
            bytes_printf(text,
                         " invalidations=%" PRIu64 " flushes=%" PRIu64 " tracking_losses=%" PRIu64,
                         b->invalidations, b->flushes, b->losses);
        append_route(text, r->policy->backends[i]);
        bytes_append_literal(text, "\n");
    }
}

// A user that is limited to some namespaces is told only about their backends.
static bool is_asked_for(const struct request *r, const char *backend) {
    const struct settings *settings = r->context->policy->settings;
    const struct identity *identity = &r->session->identity;
    if (!identity_is_limited(identity))
        return true;
    for (size_t i = 0; i < settings->namespace_count; i++) {
        const struct namespace_conf *n = &settings->namespaces[i];
        if (identity_may_use(identity, i) &&
            strcmp(settings->backends[n->backend].name, backend) == 0)
            return true;
    }
    return false;
}

void report_unready(const struct totals *t, const struct request *r, struct bytes *text) {
    const struct settings *settings = t->settings;
    for (size_t i = 0; i < settings->backend_count; i++) {
        const struct backend_totals *b = &t->backends[i];
        const char *name = settings->backends[i].name;
        bool is_serving = b->state.since_ms > 0 && b->state.health < BACKEND_UNFIT;
        if (is_serving || !is_asked_for(r, name))
            continue;
        bytes_printf(text, "%sbackend %s ", text->len > 0 ? ", " : "", name);
        if (b->state.since_ms > 0 && b->state.health == BACKEND_UNFIT)
            bytes_printf(text, "%s", b->reason);
        else if (b->state.since_ms > 0 && b->state.health == BACKEND_PARTLY)
            bytes_printf(text, "serves only some keys (%s)", b->reason);
        else
            bytes_printf(text, "is %s (%s)", totals_state(b),
                         *b->reason ? b->reason : "no reason yet");
    }
}

void report_clients(const struct totals *t, const struct request *r, struct bytes *text) {
    (void)r;
    bytes_append_slice(text, bytes_slice(&t->client_lines));
}

// Errors that come before the namespace is known are counted only for the whole daemon.
static bool is_before_namespace(enum reply_code code) {
    return code == REPLY_PROTOCOL || code == REPLY_NOPROTO || code == REPLY_VERB ||
           code == REPLY_NAMESPACE || code == REPLY_NOAUTH || code == REPLY_NOPERM;
}

static void append_errors(struct bytes *text, const uint64_t *errors, bool is_of_namespace) {
    for (int code = 0; code < REPLY_CODE_COUNT; code++)
        if (!(is_of_namespace && is_before_namespace((enum reply_code)code)))
            bytes_printf(text, "errors_%s:%" PRIu64 "\n", reply_code_name((enum reply_code)code),
                         errors[code]);
}

static void append_namespace_stats(const struct totals *t, size_t index, struct bytes *text) {
    const struct namespace_stats *s = &t->namespaces[index];
    bytes_printf(text,
                 "# namespace %s\nrequests:%" PRIu64 "\nhits:%" PRIu64 "\nmisses:%" PRIu64
                 "\nnear_hits:%" PRIu64 "\nwrites:%" PRIu64 "\nclamped_ttls:%" PRIu64
                 "\nbytes_in:%" PRIu64 "\nbytes_out:%" PRIu64 "\n",
                 t->settings->namespaces[index].name, totals_requests(s), s->hits + s->near[false],
                 s->misses + s->near[true], s->near[false] + s->near[true], s->writes, s->clamped,
                 s->bytes_in, s->bytes_out);
    bytes_printf(text,
                 "memo_hits:%" PRIu64 "\nmemo_stale:%" PRIu64 "\nmemo_nulls:%" PRIu64
                 "\nmemo_misses:%" PRIu64 "\nleases_given:%" PRIu64 "\nleases_refused:%" PRIu64
                 "\nleases_expired:%" PRIu64 "\nmemo_waiting:%" PRIu64 "\nmemo_waits:%" PRIu64
                 "\ncomputations_saved:%" PRIu64 "\n",
                 s->memo_hits, s->memo_stale, s->memo_nulls, s->memo_misses, s->leases_given,
                 s->leases_refused, s->leases_expired, s->memo_waiting, s->memo_waits,
                 s->computations_saved);
    static const char *const reasons[] = {
#define X(name, text) #text,
        REFUSAL_REASONS(X)
#undef X
    };
    for (int i = 0; i < REFUSALS; i++)
        bytes_printf(text, "refused_%s:%" PRIu64 "\n", reasons[i], s->refused[i]);
    bytes_printf(text, "purging:%" PRIu64 "\npurge_removed:%" PRIu64 "\n", s->purging,
                 s->purge_removed);
    append_errors(text, s->errors, true);
}

void report_namespace_stats(const struct totals *t, const struct request *r, struct bytes *text) {
    append_namespace_stats(t, (size_t)(r->namespace - r->policy->namespaces), text);
}

static void append_near(struct bytes *text, const struct near_counters *n) {
    bytes_printf(text,
                 "# near\nnear_entries:%" PRIu64 "\nnear_bytes:%" PRIu64 "\nnear_hits:%" PRIu64
                 "\nnear_misses:%" PRIu64 "\nnear_kept:%" PRIu64 "\nnear_evicted:%" PRIu64
                 "\nnear_void:%" PRIu64 "\nnear_too_large:%" PRIu64 "\n",
                 n->entries, n->bytes, n->hits, n->misses, n->kept, n->evicted, n->late, n->large);
}

void report_stats(const struct totals *t, const struct request *r, struct bytes *text) {
    uint64_t started_ms = worker_of(r->context)->shared->started_ms;
    const struct settings *settings = t->settings;
    uint64_t uptime_ms = loop_now(&r->context->loop) - started_ms;
    bytes_printf(text,
                 "# daemon\nversion:%s\npid:%d\nuptime_seconds:%" PRIu64 "\nworkers:%zu"
                 "\n# clients\nconnected:%" PRIu64 "\naccepted:%" PRIu64 "\nturned_away:%" PRIu64
                 "\nmax_clients:%" PRIu64 "\n# requests\nrequests:%" PRIu64 "\n",
                 CACHESD_VERSION, (int)getpid(), uptime_ms / 1000, t->workers, t->clients,
                 t->stats.accepted, t->stats.turned_away, t->stats.max_clients, t->stats.requests);
    append_errors(text, t->stats.errors, false);
    append_near(text, &t->near);
    bytes_printf(text,
                 "# backends\nswitches:%" PRIu64 "\nmoved:%" PRIu64 "\nasked:%" PRIu64
                 "\nagain:%" PRIu64 "\ndisagreed:%" PRIu64 "\nrefreshes:%" PRIu64 "\n",
                 t->routes.switches, t->routes.moved, t->routes.asked, t->routes.again,
                 t->routes.disagreed, t->routes.refreshes);
    for (size_t i = 0; i < settings->namespace_count; i++)
        if (may_see_namespace(r, settings->namespaces[i].name))
            append_namespace_stats(t, i, text);
}
