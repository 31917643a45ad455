#include "daemon/backend/lone.h"

#include "conf/url.h"

enum { SETTLE_FAILURES = 2 };

static struct node *the_node(const struct backend *b) {
    const struct lone *lone = b->parts;
    return lone->node;
}

// Sets what backend_pick() and backend_source() use.
void lone_tracked(struct backend *b) {
    const struct node *n = the_node(b);
    b->conn = n && n->is_up && !b->is_stopping ? n->conn : NULL;
    b->source = n && n->tracker ? &n->tracker->source : NULL;
}

void lone_note_up(struct backend *b, struct node *node) {
    b->trouble.is_unfit = false; // as far as is known; the cause is shown for a while longer
    lone_tracked(b);
    b->is_restless = node->former != NULL;
    backend_settle(b);
}

void lone_note_lost(struct backend *b, struct node *node) {
    b->trouble.cause = NULL;
    lone_tracked(b);
    if (node->failures >= SETTLE_FAILURES && b->conf->url.kind != URL_EMBEDDED)
        backend_settle(b);
}

struct backend_conn *lone_pick(struct backend *b, unsigned hash_slot, enum backend_room *room) {
    const struct node *n = the_node(b);
    (void)hash_slot;
    *room = n ? node_room(n, b->most_output) : BACKEND_DOWN;
    return *room == BACKEND_DOWN ? NULL : n->conn;
}

const struct near_source *lone_source(struct backend *b, unsigned hash_slot) {
    const struct node *n = the_node(b);
    (void)hash_slot;
    return n && n->tracker ? &n->tracker->source : NULL;
}

struct node *lone_node_at(const struct backend *b, unsigned number) {
    (void)number;
    return the_node(b);
}

struct node *lone_node_of(const struct backend *b, unsigned hash_slot) {
    (void)hash_slot;
    return the_node(b);
}

unsigned lone_node_most(const struct backend *b) {
    (void)b;
    return 1;
}

void lone_judge(const struct backend *b, struct backend_state *state) {
    const struct node *n = the_node(b);
    const char *reason = *n->reason ? n->reason : NULL;
    state->since_ms = n->since_ms;
    if (n->is_up)
        return;
    state->health = n->failures == 0 ? BACKEND_CONNECTING : BACKEND_LOST;
    state->reason = reason;
}

void lone_wake(struct backend *b) {
    struct node *n = the_node(b);
    if (n)
        node_wake(n);
    b->is_restless = n && n->former;
}
