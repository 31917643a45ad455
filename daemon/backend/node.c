#include "daemon/backend/node.h"

#include <stdio.h>

#include "conf/url.h"
#include "daemon/backend/eviction.h"
#include "daemon/backend/reauth.h"
#include "daemon/backend/secret.h"
#include "daemon/loop/backoff.h"
#include "daemon/loop/complaint.h"
#include "daemon/loop/log.h"
#include "daemon/loop/log_event.h"
#include "daemon/loop/probe.h"
#include "protocol/bytes.h"
#include "protocol/mem.h"

enum {
    FIRST_DELAY_MS = 20,
    LONGEST_DELAY_MS = 500,
    FIRST_RENEW_MS = 1000,
    LONGEST_RENEW_MS = 30000,
    TOLD_FAILURES = 2, // the operator is told of the second failure: the first is often a restart
    STEADY_MS = 1000
};

static void start_connecting(struct node *n);
static void on_former_fault(void *owner, const struct answer *answer);

static uint64_t now_of(const struct node *n) { return loop_now(n->family->loop); }

static struct log *log_of(const struct node *n) { return &n->family->loop->log; }

// --- counters ---------------------------------------------------------------------------------

static void add_counters(struct conn_counters *sum, const struct backend_conn *c) {
    if (!c)
        return;
    sum->requests += c->counters.requests;
    sum->answers += c->counters.answers;
    sum->timeouts += c->counters.timeouts;
}

void node_add_counters(const struct node *n, struct conn_counters *sum) {
    sum->requests += n->past.requests;
    sum->answers += n->past.answers;
    sum->timeouts += n->past.timeouts;
    add_counters(sum, n->conn);
    add_counters(sum, n->former);
}

size_t node_pending(const struct node *n) {
    return (n->conn ? n->conn->pending : 0) + (n->former ? n->former->pending : 0);
}

// --- the operator -----------------------------------------------------------------------------

// The address is appended because a host's name may mean another server each time.
static void append_peer(struct bytes *text, const struct node *n) {
    struct sockaddr_storage peer = {0};
    char host[64];
    int len = sizeof(peer);
    if (n->server.path ||
        uv_tcp_getpeername(&n->conn->stream.uv.tcp, (struct sockaddr *)&peer, &len) != 0)
        return;
    uv_ip_name((const struct sockaddr *)&peer, host, sizeof(host));
    bytes_append_slice(text, slice_of(host));
}

static void log_up(struct node *n, enum log_event event) {
    struct bytes url = {0}, address = {0};
    url_append_shown(&url, &n->family->conf->url);
    append_peer(&address, n);
    log_tell(log_of(n), event, log_text(FIELD_BACKEND, n->family->conf->name),
             log_text(FIELD_NODE, n->name), log_slice(FIELD_URL, bytes_slice(&url)),
             log_slice(FIELD_ADDRESS, bytes_slice(&address)));
    bytes_deinit(&url);
    bytes_deinit(&address);
}

static void complain(struct node *n, enum log_event event, const char *cause, const char *reason) {
    complaints_add(n->family->loop->complaints, log_of(n), now_of(n), event,
                   &LOG_VALUES(log_text(FIELD_BACKEND, n->family->conf->name),
                               log_text(FIELD_NODE, n->name), log_text(FIELD_CAUSE, cause),
                               log_text(FIELD_REASON, reason)));
}

// The end of an outage is logged once, although an outage may have begun as a loss.
static bool end_outage(struct node *n) {
    struct complaints *all = n->family->loop->complaints;
    struct log_values values =
        LOG_VALUES(log_text(FIELD_BACKEND, n->family->conf->name), log_text(FIELD_NODE, n->name));
    uint64_t now = now_of(n);
    bool was_lost = complaints_end(all, NULL, now, LOG_BACKEND_LOST, &values);
    return complaints_end(all, log_of(n), now, LOG_BACKEND_DOWN, &values) || was_lost;
}

// --- connection -------------------------------------------------------------------------------

static void aim_tracker(struct node *n) {
    struct sockaddr_storage peer = {0};
    int len = sizeof(peer);
    if (n->tracker && n->conn->stream.uv.handle.type == UV_TCP &&
        uv_tcp_getpeername(&n->conn->stream.uv.tcp, (struct sockaddr *)&peer, &len) == 0)
        tracker_aim(n->tracker, &peer);
}

// Closes the connection, if there is one; the node keeps its counters.
static void drop_conn(struct node *n, struct backend_conn **conn) {
    struct backend_conn *c = *conn;
    *conn = NULL;
    if (!c)
        return;
    add_counters(&n->past, c);
    backend_conn_close(c);
}

static void on_ready(void *owner) {
    struct node *n = owner;
    if (end_outage(n) || n->connects == 0)
        log_up(n, LOG_BACKEND_UP);
    n->is_up = true;
    PROBE(backend__state, n->family->conf->name, n->name, "up");
    aim_tracker(n);
    n->failures = n->tried = 0;
    n->starting_until_ms = 0;
    n->since_ms = now_of(n);
    *n->reason = '\0';
    n->connects++;
    if (n->family->conf->asks_eviction)
        eviction_ask(n->conn, n->family->eviction);
    n->family->events->on_up(n->family->owner, n);
}

static void on_retry(uv_timer_t *timer) {
    start_connecting(CONTAINER_OF(timer, struct node, retry));
}

static void note_loss(struct node *n, const char *reason) {
    const struct node_events *events = n->family->events;
    const char *why_gone = events->why_gone ? events->why_gone(n->family->owner) : NULL;
    if (n->is_up)
        n->since_ms = now_of(n);
    PROBE(backend__state, n->family->conf->name, n->name, n->is_up ? "lost" : "down");
    n->is_up = false;
    snprintf(n->reason, sizeof(n->reason), "%s", why_gone ? why_gone : reason);
}

// The end of an embedded server is logged by embedded.c.
static void note_failure(struct node *n, const char *reason) {
    n->failures++;
    n->setbacks++;
    n->attempt++;
    if (n->failures < TOLD_FAILURES || n->family->conf->url.kind == URL_EMBEDDED)
        log_tell(log_of(n), LOG_BACKEND_CONNECT_FAILED,
                 log_text(FIELD_BACKEND, n->family->conf->name), log_text(FIELD_NODE, n->name),
                 log_text(FIELD_REASON, reason));
    else
        complain(n, LOG_BACKEND_DOWN, NULL, reason);
}

void node_retry_in(struct node *n, uint64_t delay_ms) {
    if (!n->conn)
        uv_timer_start(&n->retry, on_retry, delay_ms, 0);
}

// Connects again: at once when the lost connection served, otherwise after a delay.
static void connect_again(struct node *n, bool has_served, const char *reason) {
    if (has_served) {
        n->setbacks = 0;
        start_connecting(n);
        return;
    }
    n->tried = 0;
    note_failure(n, reason);
    uint64_t delay_ms = backoff_ms(n->setbacks - 1, FIRST_DELAY_MS, LONGEST_DELAY_MS);
    uv_timer_start(&n->retry, on_retry, backoff_jittered(delay_ms, &n->family->loop->random), 0);
}

// A server may listen at one address of its name alone, as many do that "localhost" means.
static bool has_further_address(struct node *n) { return ++n->tried < n->conn->dial.addresses; }

static void try_next_address(struct node *n) {
    n->attempt++;
    start_connecting(n);
}

static void on_lost(void *owner, const char *reason) {
    struct node *n = owner;
    bool was_up = n->is_up, is_elsewhere = !was_up && has_further_address(n);
    // A server that greets and then closes the connection is as good as down.
    bool has_served = n->conn->counters.answers > 0 || now_of(n) - n->since_ms >= STEADY_MS;
    add_counters(&n->past, n->conn);
    n->conn = NULL;
    drop_conn(n, &n->former);
    drop_conn(n, &n->reserve);
    note_loss(n, reason);
    if (n->is_stopping)
        return;
    if (n->tracker)
        tracker_restart(n->tracker);
    if (was_up)
        complain(n, LOG_BACKEND_LOST, NULL, reason);
    if (is_elsewhere)
        try_next_address(n);
    else
        connect_again(n, was_up && has_served, reason);
    n->family->events->on_lost(n->family->owner, n, was_up);
}

static void on_fault(void *owner, const struct answer *answer) {
    struct node *n = owner;
    n->family->events->on_fault(n->family->owner, n, answer);
}

static void carry(void *owner, struct slot *slot) {
    struct node *n = owner;
    n->family->events->carry(n->family->owner, n, slot);
}

static struct backend_conn_owner owner_of(struct node *n) {
    const struct node_events *events = n->family->events;
    return (struct backend_conn_owner){.on_ready = on_ready,
                                       .on_lost = on_lost,
                                       .on_fault = on_fault,
                                       .owner = n,
                                       .introduction = events->introduction,
                                       .carry = events->carry ? carry : NULL};
}

static struct backend_conn *connect_as(struct node *n, struct backend_conn_owner owner) {
    const struct node_family *f = n->family;
    secret_look(f->secret); // the next attempt has the new password, if this one's is refused
    return backend_conn_new(f->loop, f->conf, f->account, &n->server, n->attempt, owner);
}

static void start_connecting(struct node *n) { n->conn = connect_as(n, owner_of(n)); }

// --- another server at the same name -------------------------------------------------------------

static void end_handover(struct node *n) {
    drop_conn(n, &n->former);
    backend_conn_release(n->conn);
    aim_tracker(n);
}

// The former server closed its connection before all its answers had come.
static void on_former_lost(void *owner, const char *reason) {
    struct node *n = owner;
    (void)reason;
    add_counters(&n->past, n->former);
    n->former = NULL;
    end_handover(n);
}

static void on_reserve_ready(void *owner) {
    struct node *n = owner;
    n->former = n->conn;
    n->former->owner = (struct backend_conn_owner){
        .on_lost = on_former_lost, .on_fault = on_former_fault, .owner = n};
    n->conn = n->reserve;
    n->conn->owner = owner_of(n);
    n->reserve = NULL;
    n->since_ms = now_of(n);
    n->connects++;
    log_up(n, LOG_BACKEND_RENEWED);
    if (n->tracker)
        tracker_restart(n->tracker);
    n->family->events->on_up(n->family->owner, n);
    if (!backend_conn_is_awaited(n->former))
        end_handover(n);
}

static void on_reserve_lost(void *owner, const char *reason) {
    struct node *n = owner;
    n->reserve = NULL;
    complain(n, LOG_BACKEND_RENEW_FAILED, NULL, reason);
}

static void on_former_fault(void *owner, const struct answer *answer) {
    complain(owner, LOG_BACKEND_FAULT, answer->fault_cause, answer->fault_words);
}

// The first reserve is made at once, the next after a second, and each further one after a longer
// time, while no new server helps.
void node_renew(struct node *n) {
    uint64_t now = now_of(n);
    if (!n->is_up || n->reserve || n->former || n->is_stopping || now < n->renew_ms)
        return;
    if (now - n->renew_ms > 2 * (uint64_t)LONGEST_RENEW_MS)
        n->renewals = 0;
    n->renew_ms = now + backoff_ms(n->renewals++, FIRST_RENEW_MS, LONGEST_RENEW_MS);
    n->attempt++;
    struct backend_conn_owner owner = owner_of(n);
    owner.on_ready = on_reserve_ready;
    owner.on_lost = on_reserve_lost;
    owner.on_fault = on_former_fault;
    n->reserve = connect_as(n, owner);
    backend_conn_reserve(n->reserve);
}

// A node that is not up may have failed for the former password. Of one that is, the former
// connection is to end soon.
void node_authenticate(struct node *n) {
    if (n->is_stopping)
        return;
    if (!n->is_up) {
        n->failures = n->setbacks = 0;
        node_reconnect(n);
        return;
    }
    if (n->conn)
        reauth_send(n->conn, n->family->conf, &n->server, n->name);
    if (n->reserve)
        reauth_send(n->reserve, n->family->conf, &n->server, n->name);
    if (n->tracker)
        tracker_authenticate(n->tracker);
}

void node_check_account(struct node *n) {
    if (n->conn)
        backend_conn_ask_rights(n->conn);
}

void node_wake(struct node *n) {
    if (n->former && !backend_conn_is_awaited(n->former))
        end_handover(n);
}

// --- room -------------------------------------------------------------------------------------

enum backend_room node_room(const struct node *n, size_t most_output) {
    if (!n->is_up && now_of(n) < n->starting_until_ms && !n->is_stopping)
        return BACKEND_STARTING;
    if (!n->conn || n->is_stopping || (!n->is_up && n->failures > 0))
        return BACKEND_DOWN;
    return node_is_full(n, most_output) ? BACKEND_FULL : BACKEND_ROOM;
}

// --- changes ----------------------------------------------------------------------------------

static struct slice tracked(const struct node *n) {
    return n->tracker ? bytes_slice(&n->tracker->prefixes.words) : (struct slice){0};
}

void node_track(struct node *n, const struct prefixes *prefixes) {
    const struct node_family *f = n->family;
    if (slice_equal(tracked(n), bytes_slice(&prefixes->words)))
        return;
    if (n->tracker)
        tracker_free(n->tracker);
    n->tracker = NULL;
    if (prefixes->count > 0) {
        struct prefixes copy = {.count = prefixes->count};
        bytes_append_slice(&copy.words, bytes_slice(&prefixes->words));
        n->tracker = tracker_new(f->loop, f->conf, n->name, &n->server, copy);
    }
    if (n->is_up && !n->former)
        aim_tracker(n);
}

static void set_server(struct node *n, const struct endpoint *server, const char *name) {
    n->server.host = server->host ? mem_text(server->host) : NULL;
    n->server.path = server->path ? mem_text(server->path) : NULL;
    n->server.port = server->port;
    n->server.tls = n->family->tls;
    n->server.session = &n->session;
    n->server.password = (const char *const *)&n->family->secret->password;
    n->name = name ? mem_text(name) : NULL;
}

static void forget_server(struct node *n) {
    mem_free((char *)n->server.host);
    mem_free((char *)n->server.path);
    mem_free(n->name);
}

static void drop_conns(struct node *n) {
    n->is_up = false;
    uv_timer_stop(&n->retry);
    drop_conn(n, &n->former);
    drop_conn(n, &n->reserve);
    drop_conn(n, &n->conn);
}

void node_reconnect(struct node *n) {
    n->since_ms = now_of(n);
    drop_conns(n);
    if (n->tracker)
        tracker_restart(n->tracker);
    n->attempt++;
    start_connecting(n);
}

static void change_server(struct node *n, const struct endpoint *server, const char *name) {
    char *host = (char *)n->server.host, *path = (char *)n->server.path, *former = n->name;
    set_server(n, server, name);
    if (n->tracker) {
        n->tracker->node = n->name;
        n->tracker->server.host = n->server.host;
        n->tracker->server.port = n->server.port;
        n->tracker->server.path = n->server.path;
    }
    mem_free(host);
    mem_free(path);
    mem_free(former);
}

void node_move(struct node *n, const struct endpoint *server, const char *name) {
    drop_conns(n);
    change_server(n, server, name);
    n->failures = n->setbacks = n->attempt = n->tried = 0;
    node_reconnect(n);
}

void node_readdress(struct node *n, const struct endpoint *server, const char *name) {
    if (n->is_up)
        change_server(n, server, name);
    else
        node_move(n, server, name);
}

// --- life -------------------------------------------------------------------------------------

struct node *node_new(const struct node_family *family, const struct endpoint *server,
                      const char *name, uint64_t starting_ms) {
    struct node *n = mem_new(sizeof(*n));
    n->family = family;
    set_server(n, server, name);
    n->since_ms = now_of(n);
    n->starting_until_ms = now_of(n) + starting_ms;
    uv_timer_init(&family->loop->uv, &n->retry);
    start_connecting(n);
    return n;
}

void node_stop(struct node *n) {
    n->is_stopping = true;
    drop_conns(n);
}

static void on_retry_closed(uv_handle_t *timer) {
    struct node *n = CONTAINER_OF(timer, struct node, retry);
    forget_server(n);
    tls_session_deinit(&n->session);
    mem_free(n);
}

void node_free(struct node *n) {
    node_stop(n);
    node_track(n, &(struct prefixes){0});
    uv_close((uv_handle_t *)&n->retry, on_retry_closed);
}
