#include "backend.h"

#include "mem.h"

enum {
    FIRST_DELAY_MS = 20,
    LONGEST_DELAY_MS = 500,
    FAULT_LOG_MS = 10000,
    SETTLE_FAILURES = 2,
    STARTING_MS = 2000,
    STEADY_MS = 1000
};

static void start_connecting(struct backend *b);

// --- life -------------------------------------------------------------------------------------

static void free_if_let_go(struct backend *b) {
    if (b->handles > 0 || b->refs > 0)
        return;
    settings_unref(b->settings);
    mem_free(b->path);
    mem_free(b);
}

static void on_handle_closed(uv_handle_t *handle) {
    struct backend *b = handle->data;
    b->handles--;
    free_if_let_go(b);
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

static void init_timer(struct backend *b, uv_timer_t *timer) {
    uv_timer_init(&b->reactor->loop, timer);
    timer->data = b;
    b->handles++;
}

struct backend *backend_new(struct reactor *reactor, struct settings *settings,
                            const struct backend_conf *conf, const char *path,
                            void (*on_settled)(void *owner), void *owner) {
    struct backend *b = mem_new(sizeof(*b));
    b->reactor = reactor;
    b->settings = settings_ref(settings);
    b->conf = conf;
    b->on_settled = on_settled;
    b->owner = owner;
    init_timer(b, &b->retry);
    init_timer(b, &b->wait);
    if (conf->url.kind == URL_EMBEDDED) {
        if (!path)
            b->embedded = embedded_new(reactor, conf);
        // A copy: the server may end before the backend does.
        b->path = mem_text(path ? path : embedded_path(b->embedded));
        b->starting_until_ms = uv_now(&reactor->loop) + STARTING_MS;
    }
    start_connecting(b);
    return b;
}

// The first waiter goes on.
static void end_wait(struct backend *b, bool is_late) {
    struct backend_waiter *waiter = b->first_waiter;
    uint64_t began_ms = waiter->deadline_ms - (uint64_t)b->conf->timeout_ms;
    b->waits++;
    b->wait_ms += uv_now(&b->reactor->loop) - began_ms;
    backend_stop_waiting(waiter);
    waiter->on_room(waiter, is_late);
}

void backend_stop(struct backend *b) {
    b->is_stopping = true;
    uv_timer_stop(&b->retry);
    if (b->conn)
        backend_conn_close(b->conn);
    b->conn = NULL;
    while (b->first_waiter)
        end_wait(b, true);
}

void backend_free(struct backend *b) {
    backend_stop(b);
    backend_track(b, (struct prefixes){0});
    if (b->embedded)
        embedded_free(b->embedded);
    uv_close((uv_handle_t *)&b->retry, on_handle_closed);
    uv_close((uv_handle_t *)&b->wait, on_handle_closed);
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

static void on_ready(void *owner) {
    struct backend *b = owner;
    struct bytes where = {0};
    url_append_shown(&where, &b->conf->url);
    log_info(&b->reactor->log, "backend %s: up (%.*s)", b->conf->name, (int)where.len, where.data);
    bytes_deinit(&where);
    b->is_up = true;
    if (b->tracker)
        aim_tracker(b);
    b->starting_until_ms = 0;
    b->up_since_ms = uv_now(&b->reactor->loop);
    b->connects++;
    settle(b);
}

static void on_retry(uv_timer_t *timer) { start_connecting(timer->data); }

// 20 ms, 40, 80 … half a second, each shortened by up to half: "full jitter" would allow 0, which
// is too eager for a single server (AWS Architecture Blog, "Exponential Backoff And Jitter").
static uint64_t retry_delay(struct backend *b) {
    uint64_t delay = LONGEST_DELAY_MS;
    if (b->failures < 6)
        delay = (uint64_t)FIRST_DELAY_MS << (b->failures - 1);
    if (delay > LONGEST_DELAY_MS)
        delay = LONGEST_DELAY_MS;
    return delay - random_up_to(&b->reactor->random, delay / 2);
}

static void on_lost(void *owner, const char *reason) {
    struct backend *b = owner;
    bool was_up = b->is_up;
    // One that greets and goes is as good as down.
    bool has_served =
        b->conn->counters.answers > 0 || uv_now(&b->reactor->loop) - b->up_since_ms >= STEADY_MS;
    b->past = backend_counters(b);
    b->conn = NULL;
    b->is_up = false;
    if (b->is_stopping)
        return;
    if (b->tracker)
        tracker_restart(b->tracker);
    if (was_up)
        log_warning(&b->reactor->log, "backend %s: lost: %s", b->conf->name, reason);
    if (was_up && has_served) {
        b->failures = 0;
        start_connecting(b);
        return;
    }
    b->failures++;
    b->attempt++;
    enum log_level level = LOG_LEVEL_DEBUG; // once an outage, not at each attempt
    if (b->failures == SETTLE_FAILURES && b->conf->url.kind != URL_EMBEDDED)
        level = LOG_LEVEL_ERROR;
    log_write(&b->reactor->log, level, "backend %s: down: %s", b->conf->name, reason);
    if (b->failures >= SETTLE_FAILURES && b->conf->url.kind != URL_EMBEDDED)
        settle(b);
    uv_timer_start(&b->retry, on_retry, retry_delay(b), 0);
}

static const char *path_of(const struct backend *b) {
    return b->path ? b->path : b->conf->url.path;
}

static void start_connecting(struct backend *b) {
    b->conn = backend_conn_new(b->reactor, b->conf, path_of(b), b->attempt,
                               (struct backend_conn_owner){on_ready, on_lost, b});
}

void backend_track(struct backend *b, struct prefixes prefixes) {
    if (b->tracker &&
        slice_equal(bytes_slice(&b->tracker->prefixes.words), bytes_slice(&prefixes.words))) {
        prefixes_deinit(&prefixes);
        return;
    }
    if (b->tracker)
        tracker_free(b->tracker);
    b->tracker = NULL;
    if (prefixes.count > 0)
        b->tracker = tracker_new(b->reactor, b->conf, path_of(b), prefixes);
    if (b->tracker && b->is_up)
        aim_tracker(b);
}

// --- room -------------------------------------------------------------------------------------

enum backend_room backend_room(const struct backend *b) {
    if (!b->is_up && uv_now(&b->reactor->loop) < b->starting_until_ms && !b->is_stopping)
        return BACKEND_FULL;
    if (!b->conn || b->is_stopping || (!b->is_up && b->failures > 0))
        return BACKEND_DOWN;
    bool is_full = b->conn->pending >= (size_t)b->conf->max_pending ||
                   stream_unread(&b->conn->stream) >= b->most_output;
    return is_full ? BACKEND_FULL : BACKEND_ROOM;
}

struct backend_conn *backend_pick_conn(struct backend *b) {
    return b->conn;
}

static void on_wait_over(uv_timer_t *timer);

// Waiters come and go in order, so the first has the oldest deadline.
static void arm_wait(struct backend *b) {
    uint64_t now = uv_now(&b->reactor->loop);
    if (!b->first_waiter)
        return;
    uint64_t deadline = b->first_waiter->deadline_ms;
    uv_timer_start(&b->wait, on_wait_over, deadline > now ? deadline - now : 0, 0);
}

static void on_wait_over(uv_timer_t *timer) {
    struct backend *b = timer->data;
    while (b->first_waiter && b->first_waiter->deadline_ms <= uv_now(&b->reactor->loop)) {
        b->late_waits++;
        end_wait(b, true);
    }
    arm_wait(b);
}

void backend_wait(struct backend *b, struct backend_waiter *waiter) {
    waiter->next = NULL;
    waiter->backend = b;
    waiter->deadline_ms = uv_now(&b->reactor->loop) + (uint64_t)b->conf->timeout_ms;
    if (b->last_waiter)
        b->last_waiter->next = waiter;
    else
        b->first_waiter = waiter;
    b->last_waiter = waiter;
    if (!uv_is_active((uv_handle_t *)&b->wait))
        arm_wait(b);
}

void backend_stop_waiting(struct backend_waiter *waiter) {
    struct backend *b = waiter->backend;
    struct backend_waiter *before = NULL, *at = b ? b->first_waiter : NULL;
    while (at && at != waiter) {
        before = at;
        at = at->next;
    }
    waiter->backend = NULL;
    if (!at)
        return;
    if (before)
        before->next = waiter->next;
    else
        b->first_waiter = waiter->next;
    if (b->last_waiter == waiter)
        b->last_waiter = before;
}

void backend_wake(struct backend *b) {
    // A waiter that fills the backend again queues up behind the others.
    while (b->first_waiter && backend_room(b) != BACKEND_FULL) {
        end_wait(b, false);
    }
}

void backend_log_fault(struct backend *b, const char *words) {
    uint64_t now = uv_now(&b->reactor->loop);
    if (b->last_fault_log_ms > 0 && now - b->last_fault_log_ms < FAULT_LOG_MS)
        return;
    b->last_fault_log_ms = now;
    log_error(&b->reactor->log, "backend %s: answered: %s", b->conf->name, words);
}

size_t backend_pending(const struct backend *b) { return b->conn ? b->conn->pending : 0; }

struct conn_counters backend_counters(const struct backend *b) {
    struct conn_counters sum = b->past;
    if (b->conn) {
        sum.requests += b->conn->counters.requests;
        sum.answers += b->conn->counters.answers;
        sum.answer_ms += b->conn->counters.answer_ms;
        sum.timeouts += b->conn->counters.timeouts;
    }
    return sum;
}
