#include "daemon/backend/sentinel.h"

#include <stdio.h>

#include "conf/sections.h"
#include "conf/uri.h"
#include "conf/url.h"
#include "daemon/backend/backend.h"
#include "daemon/backend/conn.h"
#include "daemon/backend/lone.h"
#include "daemon/backend/master_choice.h"
#include "daemon/backend/node.h"
#include "daemon/backend/room.h"
#include "daemon/backend/sentinel_link.h"
#include "daemon/loop/endpoint.h"
#include "daemon/loop/log.h"
#include "daemon/loop/log_event.h"
#include "daemon/loop/loop.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/command.h"
#include "protocol/mem.h"
#include "protocol/redirect.h"
#include "protocol/redis_error.h"

enum {
    CALM_MS = 10000, // between two questions while the master serves
    NEED_MS = 250,   // while there is none that serves, or that is named
    SOONEST_MS = 100,
    REPLICA_MS = 100, // until a server that says it is a replica is connected to again
};

struct sentinel {
    struct lone lone;
    struct backend *backend;
    struct master_choice choice;
    struct sentinel_link **links;
    size_t link_count;
    size_t live; // links whose sentinel has answered
    uv_timer_t timer;
    uint64_t started_ms, asked_ms;
    bool is_due;        // the sentinels are to be asked as soon as that may be
    bool is_replica;    // the server that was greeted last says so
    bool refuses_role;  // the operator has been told
    bool knows_no_name; // a sentinel knows no master of that name
    char reason[240];   // that was judged last
};

static struct sentinel *sentinel_of(const struct backend *b) { return b->parts; }

static uint64_t now_of(const struct sentinel *s) { return loop_now(s->backend->loop); }

static bool is_down(const struct sentinel *s) { return !s->lone.node || !s->lone.node->is_up; }

// --- the master -------------------------------------------------------------------------------

static void append_master(struct bytes *text, const struct sentinel *s) {
    uri_append_host(text, s->choice.master.host, s->choice.master.port);
}

static void log_master(struct sentinel *s) {
    const struct node *former = s->lone.node;
    struct bytes where = {0}, before = {0};
    append_master(&where, s);
    if (former)
        uri_append_host(&before, former->server.host, former->server.port);
    log_tell(&s->backend->loop->log, LOG_SENTINEL_MASTER,
             log_text(FIELD_BACKEND, s->backend->conf->name),
             log_slice(FIELD_MASTER, bytes_slice(&where)),
             log_slice(FIELD_FORMER, bytes_slice(&before)));
    bytes_deinit(&where);
    bytes_deinit(&before);
}

static void arm(struct sentinel *s);

// Goes to the master that was chosen. The requests that the old one has are failed.
static void move(struct sentinel *s) {
    struct backend *b = s->backend;
    struct endpoint server = {.host = s->choice.master.host, .port = s->choice.master.port};
    log_master(s);
    b->conn = NULL;
    b->trouble.cause = NULL;
    s->is_replica = false;
    if (s->lone.node) {
        node_move(s->lone.node, &server, NULL);
    } else {
        s->lone.node = node_new(&b->family, &server, NULL, 0);
        node_track(s->lone.node, &b->prefixes);
    }
    lone_tracked(b);
    arm(s);
}

// --- questions --------------------------------------------------------------------------------

static void on_timer(uv_timer_t *timer);

static void arm(struct sentinel *s) {
    if (s->backend->is_stopping)
        return;
    bool is_needed = is_down(s) || master_choice_is_doubtful(&s->choice);
    uint64_t period = s->is_due ? SOONEST_MS : is_needed ? NEED_MS : CALM_MS;
    uint64_t now = now_of(s), due = s->asked_ms + period;
    uv_timer_start(&s->timer, on_timer, due > now ? due - now : 0, 0);
}

static void ask(struct sentinel *s) {
    s->asked_ms = now_of(s);
    s->is_due = false;
    for (size_t i = 0; i < s->link_count; i++)
        sentinel_link_ask(s->links[i]);
    arm(s);
}

// Asks now, or as soon as that may be.
static void ask_soon(struct sentinel *s) {
    s->is_due = true;
    arm(s);
}

// The daemon does not wait for ever for sentinels when it starts.
static bool is_starting(const struct sentinel *s) {
    return now_of(s) - s->started_ms < (uint64_t)s->backend->conf->connect_timeout_ms;
}

static void on_timer(uv_timer_t *timer) {
    struct sentinel *s = timer->data;
    ask(s);
    if (master_choice_look(&s->choice, is_down(s), now_of(s)))
        move(s);
    if (!s->lone.node && !is_starting(s))
        backend_settle(s->backend);
}

// --- sentinels --------------------------------------------------------------------------------

static void count_live(struct sentinel *s) {
    s->live = 0;
    for (size_t i = 0; i < s->link_count; i++)
        s->live += sentinel_link_is_live(s->links[i]);
}

static void on_word(void *owner, struct sentinel_link *link, struct slice host, int port,
                    bool is_switch) {
    struct sentinel *s = owner;
    size_t number = sentinel_link_number(link);
    count_live(s);
    s->knows_no_name = host.len == 0;
    if (master_choice_hear(&s->choice, number, host, port, is_switch, is_down(s), now_of(s)))
        move(s);
    else
        arm(s);
}

static void on_link_lost(void *owner, struct sentinel_link *link) {
    struct sentinel *s = owner;
    count_live(s);
    master_choice_lose(&s->choice, sentinel_link_number(link));
    arm(s);
}

// --- the server -------------------------------------------------------------------------------

static void write_role(struct command *command) { command_begin(command, SLICE("ROLE"), 1); }

// Some services refuse ROLE; then the sentinels alone are believed.
static void note_no_role(struct sentinel *s, struct slice error) {
    if (!s->refuses_role)
        log_tell(
            &s->backend->loop->log, LOG_SENTINEL_NO_ROLE,
            log_text(FIELD_BACKEND, s->backend->conf->name),
            log_slice(FIELD_REASON, (struct slice){error.data, error.len < 100 ? error.len : 100}));
    s->refuses_role = true;
}

static void take_role(void *owner, const struct event *e, char *reason) {
    const struct node *node = owner;
    struct sentinel *s = sentinel_of(node->family->owner);
    if (e->depth == 0 && e->type == EVENT_ERROR)
        note_no_role(s, e->text);
    if (e->depth != 1 || e->index != 0)
        return;
    s->is_replica = slice_equal(e->text, SLICE("slave"));
    if (s->is_replica)
        snprintf(reason, CONN_REASON_SIZE, "it is a replica");
    else if (!slice_equal(e->text, SLICE("master")))
        snprintf(reason, CONN_REASON_SIZE, "it is no master");
}

static void on_up(void *owner, struct node *node) {
    struct sentinel *s = sentinel_of(owner);
    lone_note_up(owner, node);
    arm(s);
}

static void on_lost(void *owner, struct node *node, bool was_up) {
    struct sentinel *s = sentinel_of(owner);
    (void)was_up;
    lone_note_lost(owner, node);
    if (s->is_replica)
        node_retry_in(node, REPLICA_MS);
    s->is_replica = false;
    ask_soon(s);
}

// A master that was made a replica serves reads, which are old, and refuses writes.
static void leave_replica(struct sentinel *s, struct node *node) {
    struct backend *b = s->backend;
    b->conn = NULL;
    node_reconnect(node);
    lone_tracked(b);
}

static void on_fault(void *owner, struct node *node, const struct answer *answer) {
    struct backend *b = owner;
    struct sentinel *s = sentinel_of(b);
    bool is_replica = answer->turn == TURN_READONLY;
    backend_note_fault(b, is_replica ? NULL : node, answer->fault, answer->fault_cause,
                       answer->fault_words);
    if (answer->fault == FAULT_UNFIT)
        ask_soon(s);
    if (is_replica)
        leave_replica(s, node);
}

static const struct introduction introduction = {write_role, take_role};

static const struct node_events events = {
    .on_up = on_up, .on_lost = on_lost, .on_fault = on_fault, .introduction = &introduction};

// --- life -------------------------------------------------------------------------------------

static struct tls_client *const *tls_of(const struct backend *b) {
    int64_t choice = b->conf->sentinel_tls;
    bool has_tls = choice == SENTINEL_TLS_AUTO ? b->conf->url.is_tls : choice == SENTINEL_TLS_YES;
    return has_tls ? &b->tls : NULL;
}

static void start(struct backend *b, const char *path) {
    struct sentinel *s = b->parts = mem_new(sizeof(*s));
    struct sentinel_link_owner owner = {on_word, on_link_lost, s};
    (void)path;
    s->backend = b;
    s->started_ms = s->asked_ms = loop_now(b->loop);
    s->link_count = b->conf->url.host_count;
    s->links = mem_new(s->link_count * sizeof(struct sentinel_link *));
    master_choice_init(&s->choice, s->link_count, s->started_ms);
    for (size_t i = 0; i < s->link_count; i++)
        s->links[i] = sentinel_link_new(b->loop, b->conf, i, tls_of(b), owner);
    uv_timer_init(&b->loop->uv, &s->timer);
    s->timer.data = s;
    arm(s);
}

static void stop(struct backend *b) {
    struct sentinel *s = sentinel_of(b);
    uv_timer_stop(&s->timer);
    for (size_t i = 0; i < s->link_count; i++)
        sentinel_link_free(s->links[i]);
    s->link_count = 0;
    if (s->lone.node)
        node_stop(s->lone.node);
}

static void on_timer_closed(uv_handle_t *timer) {
    struct sentinel *s = timer->data;
    mem_free(s->links);
    mem_free(s);
}

static void free_parts(struct backend *b) {
    struct sentinel *s = sentinel_of(b);
    if (s->lone.node)
        node_free(s->lone.node);
    master_choice_deinit(&s->choice);
    uv_close((uv_handle_t *)&s->timer, on_timer_closed);
}

// --- route ------------------------------------------------------------------------------------

static struct backend_conn *pick(struct backend *b, unsigned hash_slot, enum backend_room *room) {
    struct sentinel *s = sentinel_of(b);
    if (s->lone.node)
        return lone_pick(b, hash_slot, room);
    *room = is_starting(s) && !b->is_stopping ? BACKEND_STARTING : BACKEND_DOWN;
    return NULL;
}

static const char *why_unknown(struct sentinel *s) {
    const char *trouble = "";
    if (s->live > 0)
        return s->knows_no_name ? "its sentinels know no master of that name"
                                : "no sentinel names one";
    for (size_t i = 0; i < s->link_count && !*trouble; i++)
        trouble = sentinel_link_trouble(s->links[i]);
    snprintf(s->reason, sizeof(s->reason), "none of the sentinels answers%s%s",
             *trouble ? ": " : "", trouble);
    return s->reason;
}

static void judge(const struct backend *b, struct backend_state *state) {
    struct sentinel *s = sentinel_of(b);
    if (s->lone.node) {
        lone_judge(b, state);
        return;
    }
    state->health = is_starting(s) ? BACKEND_CONNECTING : BACKEND_LOST;
    state->since_ms = s->started_ms;
    state->reason = why_unknown(s);
}

static uint64_t turns(const struct backend *b) { return sentinel_of(b)->choice.switches; }

static void count(const struct backend *b, struct route_counters *sum) {
    sum->switches += sentinel_of(b)->choice.switches;
}

static void append_state(const struct backend *b, struct bytes *line) {
    const struct sentinel *s = sentinel_of(b);
    bytes_append_literal(line, " master=");
    if (s->choice.master.host)
        append_master(line, s);
    else
        bytes_append_literal(line, "none");
    bytes_printf(line, " sentinels=%zu/%zu switches=%llu", s->live, b->conf->url.host_count,
                 (unsigned long long)s->choice.switches);
}

const struct route route_sentinel = {.events = &events,
                                     .start = start,
                                     .stop = stop,
                                     .free = free_parts,
                                     .pick = pick,
                                     .source = lone_source,
                                     .node_at = lone_node_at,
                                     .node_of = lone_node_of,
                                     .node_most = lone_node_most,
                                     .turns = turns,
                                     .tracked = lone_tracked,
                                     .judge = judge,
                                     .wake = lone_wake,
                                     .count = count,
                                     .append_state = append_state};
