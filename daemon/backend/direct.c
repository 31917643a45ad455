#include "daemon/backend/direct.h"

#include "conf/url.h"
#include "daemon/backend/backend.h"
#include "daemon/backend/embedded.h"
#include "daemon/backend/lone.h"
#include "daemon/backend/node.h"
#include "daemon/loop/endpoint.h"
#include "daemon/loop/loop.h"
#include "protocol/mem.h"

enum { STARTING_MS = 2000 };

struct direct {
    struct lone lone;
    struct embedded *embedded; // NULL: the daemon, or this worker, does not run the server
};

static struct direct *direct_of(const struct backend *b) { return b->parts; }

static void on_up(void *owner, struct node *node) { lone_note_up(owner, node); }

static void on_lost(void *owner, struct node *node, bool was_up) {
    (void)was_up;
    lone_note_lost(owner, node);
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
    d->lone.node = node_new(&b->family, &server, NULL, starting_ms);
}

static void stop(struct backend *b) { node_stop(direct_of(b)->lone.node); }

static void free_parts(struct backend *b) {
    struct direct *d = direct_of(b);
    node_free(d->lone.node);
    if (d->embedded)
        embedded_free(d->embedded);
    mem_free(d);
}

const struct route route_direct = {.events = &events,
                                   .start = start,
                                   .stop = stop,
                                   .free = free_parts,
                                   .pick = lone_pick,
                                   .source = lone_source,
                                   .node_at = lone_node_at,
                                   .node_of = lone_node_of,
                                   .node_most = lone_node_most,
                                   .tracked = lone_tracked,
                                   .judge = lone_judge,
                                   .wake = lone_wake};
