#include "daemon/backend/backend.h"

#include <stdio.h>

#include "conf/url.h"
#include "daemon/loop/backoff.h"
#include "daemon/loop/complaint.h"
#include "daemon/loop/log.h"
#include "daemon/near/store.h"
#include "protocol/answer.h"
#include "protocol/mem.h"

enum {
    FIRST_DELAY_MS = 20,
    LONGEST_DELAY_MS = 500,
    FIRST_RENEW_MS = 1000,
    LONGEST_RENEW_MS = 30000,
    TROUBLE_MS = 10000, // a trouble is over when no answer has told of it for so long
    SETTLE_FAILURES = 2,
    STARTING_MS = 2000,
    STEADY_MS = 1000
};

// Causes of complaints.
#define LOST "lost"
#define DOWN "down"

static void start_connecting(struct backend *b);
static void on_fault(void *owner, const struct answer *answer);
static void on_former_fault(void *owner, const struct answer *answer);
static void add_counters(struct conn_counters *sum, const struct backend_conn *c);

// --- life -------------------------------------------------------------------------------------

static void free_if_let_go(struct backend *b) {
    if (b->handles > 0 || b->refs > 0)
        return;
    settings_unref(b->settings);
    account_deinit(&b->account);
    mem_free(b->path);
    mem_free(b->subject);
    mem_free(b);
}

static void let_go(struct backend *b) {
    b->handles--;
    free_if_let_go(b);
}

static void on_retry_closed(uv_handle_t *timer) {
    let_go(CONTAINER_OF(timer, struct backend, retry));
}

static void on_waiting_closed(uv_handle_t *timer) {
    let_go(CONTAINER_OF(timer, struct backend, waiting.timer));
}

struct backend *backend_ref(struct backend *b) {
    b->refs++;
    return b;
}

void backend_unref(struct backend *b) {
    b->refs--;
    free_if_let_go(b);
}

bool backend_has_conf(const struct backend *b, const struct backend_conf *conf) {
    return strcmp(b->conf->name, conf->name) == 0 && url_is_same(&b->conf->url, &conf->url) &&
           b->conf->connect_timeout_ms == conf->connect_timeout_ms &&
           b->conf->timeout_ms == conf->timeout_ms && b->conf->max_pending == conf->max_pending;
}

static char *subject_of(const struct backend_conf *conf) {
    struct bytes text = {0};
    bytes_printf(&text, "backend %s", conf->name);
    char *subject = mem_text_of(text.data, text.len);
    bytes_deinit(&text);
    return subject;
}

struct backend *backend_new(struct loop *loop, struct settings *settings,
                            const struct backend_conf *conf, const char *path,
                            void (*on_settled)(void *owner), void *owner) {
    struct backend *b = mem_new(sizeof(*b));
    b->loop = loop;
    b->settings = settings_ref(settings);
    b->conf = conf;
    b->on_settled = on_settled;
    b->owner = owner;
    b->subject = subject_of(conf);
    b->since_ms = loop_now(loop);
    uv_timer_init(&loop->uv, &b->retry);
    waiting_room_init(&b->waiting, loop, (uint64_t)conf->timeout_ms);
    b->handles = 2; // the two timers
    if (conf->url.kind == URL_EMBEDDED) {
        if (!path)
            b->embedded = embedded_new(loop, conf);
        // A copy: the server may end before the backend does.
        b->path = mem_text(path ? path : embedded_path(b->embedded));
        b->starting_until_ms = loop_now(loop) + STARTING_MS;
    }
    start_connecting(b);
    return b;
}

// Closes the connection, if there is one; the backend keeps its counters.
static void drop_conn(struct backend *b, struct backend_conn **conn) {
    struct backend_conn *c = *conn;
    *conn = NULL;
    if (!c)
        return;
    add_counters(&b->past, c);
    backend_conn_close(c);
}

void backend_stop(struct backend *b) {
    b->is_stopping = true;
    uv_timer_stop(&b->retry);
    drop_conn(b, &b->former);
    drop_conn(b, &b->reserve);
    drop_conn(b, &b->conn);
    while (b->waiting.first)
        waiting_room_call_first(&b->waiting, true);
}

void backend_free(struct backend *b) {
    backend_stop(b);
    backend_track(b, (struct prefixes){0});
    if (b->embedded)
        embedded_free(b->embedded);
    uv_close((uv_handle_t *)&b->retry, on_retry_closed);
    waiting_room_close(&b->waiting, on_waiting_closed);
}

static void settle(struct backend *b) {
    if (b->is_settled)
        return;
    b->is_settled = true;
    b->on_settled(b->owner);
}

// --- connection -------------------------------------------------------------------------------

static void aim_tracker(struct backend *b) {
    struct sockaddr_storage peer = {0};
    int len = sizeof(peer);
    if (b->conn->stream.uv.handle.type == UV_TCP &&
        uv_tcp_getpeername(&b->conn->stream.uv.tcp, (struct sockaddr *)&peer, &len) == 0)
        tracker_aim(b->tracker, &peer);
}

// The address is appended because a host's name may mean another server each time.
static void append_peer(struct bytes *text, const struct backend *b) {
    struct sockaddr_storage peer = {0};
    char host[64];
    int len = sizeof(peer);
    if (b->conf->url.path || b->path ||
        uv_tcp_getpeername(&b->conn->stream.uv.tcp, (struct sockaddr *)&peer, &len) != 0)
        return;
    uv_ip_name((const struct sockaddr *)&peer, host, sizeof(host));
    bytes_printf(text, ", at %s", host);
}

static void log_up(struct backend *b, const char *how) {
    struct bytes where = {0};
    url_append_shown(&where, &b->conf->url);
    append_peer(&where, b);
    log_info(&b->loop->log, "%s: %s (%.*s)", b->subject, how, (int)where.len, where.data);
    bytes_deinit(&where);
}

static void complain(struct backend *b, enum log_level level, const char *cause,
                     const char *detail) {
    complaints_add(b->loop->complaints, &b->loop->log, level, loop_now(b->loop), b->subject, cause,
                   slice_of(detail));
}

// The end of an outage is logged once, although an outage may have begun as a loss.
static bool end_outage(struct backend *b) {
    struct complaints *all = b->loop->complaints;
    uint64_t now = loop_now(b->loop);
    bool was_lost = complaints_end(all, NULL, now, b->subject, LOST);
    return complaints_end(all, &b->loop->log, now, b->subject, DOWN) || was_lost;
}

static void on_ready(void *owner) {
    struct backend *b = owner;
    if (end_outage(b) || b->connects == 0)
        log_up(b, "up");
    b->is_up = true;
    if (b->tracker)
        aim_tracker(b);
    b->failures = 0;
    b->starting_until_ms = 0;
    b->since_ms = loop_now(b->loop);
    *b->reason = '\0';
    b->connects++;
    settle(b);
}

static void on_retry(uv_timer_t *timer) {
    start_connecting(CONTAINER_OF(timer, struct backend, retry));
}

static void note_loss(struct backend *b, const char *reason) {
    const char *trouble = b->embedded ? embedded_trouble(b->embedded) : NULL;
    reason = trouble ? trouble : reason;
    if (b->is_up)
        b->since_ms = loop_now(b->loop);
    b->is_up = false;
    b->trouble.cause = NULL;
    snprintf(b->reason, sizeof(b->reason), "%s", reason);
}

static bool is_starting(const struct backend *b) {
    return loop_now(b->loop) < b->starting_until_ms;
}

// The end of an embedded server is logged by embedded.c.
static void note_failure(struct backend *b, const char *reason) {
    b->failures++;
    b->setbacks++;
    b->attempt++;
    if (b->failures < SETTLE_FAILURES || b->conf->url.kind == URL_EMBEDDED) {
        log_debug(&b->loop->log, "%s: %s: %s", b->subject, DOWN, reason);
        return;
    }
    complain(b, LOG_LEVEL_ERROR, DOWN, reason);
    settle(b);
}

static void on_lost(void *owner, const char *reason) {
    struct backend *b = owner;
    bool was_up = b->is_up;
    // A server that greets and then closes the connection is as good as down.
    bool has_served = b->conn->counters.answers > 0 || loop_now(b->loop) - b->since_ms >= STEADY_MS;
    add_counters(&b->past, b->conn);
    b->conn = NULL;
    drop_conn(b, &b->former);
    drop_conn(b, &b->reserve);
    note_loss(b, reason);
    if (b->is_stopping)
        return;
    if (b->tracker)
        tracker_restart(b->tracker);
    if (was_up)
        complain(b, LOG_LEVEL_WARNING, LOST, reason);
    if (was_up && has_served) {
        b->setbacks = 0;
        start_connecting(b);
        return;
    }
    note_failure(b, reason);
    uint64_t delay_ms = backoff_ms(b->setbacks - 1, FIRST_DELAY_MS, LONGEST_DELAY_MS);
    uv_timer_start(&b->retry, on_retry, backoff_jittered(delay_ms, &b->loop->random), 0);
}

static const char *path_of(const struct backend *b) {
    return b->path ? b->path : b->conf->url.path;
}

static struct backend_conn_owner owner_of(struct backend *b) {
    return (struct backend_conn_owner){on_ready, on_lost, on_fault, b};
}

static void start_connecting(struct backend *b) {
    b->conn = backend_conn_new(b->loop, b->conf, &b->account, path_of(b), b->attempt, owner_of(b));
}

// --- another server at the same name -------------------------------------------------------------

static void end_handover(struct backend *b) {
    drop_conn(b, &b->former);
    backend_conn_release(b->conn);
    if (b->tracker)
        aim_tracker(b);
}

// The former server closed its connection before all its answers had come.
static void on_former_lost(void *owner, const char *reason) {
    struct backend *b = owner;
    (void)reason;
    add_counters(&b->past, b->former);
    b->former = NULL;
    end_handover(b);
}

static void on_reserve_ready(void *owner) {
    struct backend *b = owner;
    b->former = b->conn;
    b->former->owner = (struct backend_conn_owner){NULL, on_former_lost, on_former_fault, b};
    b->conn = b->reserve;
    b->conn->owner = owner_of(b);
    b->reserve = NULL;
    b->trouble.is_unfit = false; // as far as is known; the cause is shown for a while longer
    b->since_ms = loop_now(b->loop);
    b->connects++;
    log_up(b, "connected anew");
    if (b->tracker)
        tracker_restart(b->tracker);
    if (!backend_conn_is_awaited(b->former))
        end_handover(b);
}

static void on_reserve_lost(void *owner, const char *reason) {
    struct backend *b = owner;
    b->reserve = NULL;
    complain(b, LOG_LEVEL_WARNING, "can't be connected anew", reason);
}

// The first reserve is made at once, the next after a second, and each further one after a longer
// time, while no new server helps.
static void renew(struct backend *b) {
    uint64_t now = loop_now(b->loop);
    if (!b->is_up || b->reserve || b->former || b->is_stopping || now < b->renew_ms)
        return;
    if (now - b->renew_ms > 2 * (uint64_t)LONGEST_RENEW_MS)
        b->renewals = 0;
    b->renew_ms = now + backoff_ms(b->renewals++, FIRST_RENEW_MS, LONGEST_RENEW_MS);
    b->attempt++;
    struct backend_conn_owner owner = {on_reserve_ready, on_reserve_lost, on_former_fault, b};
    b->reserve = backend_conn_new(b->loop, b->conf, &b->account, path_of(b), b->attempt, owner);
    backend_conn_reserve(b->reserve);
}

// Of two troubles at a time the worse is shown.
static void note_trouble(struct backend *b, enum fault fault, const char *cause) {
    struct backend_trouble *t = &b->trouble;
    uint64_t now = loop_now(b->loop);
    bool is_unfit = fault == FAULT_UNFIT;
    bool is_on = t->cause && now - t->last_ms < TROUBLE_MS;
    if (is_on && t->is_unfit && !is_unfit)
        return;
    if (!is_on || strcmp(t->cause, cause) != 0)
        t->since_ms = now;
    t->cause = cause;
    t->is_unfit = is_unfit;
    t->last_ms = now;
}

static void on_former_fault(void *owner, const struct answer *answer) {
    complain(owner, LOG_LEVEL_ERROR, answer->fault_cause, answer->fault_words);
}

static void check_account(struct backend *b) {
    if (b->conn)
        backend_conn_ask_rights(b->conn);
}

void backend_note_fault(struct backend *b, enum fault fault, const char *cause,
                        const char *detail) {
    complain(b, LOG_LEVEL_ERROR, cause, detail);
    note_trouble(b, fault, cause);
    if (fault == FAULT_DENIED)
        check_account(b);
    if (fault != FAULT_TOLD)
        renew(b);
}

static void on_fault(void *owner, const struct answer *answer) {
    backend_note_fault(owner, answer->fault, answer->fault_cause, answer->fault_words);
}

struct backend_state backend_state(const struct backend *b) {
    const struct backend_trouble *t = &b->trouble;
    const char *reason = *b->reason ? b->reason : NULL;
    if (!b->is_up && b->failures == 0)
        return (struct backend_state){BACKEND_CONNECTING, reason, b->since_ms};
    if (!b->is_up)
        return (struct backend_state){BACKEND_LOST, reason, b->since_ms};
    if (!t->cause || loop_now(b->loop) - t->last_ms >= TROUBLE_MS)
        return (struct backend_state){BACKEND_WELL, NULL, b->since_ms};
    return (struct backend_state){t->is_unfit ? BACKEND_UNFIT : BACKEND_TROUBLED, t->cause,
                                  t->since_ms};
}

static struct slice tracked(const struct backend *b) {
    return b->tracker ? bytes_slice(&b->tracker->prefixes.words) : (struct slice){0};
}

void backend_track(struct backend *b, struct prefixes prefixes) {
    if (slice_equal(tracked(b), bytes_slice(&prefixes.words))) {
        prefixes_deinit(&prefixes);
        return;
    }
    if (b->tracker)
        tracker_free(b->tracker);
    b->tracker = NULL;
    // Other workers may follow the same prefixes already, and have not heard of writes made here.
    near_store_forget_all(b->loop->near);
    if (prefixes.count > 0)
        b->tracker = tracker_new(b->loop, b->conf, path_of(b), prefixes);
    if (b->tracker && b->is_up && !b->former)
        aim_tracker(b);
}

void backend_need(struct backend *b, const struct rights *rights, uint64_t commands,
                  struct slice key) {
    bool is_more = commands & ~b->account.needs;
    b->account.rights = rights;
    b->account.needs = commands;
    b->account.key.len = 0;
    bytes_append_slice(&b->account.key, key);
    if (is_more)
        check_account(b);
}

// --- room -------------------------------------------------------------------------------------

static enum backend_room room_of(const struct backend *b) {
    if (!b->is_up && is_starting(b) && !b->is_stopping)
        return BACKEND_FULL;
    if (!b->conn || b->is_stopping || (!b->is_up && b->failures > 0))
        return BACKEND_DOWN;
    return backend_is_full(b) ? BACKEND_FULL : BACKEND_ROOM;
}

struct backend_conn *backend_pick_with_care(struct backend *b, enum backend_room *room) {
    *room = room_of(b);
    return *room == BACKEND_DOWN ? NULL : b->conn;
}

void backend_wake(struct backend *b) {
    if (b->former && !backend_conn_is_awaited(b->former))
        end_handover(b);
    // A waiter whose request finds no room after all queues up behind the others.
    while (b->waiting.first && room_of(b) != BACKEND_FULL)
        waiting_room_call_first(&b->waiting, false);
}

size_t backend_pending(const struct backend *b) {
    return (b->conn ? b->conn->pending : 0) + (b->former ? b->former->pending : 0);
}

static void add_counters(struct conn_counters *sum, const struct backend_conn *c) {
    if (!c)
        return;
    sum->requests += c->counters.requests;
    sum->answers += c->counters.answers;
    sum->answer_ms += c->counters.answer_ms;
    sum->timeouts += c->counters.timeouts;
}

struct conn_counters backend_counters(const struct backend *b) {
    struct conn_counters sum = b->past;
    add_counters(&sum, b->conn);
    add_counters(&sum, b->former);
    return sum;
}
