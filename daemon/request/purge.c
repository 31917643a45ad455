#include "daemon/request/purge.h"

#include <inttypes.h>

#include "daemon/backend/backend.h"
#include "daemon/backend/conn.h"
#include "daemon/backend/node.h"
#include "daemon/backend/room.h"
#include "daemon/backend/slot.h"
#include "daemon/loop/log.h"
#include "daemon/loop/log_event.h"
#include "daemon/loop/loop.h"
#include "daemon/near/store.h"
#include "daemon/policy/policy.h"
#include "daemon/request/context.h"
#include "daemon/request/key_scan.h"
#include "daemon/request/ledger.h"
#include "daemon/request/purge_batch.h"
#include "daemon/request/request.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/mem.h"
#include "protocol/reply.h"

enum {
    STEP_KEYS = 200,   // how many keys are removed at a time, by a command each
    RETRY_MS = 200,    // after a failed step
    MOST_RETRIES = 50, // in a row, without a key removed
    MOST_PASSES = 5,   // over the servers of a cluster
    PROGRESS_MS = 5000,
};

// The servers are scanned one after the other, by their numbers.
struct pass {
    unsigned count;          // of passes so far, with this one
    unsigned number;         // of the server that is being scanned
    bool has_scanned;        // a server, or a part of its keys
    uint64_t removed;        // by the passes before
    uint64_t turns;          // of hash slots, when the pass began
    const struct node *node; // the server; NULL: its scan has not begun
    uint64_t connects;       // of the node, when its scan began
};

struct purge {
    struct purge_batch *batch; // at the backend; NULL: none
    struct purge *next;        // of the context
    struct context *context;
    struct policy *policy; // a reference
    struct namespace *namespace;
    struct request *request; // that asked for the purge: it stays, even if its client leaves
    struct purge_task task;  // done NULL: the verb `purge`
    uv_timer_t timer;
    struct pass pass;
    struct key_scan scan;
    struct bytes keys; // found by the last SCAN, as words of a command
    size_t key_at;     // where the keys begin that are not removed yet
    size_t key_count;  // how many these are
    bool has_unlinked; // some keys may be gone already
    bool is_unsure;    // likewise, of commands that got no answer
    bool is_odd;       // Redis gives no such answer
    unsigned retries;
    uint64_t removed;     // by this purge
    uint64_t progress_ms; // when the log was last told of the progress
};

static void step(struct purge *p);

static void on_timer(uv_timer_t *timer) { step(timer->data); }

static bool removes(const struct purge *p) { return !p->task.found; }

static void tell(const struct purge *p, enum log_event event, const char *reason) {
    if (!removes(p))
        return;
    log_tell(&p->context->loop.log, event, log_text(FIELD_NAMESPACE, p->namespace->conf->name),
             log_number(FIELD_KEYS, p->removed), log_text(FIELD_REASON, reason));
}

// --- end --------------------------------------------------------------------------------------

static void on_closed(uv_handle_t *handle) {
    struct purge *p = handle->data;
    policy_unref(p->policy);
    bytes_deinit(&p->keys);
    mem_free(p);
}

static void let_go(struct purge *p) {
    struct purge **at = &p->context->purges;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    if (removes(p))
        ledger_purge_ends(p->namespace);
    if (p->batch)
        purge_batch_give_up(p->batch);
    if (!p->task.done)
        request_release(p->request);
    uv_close((uv_handle_t *)&p->timer, on_closed);
}

// Another part of the daemon goes on with the request.
static void hand_back(struct purge *p, enum reply_code code, const char *why) {
    struct purge_task task = p->task;
    uint64_t removed = p->removed;
    let_go(p);
    task.done(task.owner, removed, code, why);
}

static void finish(struct purge *p) {
    if (removes(p))
        near_store_forget_all(p->context->loop.near); // Redis's messages may still be on their way
    tell(p, LOG_PURGE_DONE, NULL);
    if (p->task.done) {
        hand_back(p, REPLY_INTERNAL, NULL);
        return;
    }
    if (p->request->session) {
        reply_integer(request_out(p->request), (int64_t)p->removed);
        request_finish(p->request);
    }
    let_go(p);
}

// The error tells the client whether some keys may have been removed.
static void give_up(struct purge *p, enum reply_code code, const char *why) {
    struct bytes message = {0};
    if (removes(p))
        near_store_forget_all(p->context->loop.near);
    if (code == REPLY_UNAVAILABLE && p->has_unlinked)
        code = REPLY_LOST;
    if (p->task.done) {
        tell(p, LOG_PURGE_STOPPED, why);
        hand_back(p, code, why);
        return;
    }
    bytes_printf(&message, "the purge stopped: %s: %" PRIu64 " keys were removed", why, p->removed);
    tell(p, LOG_PURGE_STOPPED, why);
    bytes_append(&message, "", 1);
    if (p->request->session)
        request_fail(p->request, code, message.data);
    bytes_deinit(&message);
    let_go(p);
}

void purge_cancel_all(struct context *context) {
    while (context->purges)
        give_up(context->purges, REPLY_UNAVAILABLE, "the daemon is ending");
}

// --- going on ---------------------------------------------------------------------------------

static struct slice prefix_of(const struct purge *p) {
    return (struct slice){p->namespace->conf->prefix, p->namespace->conf->prefix_len};
}

// Returns how the keys begin that Redis is asked for; those with the namespace's prefix are taken.
static struct slice sought_by(const struct purge *p) {
    return removes(p) ? prefix_of(p) : p->task.prefix;
}

static struct slice pattern_of(const struct purge *p) {
    return removes(p) ? SLICE("*") : p->task.pattern;
}

static void report_progress(struct purge *p) {
    uint64_t now = loop_now(&p->context->loop);
    if (now - p->progress_ms < PROGRESS_MS)
        return;
    p->progress_ms = now;
    tell(p, LOG_PURGE_PROGRESS, NULL);
}

static void forget_keys(struct purge *p) { p->keys.len = p->key_at = p->key_count = 0; }

// The scan of the server begins again from the first cursor: the server may have been restarted,
// and then the present cursor means nothing.
static void retry(struct purge *p, const char *why) {
    forget_keys(p);
    p->pass.node = NULL;
    if (++p->retries > MOST_RETRIES)
        give_up(p, REPLY_UNAVAILABLE, why);
    else
        uv_timer_start(&p->timer, on_timer, RETRY_MS, 0);
}

// Returns whether nothing can be sent now: the purge waits then, or has ended.
static bool lacks_room(struct purge *p, enum backend_room room) {
    if (room == BACKEND_ROOM)
        return false;
    if (backend_room_may_come(room))
        uv_timer_start(&p->timer, on_timer, RETRY_MS, 0); // other requests go first, however long
    else
        retry(p, "its backend is down");
    return true;
}

static void begin_pass(struct purge *p) {
    p->pass = (struct pass){.count = p->pass.count + 1,
                            .removed = p->removed,
                            .turns = backend_turns(p->namespace->backend)};
}

// Returns whether the keys of some hash slots cannot be looked at.
static bool lacks_server(const struct backend *b) {
    struct backend_state state = {BACKEND_WELL, NULL, 0};
    b->route->judge(b, &state);
    return state.health >= BACKEND_PARTLY;
}

// A key whose hash slot moves during a pass may be missed by the scans of both its servers. So
// passes are made until one has found no key, while no hash slot has moved.
static void end_pass(struct purge *p) {
    const struct backend *b = p->namespace->backend;
    if (b->hash_slot_of && lacks_server(b)) {
        retry(p, "some keys have no server");
        return;
    }
    bool was_last = p->removed == p->pass.removed && backend_turns(b) == p->pass.turns;
    if (!b->hash_slot_of || !removes(p) || was_last || p->pass.count == MOST_PASSES) {
        finish(p);
        return;
    }
    begin_pass(p);
    step(p);
}

// The answers to a step have come.
static void go_on(struct purge *p) {
    report_progress(p);
    if (p->is_odd) {
        give_up(p, REPLY_INTERNAL, "its backend answered as no Redis does");
        return;
    }
    if (p->key_count == 0 && key_scan_is_over(&p->scan)) {
        p->pass.number++;
        p->pass.node = NULL;
    }
    uv_timer_start(&p->timer, on_timer, 0, 0); // other requests have their turn first
}

static void on_batch_end(struct purge *p, const struct purge_batch *batch) {
    p->batch = NULL;
    if (batch->is_denied)
        give_up(p, REPLY_UNAVAILABLE, batch->why);
    else if (batch->has_failed)
        retry(p, *batch->why ? batch->why : "its backend does not answer");
    else
        go_on(p);
}

// --- SCAN -------------------------------------------------------------------------------------

static struct purge *purge_of(const struct answer *a) {
    const struct purge_part *part = a->context;
    return part->batch->owner;
}

static void render_scan(struct answer *a, const struct event *e) {
    struct purge *p = purge_of(a);
    key_scan_event(&p->scan, a, e, prefix_of(p));
}

static void on_scanned(void *owner, struct purge_batch *batch) {
    struct purge *p = owner;
    if (!batch->has_failed) {
        struct bytes spare = p->keys;
        p->keys = batch->parts[0].out;
        batch->parts[0].out = spare;
        p->key_count = p->scan.found;
        p->is_odd = !key_scan_take(&p->scan);
    }
    on_batch_end(p, batch);
}

// Returns the first server whose number is not below this one, which becomes the server's; NULL:
// none is left.
static struct node *find_node(const struct backend *b, unsigned *number) {
    unsigned most = b->route->node_most(b);
    struct node *node = NULL;
    while (*number < most && !(node = b->route->node_at(b, *number)))
        ++*number;
    return node;
}

static bool has_node(const struct backend *b) { return find_node(b, &(unsigned){0}); }

// A scan goes on only where it began: the server at an address may be another one by now.
static void follow(struct purge *p, const struct node *node) {
    struct pass *pass = &p->pass;
    if (node != pass->node || node->connects != pass->connects)
        key_scan_begin(&p->scan);
    pass->node = node;
    pass->connects = node->connects;
    pass->has_scanned = true;
}

static void scan(struct purge *p) {
    const struct backend *b = p->namespace->backend;
    struct node *node = find_node(b, &p->pass.number);
    if (!node && p->pass.has_scanned && has_node(b)) {
        end_pass(p);
        return;
    }
    if (lacks_room(p, node ? node_room(node, b->most_output) : BACKEND_DOWN))
        return;
    follow(p, node);
    forget_keys(p);
    p->batch = purge_batch_new(1, render_scan, on_scanned, p);
    struct slot *slot = &purge_batch_begin(p->batch, node->conn)->slot;
    key_scan_step(&p->scan, &slot->command, sought_by(p), pattern_of(p));
    backend_conn_enqueue(node->conn, slot);
    purge_batch_close(p->batch);
}

// --- UNLINK -----------------------------------------------------------------------------------

// The answer says how many of the keys existed.
static void render_unlink(struct answer *a, const struct event *e) {
    const struct purge_part *part = a->context;
    struct purge *p = purge_of(a);
    if (e->type == EVENT_END)
        return;
    if (e->type != EVENT_INTEGER || e->integer < 0 || (uint64_t)e->integer > part->keys) {
        p->is_odd = true;
        return;
    }
    p->removed += (uint64_t)e->integer;
    ledger_purged(p->namespace, (uint64_t)e->integer);
    if (e->integer > 0)
        p->retries = 0;
}

static void on_unlinked(void *owner, struct purge_batch *batch) {
    struct purge *p = owner;
    p->is_unsure |= batch->is_unsure;
    p->has_unlinked = p->is_unsure || p->removed > 0;
    on_batch_end(p, batch);
}

static void send_unlink(struct purge *p, struct backend_conn *conn, struct slice words,
                        size_t keys) {
    struct purge_part *part = purge_batch_begin(p->batch, conn);
    part->keys = keys;
    p->has_unlinked = true;
    p->key_at += words.len;
    p->key_count -= keys;
    command_begin(&part->slot.command, SLICE("UNLINK"), 1 + keys);
    bytes_append_slice(part->slot.command.out, words);
    backend_conn_push(conn, &part->slot);
}

// Removes all keys by one command: they are at one server.
static enum backend_room unlink_together(struct purge *p) {
    enum backend_room room;
    struct backend_conn *conn = backend_pick(p->namespace->backend, 0, &room);
    struct slice words = {p->keys.data, p->keys.len};
    if (room == BACKEND_ROOM)
        send_unlink(p, conn, words, p->key_count);
    return room;
}

// Returns the first key that is not removed yet; *word is the same as a word of a command.
static struct slice next_key(const struct purge *p, struct slice *word) {
    char *end;
    const char *start = p->keys.data + p->key_at;
    size_t len = strtoul(start + strlen("$"), &end, 10);
    struct slice key = {end + strlen("\r\n"), len};
    *word = (struct slice){start, (size_t)(key.data + len + strlen("\r\n") - start)};
    return key;
}

// Removes each key by a command of its own, which goes to the key's server.
static enum backend_room unlink_each(struct purge *p) {
    struct backend *b = p->namespace->backend;
    enum backend_room room = BACKEND_ROOM;
    while (p->key_count > 0 && p->batch->count < STEP_KEYS) {
        struct slice word;
        struct split_key key = {.rest = next_key(p, &word)};
        struct backend_conn *conn = backend_pick(b, backend_hash_slot(b, key), &room);
        if (room != BACKEND_ROOM)
            break;
        send_unlink(p, conn, word, 1);
    }
    return room;
}

static void unlink_keys(struct purge *p) {
    bool is_cluster = p->namespace->backend->hash_slot_of;
    struct purge_batch *batch = p->batch =
        purge_batch_new(is_cluster ? STEP_KEYS : 1, render_unlink, on_unlinked, p);
    enum backend_room room = is_cluster ? unlink_each(p) : unlink_together(p);
    if (purge_batch_close(batch))
        return;
    p->batch = NULL;
    (void)lacks_room(p, room);
}

// --- showing keys -----------------------------------------------------------------------------

static void show_keys(struct purge *p) {
    bool goes_on = true;
    for (size_t left = p->key_count; left > 0 && goes_on; left--) {
        struct slice word, key = next_key(p, &word);
        p->key_at += word.len;
        goes_on = p->task.found(p->task.owner, key);
    }
    forget_keys(p);
    if (goes_on)
        go_on(p);
    else
        finish(p);
}

// --- start ------------------------------------------------------------------------------------

static void step(struct purge *p) {
    p->is_odd = false;
    if (p->key_count > 0 && !removes(p))
        show_keys(p);
    else if (p->key_count > 0)
        unlink_keys(p);
    else
        scan(p);
}

void purge_build(struct command *c, const struct call *call) {
    key_scan_build(c, call->prefix);
    command_begin(c, SLICE("UNLINK"), 2);
    command_word(c, SLICE("each key found"));
}

static void start(struct request *r, struct namespace *namespace, const struct purge_task *task) {
    struct purge *p = mem_new(sizeof(*p));
    p->context = r->context;
    p->policy = policy_ref(r->policy);
    p->namespace = namespace;
    p->request = r;
    p->task = *task;
    p->next = p->context->purges;
    p->context->purges = p;
    if (removes(p))
        ledger_purge_begins(p->namespace);
    p->progress_ms = loop_now(&p->context->loop);
    uv_timer_init(&p->context->loop.uv, &p->timer);
    p->timer.data = p;
    tell(p, LOG_PURGE_BEGAN, NULL);
    begin_pass(p);
    step(p);
}

void purge_walk(struct request *r, struct namespace *namespace, const struct purge_task *task) {
    start(r, namespace, task);
}

void purge_start(struct request *r) {
    if (r->namespace->stats->purging >= PURGES_MOST) {
        request_fail(r, REPLY_OVERLOADED, "purges of this namespace are under way already");
        return;
    }
    r->is_pending = true;
    start(r, r->namespace, &(struct purge_task){0});
}
