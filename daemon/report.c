#include "report.h"

#include <inttypes.h>
#include <unistd.h>

#include "number.h"
#include "server.h"

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
    for (int i = COLLECTION_KEY; i <= COLLECTION_MEMO; i++) {
        if (collections & UINT64_C(1) << i) {
            bytes_printf(text, "%s%s", mark, collection_name((enum collection)i));
            mark = ",";
        }
    }
}

void report_namespaces(const struct server *server, const struct caller *caller,
                       struct bytes *text) {
    const struct settings *settings = server->policy->settings;
    for (size_t i = 0; i < settings->namespace_count; i++) {
        const struct namespace_conf *n = &settings->namespaces[i];
        if (!caller_may_use(caller, i))
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

static const char *state_of(const struct backend *b) {
    if (b->is_up)
        return "up";
    return b->failures > 0 ? "down" : "connecting";
}

static const char *tracking_of(const struct backend *b) {
    if (!b->tracker)
        return "off";
    return tracker_is_live(b->tracker, uv_now(&b->reactor->loop)) ? "live" : "down";
}

void report_backends(const struct server *server, struct bytes *text) {
    const struct policy *policy = server->policy;
    for (size_t i = 0; i < policy->settings->backend_count; i++) {
        const struct backend *b = policy->backends[i];
        struct conn_counters c = backend_counters(b);
        bytes_printf(text, "name=%s url=", b->conf->name);
        url_append_shown(text, &b->conf->url);
        bytes_printf(text,
                     " state=%s pending=%zu connects=%" PRIu64 " failures=%u requests=%" PRIu64
                     " answers=%" PRIu64 " answer_ms=%" PRIu64 " timeouts=%" PRIu64
                     " waits=%" PRIu64 " wait_ms=%" PRIu64 " late_waits=%" PRIu64 " tracking=%s",
                     state_of(b), backend_pending(b), b->connects, b->failures, c.requests,
                     c.answers, c.answer_ms, c.timeouts, b->waits, b->wait_ms, b->late_waits,
                     tracking_of(b));
        if (b->tracker)
            bytes_printf(text,
                         " invalidations=%" PRIu64 " flushes=%" PRIu64 " tracking_losses=%" PRIu64,
                         b->tracker->invalidations, b->tracker->flushes, b->tracker->losses);
        bytes_append_literal(text, "\n");
    }
}

void report_clients(const struct server *server, struct bytes *text) {
    uint64_t now = uv_now(&server->reactor.loop);
    for (const struct client *c = server->clients; c; c = c->next)
        bytes_printf(text,
                     "id=%" PRIu64 " addr=%s user=%s age=%" PRIu64 " idle=%" PRIu64
                     " pending=%zu in=%zu out=%zu requests=%" PRIu64 " verb=%s\n",
                     c->id, c->address, c->caller.user ? c->caller.user->name : "none",
                     (now - c->connected_ms) / 1000, (now - c->active_ms) / 1000, c->pending,
                     c->in.len, client_unread(c), c->requests,
                     c->last_verb ? c->last_verb->name : "none");
}

// Those that come before there is a namespace are counted by the daemon alone.
static bool is_before_namespace(enum reply_code code) {
    return code == REPLY_PROTOCOL || code == REPLY_VERB || code == REPLY_NAMESPACE ||
           code == REPLY_NOAUTH || code == REPLY_NOPERM;
}

static void append_errors(struct bytes *text, const uint64_t *errors, bool is_of_namespace) {
    for (int code = 0; code < REPLY_CODE_COUNT; code++)
        if (code != REPLY_LEASE && !(is_of_namespace && is_before_namespace((enum reply_code)code)))
            bytes_printf(text, "errors_%s:%" PRIu64 "\n", reply_code_name((enum reply_code)code),
                         errors[code]);
}

void report_space_stats(const struct space *space, struct bytes *text) {
    const struct space_stats *s = space->stats;
    bytes_printf(text,
                 "# namespace %s\nrequests:%" PRIu64 "\nhits:%" PRIu64 "\nmisses:%" PRIu64
                 "\nnear_hits:%" PRIu64 "\nwrites:%" PRIu64 "\nclamped_ttls:%" PRIu64
                 "\nbytes_in:%" PRIu64 "\nbytes_out:%" PRIu64 "\n",
                 space->conf->name, s->requests, s->hits, s->misses, s->near_hits, s->writes,
                 s->clamped, s->bytes_in, s->bytes_out);
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

static void append_near(struct bytes *text, const struct near_store *store) {
    const struct near_counters *n = near_store_counters(store);
    bytes_printf(text,
                 "# near\nnear_entries:%zu\nnear_bytes:%zu\nnear_hits:%" PRIu64
                 "\nnear_misses:%" PRIu64 "\nnear_kept:%" PRIu64 "\nnear_evicted:%" PRIu64
                 "\nnear_void:%" PRIu64 "\nnear_too_large:%" PRIu64 "\n",
                 n->entries, n->bytes, n->hits, n->misses, n->kept, n->evicted, n->late, n->large);
}

void report_stats(const struct server *server, const struct caller *caller, struct bytes *text) {
    const struct settings *settings = server->policy->settings;
    bytes_printf(text,
                 "# daemon\nversion:%s\npid:%d\nuptime_seconds:%" PRIu64
                 "\n# clients\nconnected:%zu\naccepted:%" PRIu64 "\nturned_away:%" PRIu64
                 "\nmax_clients:%" PRId64 "\n# requests\nrequests:%" PRIu64 "\n",
                 CACHESD_VERSION, (int)getpid(),
                 (uv_now(&server->reactor.loop) - server->started_ms) / 1000, server->client_count,
                 server->stats.accepted, server->stats.turned_away, server->max_clients,
                 server->stats.requests);
    append_errors(text, server->stats.errors, false);
    append_near(text, server->reactor.near);
    for (size_t i = 0; i < settings->namespace_count; i++)
        if (caller_may_use(caller, i))
            report_space_stats(&server->policy->spaces[i], text);
}
