#include "daemon/http/status_sections.h"

#include <inttypes.h>
#include <time.h>

#include "conf/sections.h"
#include "conf/settings.h"
#include "conf/url.h"
#include "daemon/admin/totals.h"
#include "daemon/backend/backend.h"
#include "daemon/http/history.h"
#include "daemon/policy/stats.h"
#include "protocol/bytes.h"
#include "protocol/collection.h"
#include "protocol/number.h"
#include "protocol/refusal.h"
#include "protocol/reply.h"

void status_errors(struct json *j, const char *name, const uint64_t *errors) {
    json_open_object(j, name);
    for (int code = 0; code < REPLY_CODE_COUNT; code++)
        if (errors[code] > 0)
            json_count(j, reply_code_name((enum reply_code)code), errors[code]);
    json_close_object(j);
}

void status_moment(struct json *j, const char *name, uint64_t moment_ms, uint64_t now_ms) {
    uint64_t ago_ms = now_ms > moment_ms ? now_ms - moment_ms : 0;
    if (moment_ms == 0)
        json_null(j, name);
    else
        json_integer(j, name, (int64_t)time(NULL) - (int64_t)(ago_ms / 1000));
}

static void write_time(struct json *j, const char *name, float us) {
    if (us > 0)
        json_real(j, name, (double)us);
    else
        json_null(j, name);
}

// --- backends ---------------------------------------------------------------------------------

static const char *news_of(const struct backend_totals *b) {
    if (b->tracking == 0)
        return "off";
    return b->live == b->tracking ? "live" : "lost";
}

static void write_backend(struct json *j, const struct facts *f, size_t i) {
    const struct backend_conf *conf = &f->totals.settings->backends[i];
    const struct backend_totals *b = &f->totals.backends[i];
    const struct backend_view *v = &f->view.backends[i];
    struct bytes url = {0};
    url_append_shown(&url, &conf->url);
    json_text(j, "name", slice_of(conf->name));
    json_text(j, "url", bytes_slice(&url));
    json_text(j, "state", slice_of(totals_state(b)));
    json_text(j, "reason", slice_of(b->reason));
    status_moment(j, "since", b->state.since_ms, f->now_ms);
    json_real(j, "rate", (double)v->rate);
    write_time(j, "p50_us", v->p50_us);
    write_time(j, "p99_us", v->p99_us);
    json_count(j, "pending", b->pending);
    json_integer(j, "max_pending", conf->max_pending * f->totals.settings->daemon.workers);
    json_count(j, "requests", b->conns.requests);
    json_count(j, "timeouts", b->conns.timeouts);
    json_count(j, "waits", b->waits);
    json_count(j, "late_waits", b->late_waits);
    json_count(j, "connects", b->connects);
    json_count(j, "failures", b->most_failures);
    json_text(j, "news", slice_of(news_of(b)));
    json_text(j, "route", bytes_slice(&f->routes[i]));
    json_line(j, "line", v->line, HISTORY_SAMPLES);
    bytes_deinit(&url);
}

void status_backends(struct json *j, const struct facts *f) {
    json_open_array(j, "backends");
    for (size_t i = 0; i < f->totals.settings->backend_count; i++) {
        if (!f->totals.sees_backend[i])
            continue;
        json_open_object(j, NULL);
        write_backend(j, f, i);
        json_close_object(j);
    }
    json_close_array(j);
}

// --- namespaces -------------------------------------------------------------------------------

static void write_tag(struct json *j, struct bytes *tag) {
    json_text(j, NULL, bytes_slice(tag));
    tag->len = 0;
}

static void append_duration(struct bytes *tag, const char *name, int64_t ms) {
    if (ms == DURATION_FOREVER) {
        bytes_printf(tag, "%s forever", name);
        return;
    }
    bytes_printf(tag, "%s ", name);
    number_append_duration(tag, ms);
}

static void write_ttl_tags(struct json *j, const struct namespace_conf *n, struct bytes *tag) {
    append_duration(tag, "ttl", n->ttl_ms);
    write_tag(j, tag);
    if (n->max_ttl_ms != n->ttl_ms) {
        append_duration(tag, "max", n->max_ttl_ms);
        write_tag(j, tag);
    }
    if (n->max_ttl_ms != DURATION_FOREVER && n->over_ttl == OVER_TTL_REJECT)
        json_text(j, NULL, SLICE("reject"));
    if (n->ttl_mode == TTL_MODE_FIXED)
        json_text(j, NULL, SLICE("fixed"));
    if (n->jitter_percent > 0) {
        bytes_printf(tag, "jitter %" PRId64 " %%", n->jitter_percent);
        write_tag(j, tag);
    }
}

static void write_collections_tag(struct json *j, const struct namespace_conf *n,
                                  struct bytes *tag) {
    if (n->collections == COLLECTIONS_ALL)
        return;
    for (int i = COLLECTION_FIRST; i < COLLECTION_END; i++)
        if (n->collections & UINT64_C(1) << i)
            bytes_printf(tag, "%s%s", tag->len > 0 ? ", " : "",
                         collection_name((enum collection)i));
    write_tag(j, tag);
}

// Writes the options of the namespace's policy that are not the default, in few words.
static void write_policy(struct json *j, const struct namespace_conf *n) {
    struct bytes tag = {0};
    json_open_array(j, "policy");
    write_ttl_tags(j, n, &tag);
    write_collections_tag(j, n, &tag);
    if (n->is_readonly)
        json_text(j, NULL, SLICE("readonly"));
    if (n->value != VALUE_BYTES)
        json_text(j, NULL, n->value == VALUE_INT ? SLICE("int") : SLICE("json"));
    if (n->is_near) {
        append_duration(&tag, "near", n->near_ttl_ms);
        write_tag(j, &tag);
    }
    if (n->stale_ms > 0) {
        append_duration(&tag, "stale", n->stale_ms);
        write_tag(j, &tag);
    }
    if (n->on_error != ON_ERROR_ERROR) {
        bytes_printf(&tag, "on_error %s", n->on_error == ON_ERROR_MISS ? "miss" : "stale");
        write_tag(j, &tag);
    }
    json_close_array(j);
    bytes_deinit(&tag);
}

static void write_refused(struct json *j, const char *name, const uint64_t *refused) {
    static const char *const rules[] = {
#define X(name, text) #text,
        REFUSAL_REASONS(X)
#undef X
    };
    json_open_object(j, name);
    for (int rule = 0; rule < REFUSALS; rule++)
        if (refused[rule] > 0)
            json_count(j, rules[rule], refused[rule]);
    json_close_object(j);
}

// Of the last ten minutes, or since the start when nothing was read in them.
static void write_hit_rate(struct json *j, const struct namespace_stats *s,
                           const uint64_t *by_kind) {
    uint64_t hits = by_kind[KIND_NEAR] + by_kind[KIND_HIT] + by_kind[KIND_STALE];
    uint64_t misses = by_kind[KIND_MISS];
    if (hits + misses == 0) {
        hits = s->hits + s->near[false];
        misses = s->misses + s->near[true];
    }
    if (hits + misses == 0)
        json_null(j, "hit_rate");
    else
        json_real(j, "hit_rate", (double)hits / (double)(hits + misses));
}

static void write_namespace(struct json *j, const struct facts *f, size_t i) {
    const struct namespace_conf *conf = &f->totals.settings->namespaces[i];
    const struct namespace_stats *s = &f->totals.namespaces[i];
    const struct namespace_view *v = &f->view.namespaces[i];
    json_text(j, "name", slice_of(conf->name));
    json_text(j, "prefix", (struct slice){conf->prefix, conf->prefix_len});
    json_text(j, "backend", slice_of(f->totals.settings->backends[conf->backend].name));
    write_policy(j, conf);
    json_count(j, "requests", totals_requests(s));
    json_real(j, "rate", (double)v->rate);
    json_open_object(j, "by");
    for (int kind = 0; kind < KINDS; kind++)
        json_count(j, history_kind_names[kind], v->by_kind[kind]);
    json_close_object(j);
    write_hit_rate(j, s, v->by_kind);
    write_time(j, "p50_us", v->p50_us);
    write_time(j, "p99_us", v->p99_us);
    write_refused(j, "refused", s->refused);
    status_errors(j, "errors", s->errors);
    write_refused(j, "refused_last_minute", v->last.refused);
    status_errors(j, "errors_last_minute", v->last.errors);
    if (v->line)
        json_line(j, "line", *v->line, HISTORY_SAMPLES);
    else
        json_null(j, "line");
}

void status_namespaces(struct json *j, const struct facts *f) {
    json_open_array(j, "namespaces");
    for (size_t i = 0; i < f->totals.settings->namespace_count; i++) {
        if (!f->totals.sees_namespace[i])
            continue;
        json_open_object(j, NULL);
        write_namespace(j, f, i);
        json_close_object(j);
    }
    json_close_array(j);
}
