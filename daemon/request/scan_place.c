#include "daemon/request/scan_place.h"

#include "conf/uri.h"
#include "daemon/backend/conn.h"
#include "daemon/backend/node.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/command.h"
#include "protocol/reply.h"
#include "protocol/scan.h"

// --- servers ----------------------------------------------------------------------------------

static void write_address(struct bytes *text, const struct node *node) {
    text->len = 0;
    uri_append_host(text, node->server.host, node->server.port);
}

// Returns whether `a` comes before `b` in the order of bytes.
static bool is_before(struct slice a, struct slice b) {
    int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);
    return order < 0 || (order == 0 && a.len < b.len);
}

// Returns the server with the first address behind `after`, and leaves that address in *address;
// NULL: there is none.
static struct node *next_node(const struct backend *b, struct slice after, struct bytes *address) {
    struct node *found = NULL;
    struct bytes text = {0};
    for (unsigned i = 0; i < b->route->node_most(b); i++) {
        struct node *node = b->route->node_at(b, i);
        if (!node)
            continue;
        write_address(&text, node);
        if (is_before(after, bytes_slice(&text)) &&
            (!found || is_before(bytes_slice(&text), bytes_slice(address)))) {
            found = node;
            address->len = 0;
            bytes_append_slice(address, bytes_slice(&text));
        }
    }
    bytes_deinit(&text);
    return found;
}

struct node *scan_place_at(const struct backend *b, uint64_t number) {
    struct bytes before = {0}, address = {0};
    struct node *node = next_node(b, SLICE(""), &address);
    while (node && number-- > 0) {
        before.len = 0;
        bytes_append_slice(&before, bytes_slice(&address));
        node = next_node(b, bytes_slice(&before), &address);
    }
    bytes_deinit(&before);
    bytes_deinit(&address);
    return node;
}

// Returns the server at that address; NULL: no master is there now.
static struct node *node_at(const struct backend *b, struct slice address) {
    struct bytes text = {0};
    struct node *found = NULL;
    for (unsigned i = 0; i < b->route->node_most(b) && !found; i++) {
        struct node *node = b->route->node_at(b, i);
        if (!node)
            continue;
        write_address(&text, node);
        if (slice_equal(address, bytes_slice(&text)))
            found = node;
    }
    bytes_deinit(&text);
    return found;
}

// Returns the server that the cursor names, and leaves its address in *address; NULL: none.
static struct node *find_node(const struct backend *b, struct slice cursor, struct bytes *address) {
    struct slice own = scan_cursor(cursor);
    size_t named = cursor.len - own.len; // with the slash
    if (named == 0)
        return slice_equal(own, SLICE("0")) ? next_node(b, SLICE(""), address) : NULL;
    bytes_append(address, cursor.data, named - 1);
    return node_at(b, (struct slice){cursor.data, named - 1});
}

// Keys whose hash slot has no server would be missing without a word.
static bool lacks_server(const struct backend *b) {
    struct backend_state state = {BACKEND_WELL, NULL, 0};
    b->route->judge(b, &state);
    return state.health >= BACKEND_PARTLY;
}

// --- the answer -------------------------------------------------------------------------------

// The request's `key` holds the address of the server, and behind a zero byte that of the next one,
// which is empty at the last server.
static void write_cursor(struct answer *a, struct slice own) {
    const struct request *r = a->context;
    struct slice here = slice_of(r->key.data), next = slice_of(here.data + here.len + 1);
    bool is_over = slice_equal(own, SLICE("0"));
    struct slice server = is_over ? next : here;
    struct bytes text = {0};
    if (server.len > 0)
        bytes_printf(&text, "%s/%.*s", server.data, (int)own.len, own.data);
    else
        bytes_append_literal(&text, "0");
    reply_bulk(a->out, bytes_slice(&text));
    bytes_deinit(&text);
}

static void render(struct answer *a, const struct event *e) {
    if (e->depth == 1 && e->index == 0 && e->type == EVENT_BULK && e->rest == 0)
        write_cursor(a, e->text);
    else
        render_keys(a, e);
}

// --- start ------------------------------------------------------------------------------------

static void send_step(struct request *r, const struct call *call, struct node *node,
                      const struct bytes *address) {
    struct bytes next = {0};
    (void)next_node(r->namespace->backend, bytes_slice(address), &next);
    bytes_append_slice(&r->key, bytes_slice(address));
    bytes_append(&r->key, "", 1);
    bytes_append_slice(&r->key, bytes_slice(&next));
    bytes_append(&r->key, "", 1);
    bytes_deinit(&next);
    r->render = render;
    request_begin_sending(r, node->conn);
    r->entry->build(&r->slot.command, call);
    backend_conn_enqueue(node->conn, &r->slot);
}

void scan_place_start(struct request *r, const struct call *call) {
    const struct backend *b = r->namespace->backend;
    struct bytes address = {0};
    struct node *node = find_node(b, call->args[0], &address);
    enum backend_room room = node ? node_room(node, b->most_output) : BACKEND_DOWN;
    if (lacks_server(b))
        request_unanswered(r, REPLY_UNAVAILABLE, "has no server for some keys now");
    else if (!node)
        request_unanswered(r, REPLY_UNAVAILABLE,
                           "has no master there that this cursor names: begin again with 0");
    else if (room != BACKEND_ROOM)
        request_unanswered(r, room == BACKEND_FULL ? REPLY_OVERLOADED : REPLY_UNAVAILABLE,
                           request_refused(room));
    else
        send_step(r, call, node, &address);
    bytes_deinit(&address);
}
