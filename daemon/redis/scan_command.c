// SCAN: one step of an iteration over the keys of all places of a client (places.h).
//
//   cursor = the server's cursor × stops + stop       0 ─► stop 0 … ─► 0
//   stop   = place × servers + server
//
// When a server's cursor is 0 again, the next stop is looked at. The servers of a cluster are taken
// in the order of their addresses.
#include "conf/sections.h"
#include "daemon/backend/backend.h"
#include "daemon/backend/conn.h"
#include "daemon/backend/node.h"
#include "daemon/backend/room.h"
#include "daemon/redis/own_rows.h"
#include "daemon/redis/places.h"
#include "daemon/request/context.h"
#include "daemon/request/request.h"
#include "daemon/request/scan_place.h"
#include "daemon/request/session.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/number.h"
#include "protocol/redis/row.h"
#include "protocol/reply.h"
#include "protocol/scan.h"
#include "protocol/verb.h"
#include "protocol/verb_table.h"

struct options {
    uint64_t cursor;
    struct slice pattern, type;
    int64_t count;
};

// The step of one request, which its `key` holds while Redis is asked.
struct step {
    struct place place;
    uint64_t stop, next_stop, stops; // next_stop equals stops: this is the last stop
    uint64_t found;
};

// --- words ------------------------------------------------------------------------------------

// Returns NULL, or what is wrong, in Redis's own words.
static const char *read_option(struct options *o, struct slice name, struct slice value) {
    if (slice_equal_nocase(name, SLICE("MATCH"))) {
        o->pattern = value;
        return value.len <= SCAN_MOST_PATTERN ? NULL : "the pattern is longer than 1024 bytes";
    }
    if (slice_equal_nocase(name, SLICE("TYPE"))) {
        o->type = value;
        return NULL;
    }
    if (!slice_equal_nocase(name, SLICE("COUNT")))
        return "syntax error";
    if (!number_parse_int(value, &o->count))
        return "value is not an integer or out of range";
    return o->count > 0 ? NULL : "syntax error";
}

static const char *read_options(struct options *o, const struct call *call) {
    const char *problem = NULL;
    *o = (struct options){.pattern = SLICE("*"), .count = 10};
    if (!number_parse_unsigned(call->args[0], &o->cursor))
        return "invalid cursor";
    if (call->argc % 2 == 0)
        return "syntax error";
    for (size_t i = 1; i < call->argc && !problem; i += 2)
        problem = read_option(o, call->args[i], call->args[i + 1]);
    if (o->count > SCAN_MOST_KEYS)
        o->count = SCAN_MOST_KEYS;
    return problem;
}

// --- stops ------------------------------------------------------------------------------------

static uint64_t servers_of(const struct backend *b) {
    uint64_t servers = 1;
    if (!b->hash_slot_of)
        return 1;
    while (scan_place_at(b, servers))
        servers++;
    return servers;
}

// Returns the most servers that a backend of any place has.
static uint64_t count_servers(const struct session *session) {
    uint64_t most = 1;
    struct place place;
    for (size_t i = 0; i < places_count(session); i++) {
        uint64_t servers = place_at(session, i, &place) ? servers_of(place.namespace->backend) : 1;
        most = servers > most ? servers : most;
    }
    return most;
}

// Returns the first stop from `stop` on where keys may fit the pattern; `stops`: there is none.
static uint64_t find_stop(const struct session *session, struct slice pattern, uint64_t stop,
                          uint64_t servers, uint64_t stops) {
    struct place place;
    struct place_pattern sought;
    for (; stop < stops; stop++)
        if (place_at(session, stop / servers, &place) && place_pattern(&place, pattern, &sought) &&
            stop % servers < servers_of(place.namespace->backend))
            return stop;
    return stops;
}

// --- the answer -------------------------------------------------------------------------------

static void write_cursor(struct answer *a, const struct step *step, uint64_t server_cursor) {
    uint64_t cursor = server_cursor * step->stops + step->stop;
    char text[NUMBER_TEXT_SIZE];
    if (server_cursor == 0)
        cursor = step->next_stop < step->stops ? step->next_stop : 0;
    else if (server_cursor > (UINT64_MAX - step->stop) / step->stops) {
        answer_fail(a, REPLY_INTERNAL, "the server's cursor is too large to be handed on");
        return;
    }
    char *end = number_write(text, cursor);
    reply_bulk(a->out, (struct slice){text, (size_t)(end - text)});
}

// Redis may find keys of other places: what is left of them is counted before it is written.
static void take_key(struct answer *a, struct step *step, const struct event *e) {
    const struct request *r = a->context;
    const struct namespace_conf *conf = step->place.namespace->conf;
    if (!r->session) // the client has gone
        return;
    if (!slice_begins(e->text, (struct slice){conf->prefix, conf->prefix_len}))
        return;
    struct slice key = place_key(&step->place, e->text);
    if (!place_holds(r->session, &step->place, key))
        return;
    step->found++;
    answer_bulk(a, &a->gathered, key, e->rest, SLICE("\r\n"));
}

static void render(struct answer *a, const struct event *e) {
    const struct request *r = a->context;
    struct step *step = (struct step *)(void *)r->key.data;
    uint64_t cursor;
    if (e->type == EVENT_END) {
        reply_array(a->out, step->found);
        bytes_append_slice(a->out, bytes_slice(&a->gathered));
    } else if (e->depth == 0 && e->type == EVENT_ARRAY && e->count == 2) {
        reply_array(a->out, 2);
    } else if (e->depth == 1 && e->index == 0 && e->type == EVENT_BULK && e->rest == 0 &&
               number_parse_unsigned(e->text, &cursor)) {
        write_cursor(a, step, cursor);
    } else if (e->depth == 2 && e->type == EVENT_BULK) {
        take_key(a, step, e);
    } else if (e->depth != 1 || e->index != 1 || e->type != EVENT_ARRAY) {
        answer_fail_unknown(a);
    }
}

// --- start ------------------------------------------------------------------------------------

static void send_step(struct request *r, const struct options *o, const struct step *step,
                      struct backend_conn *conn, bool is_cluster) {
    struct place_pattern sought;
    char text[NUMBER_TEXT_SIZE];
    char *end = number_write(text, o->cursor / step->stops);
    (void)place_pattern(&step->place, o->pattern, &sought);
    bytes_append(&r->key, step, sizeof(*step));
    r->render = render;
    request_begin_sending(r, conn);
    scan_write_typed(&r->slot.command, (struct slice){text, (size_t)(end - text)}, sought.prefix,
                     sought.pattern, o->count, o->type);
    if (is_cluster)
        backend_conn_enqueue(conn, &r->slot);
    else
        backend_conn_push(conn, &r->slot);
}

static void ask(struct request *r, const struct options *o, const struct step *step,
                uint64_t servers) {
    struct backend *b = step->place.namespace->backend;
    bool is_cluster = b->hash_slot_of;
    enum backend_room room = BACKEND_DOWN;
    struct node *node = is_cluster ? scan_place_at(b, step->stop % servers) : NULL;
    struct backend_conn *conn = NULL;
    r->namespace = step->place.namespace;
    if (node)
        room = node_room(node, b->most_output);
    else if (!is_cluster)
        conn = backend_pick(b, 0, &room);
    if (r->context->is_draining)
        request_fail(r, REPLY_UNAVAILABLE, "the daemon is ending");
    else if (room != BACKEND_ROOM)
        request_unanswered(r, room == BACKEND_FULL ? REPLY_OVERLOADED : REPLY_UNAVAILABLE,
                           request_refused(room));
    else
        send_step(r, o, step, node ? node->conn : conn, is_cluster);
}

static void run_scan(struct request *r, const struct call *call) {
    struct options o;
    const char *problem = read_options(&o, call);
    if (problem) {
        request_fail(r, REPLY_ARGS, problem);
        return;
    }
    uint64_t servers = count_servers(r->session);
    struct step step = {.stops = places_count(r->session) * servers};
    if (step.stops > 0)
        step.stop = find_stop(r->session, o.pattern, o.cursor % step.stops, servers, step.stops);
    if (step.stop == step.stops) {
        verb_append_miss(request_out(r), r->entry, 0);
        request_finish(r);
        return;
    }
    if (step.stop != o.cursor % step.stops)
        o.cursor = 0; // another server's
    step.next_stop = find_stop(r->session, o.pattern, step.stop + 1, servers, step.stops);
    (void)place_at(r->session, step.stop / servers, &step.place);
    ask(r, &o, &step, servers);
}

const struct redis_row own_scan[] = {
    {
        .name = "SCAN",
        .verb = "scan",
        .syntax = "cursor [text ...]",
        .summary = "a step of an iteration over the keys; MATCH, COUNT and TYPE are known",
        .miss = MISS_SCAN,
        .run = run_scan,
    },
    {0},
};
