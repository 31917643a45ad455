#include "daemon/backend/direct.h"

#include "conf/url.h"
#include "daemon/backend/backend.h"
#include "daemon/backend/conn.h"
#include "daemon/backend/embedded.h"
#include "daemon/backend/node.h"
#include "daemon/backend/room.h"
#include "daemon/loop/endpoint.h"
#include "daemon/loop/loop.h"
#include "daemon/near/source.h"
#include "protocol/mem.h"

enum { SETTLE_FAILURES = 2, STARTING_MS = 2000 };

struct direct {
    struct node *node;
    struct embedded *embedded; // NULL: the daemon, or this worker, does not run the server
};

static struct direct *direct_of(const struct backend *b) { return b->parts; }

static void set_short_way(struct backend *b) {
    const struct node *n = direct_of(b)->node;
    b->conn = n->is_up && !b->is_stopping ? n->conn : NULL;
    b->source = n->tracker ? &n->tracker->source : NULL;
}

static void on_up(void *owner, struct node *node) {
    struct backend *b = owner;
    b->trouble.is_unfit = false; // as far as is known; the cause is shown for a while longer
    set_short_way(b);
    b->is_restless = node->former != NULL;
    backend_settle(b);
}

static void on_lost(void *owner, struct node *node, bool was_up) {
    struct backend *b = owner;
    (void)was_up;
    b->trouble.cause = NULL;
    set_short_way(b);
    if (node->failures >= SETTLE_FAILURES && b->conf->url.kind != URL_EMBEDDED)
        backend_settle(b);
}

static const char *why_gone(void *owner) {
    const struct direct *d = direct_of(owner);
    return d->embedded ? embedded_trouble(d->embedded) : NULL;
}

static const struct node_events events = {
    .on_up = on_up, .on_lost = on_lost, .on_fault = backend_note_answer, .why_gone = why_gone};

static void start(struct backend *b, const char *path) {
    struct direct *d = b->parts = mem_new(sizeof(*d));
    const struct url *url = &b->conf->url;
    struct endpoint server = {.host = url->host, .port = url->port, .path = url->path};
    uint64_t starting_ms = 0;
    if (url->kind == URL_EMBEDDED) {
        if (!path)
            d->embedded = embedded_new(b->loop, b->conf);
        // A copy: the server may end before the backend does.
        b->path = mem_text(path ? path : embedded_path(d->embedded));
        server.path = b->path;
        starting_ms = STARTING_MS;
    }
    d->node = node_new(&b->family, &server, b->subject, starting_ms);
}

static void stop(struct backend *b) { node_stop(direct_of(b)->node); }

static void free_parts(struct backend *b) {
    struct direct *d = direct_of(b);
    node_free(d->node);
    if (d->embedded)
        embedded_free(d->embedded);
    mem_free(d);
}

static struct backend_conn *pick(struct backend *b, unsigned hash_slot, enum backend_room *room) {
    const struct node *n = direct_of(b)->node;
    (void)hash_slot;
    *room = node_room(n, b->most_output);
    return *room == BACKEND_DOWN ? NULL : n->conn;
}

static const struct near_source *source(struct backend *b, unsigned hash_slot) {
    const struct node *n = direct_of(b)->node;
    (void)hash_slot;
    return n->tracker ? &n->tracker->source : NULL;
}

static struct node *node_at(const struct backend *b, unsigned number) {
    (void)number;
    return direct_of(b)->node;
}

static unsigned node_most(const struct backend *b) {
    (void)b;
    return 1;
}

static void judge(const struct backend *b, struct backend_state *state) {
    const struct node *n = direct_of(b)->node;
    const char *reason = *n->reason ? n->reason : NULL;
    state->since_ms = n->since_ms;
    if (n->is_up)
        return;
    state->health = n->failures == 0 ? BACKEND_CONNECTING : BACKEND_LOST;
    state->reason = reason;
}

static void wake(struct backend *b) {
    struct node *n = direct_of(b)->node;
    node_wake(n);
    b->is_restless = n->former != NULL;
}

const struct route route_direct = {.events = &events,
                                   .start = start,
                                   .stop = stop,
                                   .free = free_parts,
                                   .pick = pick,
                                   .source = source,
                                   .node_at = node_at,
                                   .node_most = node_most,
                                   .tracked = set_short_way,
                                   .judge = judge,
                                   .wake = wake};
