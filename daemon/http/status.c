#include "daemon/http/status.h"

#include <time.h>
#include <unistd.h>

#include "conf/sections.h"
#include "conf/settings.h"
#include "daemon/admin/totals.h"
#include "daemon/daemon.h"
#include "daemon/http/history.h"
#include "daemon/http/json.h"
#include "daemon/http/notices.h"
#include "daemon/http/status_sections.h"
#include "daemon/loop/recent.h"
#include "daemon/policy/stats.h"
#include "daemon/request/slow_log.h"
#include "protocol/mem.h"
#include "protocol/reply.h"

static void write_daemon(struct json *j, const struct facts *f) {
    char host[256] = "";
    const struct totals *t = &f->totals;
    gethostname(host, sizeof(host) - 1);
    json_text(j, "host", slice_of(host));
    json_text(j, "version", SLICE(CACHESD_VERSION));
    json_integer(j, "pid", getpid());
    json_integer(j, "now", (int64_t)time(NULL));
    json_count(j, "uptime", (f->now_ms - f->started_ms) / 1000);
    json_line(j, "workers_busy", f->view.busy, f->view.workers);
    json_count(j, "clients", t->clients);
    json_count(j, "max_clients", t->stats.max_clients);
    json_count(j, "turned_away", t->stats.turned_away);
    json_open_object(j, "near");
    json_count(j, "bytes", t->near.bytes);
    json_integer(j, "memory", t->settings->daemon.near_memory);
    json_count(j, "entries", t->near.entries);
    json_close_object(j);
    json_open_object(j, "settings");
    json_integer(j, "since", t->process.settings_s);
    json_bool(j, "last_reload_good", t->process.is_reload_good);
    json_close_object(j);
    if (f->reader.user)
        json_text(j, "user", slice_of(f->reader.user->name));
    else
        json_null(j, "user");
    json_bool(j, "is_admin", f->is_admin);
}

// --- well or not ------------------------------------------------------------------------------

static const char *state_of(const struct facts *f, const struct notices *notices) {
    switch ((enum daemon_phase)f->desk->daemon->phase) {
    case DAEMON_STARTING: return "starting";
    case DAEMON_ENDING: return "draining";
    case DAEMON_ACCEPTING: break;
    }
    static const char *const states[] = {
        [NOTICE_NOTE] = "well", [NOTICE_WARN] = "troubled", [NOTICE_BAD] = "failing"};
    return states[notices_worst(notices)];
}

static void write_notices(struct json *j, const struct facts *f) {
    static const char *const kinds[] = {
        [NOTICE_NOTE] = "note", [NOTICE_WARN] = "warn", [NOTICE_BAD] = "bad"};
    struct notices notices;
    notices_find(&notices, f);
    json_text(j, "state", slice_of(state_of(f, &notices)));
    json_open_array(j, "notices");
    for (size_t i = 0; i < notices.count; i++) {
        const struct notice *n = &notices.items[i];
        json_open_object(j, NULL);
        json_text(j, "kind", slice_of(kinds[n->kind]));
        json_text(j, "what", bytes_slice(&n->what));
        json_text(j, "text", bytes_slice(&n->text));
        status_moment(j, "since", n->since_ms, f->now_ms);
        json_close_object(j);
    }
    json_close_array(j);
    notices_deinit(&notices);
}

// --- history ----------------------------------------------------------------------------------

static void write_requests(struct json *j, const struct facts *f) {
    uint64_t requests = f->sees_all ? f->totals.stats.requests : 0;
    uint64_t errors[REPLY_CODE_COUNT] = {0};
    if (f->sees_all)
        memcpy(errors, f->totals.stats.errors, sizeof(errors));
    for (size_t i = 0; !f->sees_all && i < f->totals.settings->namespace_count; i++) {
        if (!f->totals.sees_namespace[i])
            continue;
        requests += totals_requests(&f->totals.namespaces[i]);
        for (int code = 0; code < REPLY_CODE_COUNT; code++)
            errors[code] += f->totals.namespaces[i].errors[code];
    }
    json_count(j, "requests", requests);
    status_errors(j, "errors", errors);
    history_sum_errors(&f->view, &f->totals, errors);
    status_errors(j, "errors_last_minute", errors);
}

static void write_history(struct json *j, const struct facts *f) {
    const struct history_view *v = &f->view;
    json_open_object(j, "history");
    json_integer(j, "step", HISTORY_STEP_S);
    json_integer(j, "samples", v->samples);
    for (int kind = 0; kind < KINDS; kind++)
        json_line(j, history_kind_names[kind], v->by_kind[kind], HISTORY_SAMPLES);
    json_line(j, "p50_us", v->p50_us, HISTORY_SAMPLES);
    json_line(j, "p99_us", v->p99_us, HISTORY_SAMPLES);
    json_line(j, "clients", v->clients, HISTORY_SAMPLES);
    json_line(j, "near_bytes", v->near_bytes, HISTORY_SAMPLES);
    json_close_object(j);
}

// --- the slowest requests ---------------------------------------------------------------------

enum { SLOW_SHOWN = 10, SLOW_SINCE_S = 600 };

static void write_slow_request(struct json *j, const struct slow_entry *e) {
    struct bytes key = {0};
    size_t key_len = e->key_len < SLOW_KEY_MOST ? e->key_len : SLOW_KEY_MOST;
    json_integer(j, "at", e->at_us / 1000000);
    json_text(j, "verb", slice_of(e->verb));
    json_text(j, "namespace", slice_of(e->namespace));
    bytes_append_readable(&key, (struct slice){e->key, key_len}, SIZE_MAX);
    if (e->key_len > SLOW_KEY_MOST)
        bytes_append_literal(&key, "...");
    if (e->key_len > 0)
        json_text(j, "key", bytes_slice(&key));
    else
        json_null(j, "key");
    json_count(j, "words", e->words);
    json_count(j, "request_bytes", e->request_bytes);
    json_count(j, "reply_bytes", e->reply_bytes);
    json_count(j, "wait_us", e->waited_us);
    json_count(j, "backend_us", e->backend_us);
    json_text(j, "code", e->is_error ? slice_of(reply_code_name(e->code)) : SLICE(""));
    json_count(j, "count", e->count);
    json_count(j, "client", e->client);
    json_count(j, "worker", e->worker);
    bytes_deinit(&key);
}

static void write_slow(struct json *j, struct facts *f) {
    int64_t since_us = ((int64_t)time(NULL) - SLOW_SINCE_S) * 1000000;
    size_t shown = 0;
    totals_sort_slow(&f->totals, SLOW_SLOWEST_FIRST);
    json_open_array(j, "slow");
    for (size_t i = 0; i < f->totals.slow_count && shown < SLOW_SHOWN; i++) {
        if (f->totals.slow[i].at_us < since_us)
            continue;
        shown++;
        json_open_object(j, NULL);
        write_slow_request(j, &f->totals.slow[i]);
        json_close_object(j);
    }
    json_close_array(j);
}

// --- what happened ----------------------------------------------------------------------------

// They may be about anything, so they are only for admins.
static void write_events(struct json *j, const struct facts *f) {
    static const char *const levels[] = {
        [LOG_LEVEL_ERROR] = "error", [LOG_LEVEL_WARNING] = "warning", [LOG_LEVEL_INFO] = "info"};
    struct recent_event *events = mem_new(RECENT_EVENTS * sizeof(*events));
    size_t count = f->is_admin ? recent_events(events, RECENT_EVENTS) : 0;
    json_open_array(j, "events");
    for (size_t i = 0; i < count; i++) {
        const struct recent_event *e = &events[i];
        json_open_object(j, NULL);
        json_integer(j, "at", e->time_ms / 1000);
        json_text(j, "level", slice_of(e->level <= LOG_LEVEL_INFO ? levels[e->level] : "debug"));
        json_text(j, "name", slice_of(e->name ? e->name : ""));
        json_text(j, "text", slice_of(e->text));
        json_close_object(j);
    }
    json_close_array(j);
    mem_free(events);
}

void status_append(struct facts *facts, struct bytes *out) {
    struct json *j = json_new();
    json_open_object(j, NULL);
    write_daemon(j, facts);
    write_notices(j, facts);
    write_requests(j, facts);
    write_history(j, facts);
    status_backends(j, facts);
    status_namespaces(j, facts);
    write_slow(j, facts);
    write_events(j, facts);
    json_close_object(j);
    json_finish(j, out);
}
