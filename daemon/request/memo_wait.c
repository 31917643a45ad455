#include "daemon/request/memo_wait.h"

#include <assert.h>
#include <sodium.h>

#include "conf/sections.h"
#include "daemon/backend/backend.h"
#include "daemon/backend/conn.h"
#include "daemon/backend/room.h"
#include "daemon/loop/backoff.h"
#include "daemon/loop/gone.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/random.h"
#include "daemon/near/near.h"
#include "daemon/policy/identity.h"
#include "daemon/policy/policy.h"
#include "daemon/request/lease.h"
#include "daemon/request/ledger.h"
#include "daemon/request/memo_queue.h"
#include "daemon/request/request.h"
#include "daemon/request/session.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/mem.h"
#include "protocol/memo.h"
#include "protocol/redis/row.h"
#include "protocol/reply.h"
#include "protocol/syntax.h"
#include "protocol/verb_table.h"

enum {
    TICK_MS = 5,
    FIRST_PAUSE_MS = 5,
    LONGEST_PAUSE_MS = 100,
    MOST_ASKS_PER_MS = 5, // of all queues together
    TOKEN_BYTES = MEMO_TOKEN_SIZE / 2,
};

static uint64_t now_of(const struct context *context) { return loop_now(&context->loop); }

static struct slice key_of(const struct request *r) { return bytes_slice(&r->key); }

// --- replies ----------------------------------------------------------------------------------

// Ends the wait of a request that was in a queue.
static void finish(struct request *r, struct slice reply, enum memo_state state) {
    if (r->session && reply.len > request_reply_limit(r)) {
        r->session->replies.is_over = true;
        request_fail(r, REPLY_OVERLOADED, ANSWER_TOO_LONG);
    } else if (r->session) {
        struct bytes *out = request_out(r);
        size_t start = out->len;
        bytes_append_slice(out, reply);
        request_shape(r, out, start);
        ledger_memo(r->namespace, state, false);
        ledger_read(r->namespace, state == MEMO_MISS);
        request_note_result(r, state == MEMO_MISS ? "miss" : "hit", reply.len);
        request_finish(r);
    }
    request_release(r);
}

static void finish_in_vain(struct request *r) {
    struct bytes reply = {0};
    verb_append_miss(&reply, r->entry, r->argc);
    finish(r, bytes_slice(&reply), MEMO_MISS);
    bytes_deinit(&reply);
}

// Returns the reply for a request that waited: the answer without the lease, which belongs to the
// request that asked.
static struct bytes reply_without_lease(const struct answer *a) {
    struct bytes reply = {0};
    size_t lease = strlen("$16\r\n") + MEMO_TOKEN_SIZE + strlen("\r\n");
    bytes_append(&reply, a->out->data + a->start, a->out->len - a->start);
    if (a->has_lease) {
        reply.len -= lease;
        reply_nil(&reply);
    }
    return reply;
}

// Gives the answer of the request that asked to all that waited when the question was sent.
static void tell_queue(struct memo_queue *queue, const struct answer *a) {
    struct request *last = queue->asked_to;
    struct bytes reply = reply_without_lease(a);
    for (bool is_last = !last; !is_last;) {
        struct request *r = memo_queue_take_first(queue);
        is_last = r == last;
        if (a->memo_state != MEMO_MISS && r->session)
            ledger_saved(r->namespace);
        finish(r, bytes_slice(&reply), a->memo_state);
    }
    bytes_deinit(&reply);
}

// --- asking -----------------------------------------------------------------------------------

static void make_token(struct request *r) {
    unsigned char bytes[TOKEN_BYTES];
    *r->wait.token = '\0';
    if (!r->wait.may_lease)
        return;
    randombytes_buf(bytes, sizeof(bytes));
    sodium_bin2hex(r->wait.token, sizeof(r->wait.token), bytes, sizeof(bytes));
}

// Sends the script for the request. Returns false, and changes nothing, when no server takes it:
// *room says why.
static bool ask(struct request *r, bool is_early, enum backend_room *room) {
    const struct namespace_conf *conf = r->namespace->conf;
    struct split_key key = {.rest = key_of(r)};
    struct backend_conn *conn = backend_pick(r->namespace->backend, r->hash_slot, room);
    if (!conn)
        return false;
    make_token(r);
    r->wait.is_asking = true;
    if (r->note.duty == NEAR_KEEP)
        r->note.duty = NEAR_SEE; // the script's answer comes without a ttl
    request_send_again(r, conn, render_memo_asked);
    memo_build_ask(&r->slot.command, key.rest, slice_of(r->wait.token), conf->lease_ms,
                   conf->stale_ms, is_early);
    backend_conn_push(conn, &r->slot);
    return true;
}

static uint64_t pause_ms(struct context *context, unsigned asks) {
    uint64_t pause = backoff_ms(asks, FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
    uint64_t fair = context->awaited_keys / MOST_ASKS_PER_MS;
    return backoff_jittered(pause < fair ? fair : pause, &context->loop.random);
}

static void pause_queue(struct context *context, struct memo_queue *queue) {
    queue->asking = NULL;
    queue->asked_to = NULL;
    queue->due_ms = now_of(context) + (queue->is_woken ? 0 : pause_ms(context, queue->asks++));
    queue->visit_ms = loop_earlier(queue->visit_ms, queue->due_ms);
    queue->is_woken = false;
}

static bool may_ask(const struct request *r) { return r->session && r->wait.may_lease; }

// Over TCP, a client that has ended its own side may have gone.
static bool is_surely_there(const struct request *r) {
    const struct session *s = r->session;
    bool is_open = s->identity.has_peer || (!s->is_half_closed && !s->is_ended);
    return is_open && !gone_is(s->replies.stream);
}

// Takes the request that is to ask out of the queue: the first whose client may compute, otherwise
// the first, which can only look. A client that is surely there is preferred, since a lease for a
// client that has gone holds up all others.
static struct request *take_asker(struct memo_queue *queue) {
    struct request *before = NULL, *r = NULL, *last = NULL;
    for (struct request *at = queue->first; at; last = at, at = at->wait.next) {
        bool is_there = may_ask(at) && is_surely_there(at);
        if (!may_ask(at) || (r && !is_there))
            continue;
        r = at;
        before = last;
        if (is_there)
            break;
    }
    if (r && before) {
        before->wait.next = r->wait.next;
        if (queue->last == r)
            queue->last = before;
        r->wait.next = queue->first;
        queue->first = r;
    }
    return memo_queue_take_first(queue);
}

// Sends the question of one request on behalf of the whole queue.
static void ask_for_queue(struct context *context, struct memo_queue *queue) {
    struct split_key key = {.rest = bytes_slice(&queue->key)};
    enum backend_room room;
    (void)backend_pick(queue->backend, backend_hash_slot(queue->backend, key), &room);
    if (backend_room_may_come(room)) {
        queue->due_ms = now_of(context) + LONGEST_PAUSE_MS;
        return;
    }
    while (backend_room_is_refused(room) && queue->first) {
        struct request *r = memo_queue_take_first(queue);
        if (r->session)
            request_unanswered(r, REPLY_UNAVAILABLE, request_refused(room));
        request_release(r);
    }
    if (!queue->first)
        return;
    struct request *r = take_asker(queue);
    r->wait.queue = queue;
    ledger_wait_begins(r->namespace,
                       false); // the request still counts as waiting: no other may take its place
    queue->asking = r;
    queue->asked_to = queue->last;
    ask(r, false, &room);
}

static void visit_queue(struct context *context, struct memo_queue *queue) {
    uint64_t now = now_of(context);
    struct request *kept = NULL, *kept_last = NULL, *last_asked = queue->asked_to;
    queue->visit_ms = UINT64_MAX;
    while (queue->first) { // requests whose client has gone, or whose wait is over, leave
        struct request *r = queue->first;
        bool was_last_asked = r == last_asked;
        memo_queue_take_first(queue);
        if (!r->session || now >= r->wait.wait_until_ms) {
            finish_in_vain(r);
            if (was_last_asked)
                last_asked = kept_last;
            continue;
        }
        r->wait.queue = queue;
        ledger_wait_begins(r->namespace, false);
        queue->visit_ms = loop_earlier(queue->visit_ms, r->wait.wait_until_ms);
        if (kept_last)
            kept_last->wait.next = r;
        else
            kept = r;
        kept_last = r;
    }
    queue->first = kept;
    queue->last = kept_last;
    queue->asked_to = last_asked;
    if (queue->first && !queue->asking && now >= queue->due_ms)
        ask_for_queue(context, queue);
    if (!queue->asking)
        queue->visit_ms = loop_earlier(queue->visit_ms, queue->due_ms);
    memo_queue_free_if_empty(context, queue);
}

static void visit_queues(struct context *context) {
    uint64_t now = now_of(context);
    for (size_t i = 0; i < MEMO_SLOTS; i++)
        for (struct memo_queue *queue = context->memo_waits->slots[i], *next; queue; queue = next) {
            next = queue->next;
            if (now >= queue->visit_ms)
                visit_queue(context, queue);
        }
    if (context->awaited_keys == 0)
        uv_timer_stop(&context->memo_waits->timer);
}

static void on_tick(uv_timer_t *timer) { visit_queues(timer->data); }

// --- ends -------------------------------------------------------------------------------------

// Ends the wait of a request whose question has ended. Returns the queue that it asked for; NULL
// when the request asked for itself alone.
static struct memo_queue *leave_queue(struct request *r) {
    struct memo_queue *queue = r->wait.queue;
    r->wait.queue = NULL;
    if (queue)
        ledger_wait_ends(r->namespace);
    return queue;
}

static void on_failed(struct request *r) {
    struct memo_queue *queue = leave_queue(r);
    if (queue && queue->asking == r)
        pause_queue(r->context, queue);
}

static void on_abandoned(struct request *r) {
    if (!r->wait.is_asking)
        return;
    on_failed(r);
    r->wait.is_asking = false;
    lease_give_back(r);
}

// --- steps ------------------------------------------------------------------------------------

static bool begin(struct request *r, struct backend_conn *conn, const struct call *call) {
    (void)conn;
    assert(r->key.len == 0);
    char *to = bytes_reserve(&r->key, call->prefix.len + call->args[0].len);
    memcpy(to, call->prefix.data, call->prefix.len);
    memcpy(to + call->prefix.len, call->args[0].data, call->args[0].len);
    bytes_grew(&r->key, call->prefix.len + call->args[0].len);
    r->wait.may_lease =
        identity_may_write(&r->session->identity) && !r->namespace->conf->is_readonly;
    if (call->wait_ms > 0)
        r->wait.wait_until_ms = now_of(r->context) + (uint64_t)call->wait_ms;
    return false;
}

static bool may_wait(const struct request *r) {
    return now_of(r->context) < r->wait.wait_until_ms && !r->context->is_draining;
}

// At most as many requests may wait for a namespace's results as may be pending at its backend.
static bool has_room(const struct namespace *namespace) {
    return namespace->stats->memo_waiting < (uint64_t) namespace->backend->conf->max_pending;
}

// A request that has asked before goes before all that came later.
static void wait_in_queue(struct request *r, bool is_new) {
    struct memo_queue *queue = memo_queue_of(r);
    ledger_wait_begins(r->namespace, is_new);
    queue->visit_ms = loop_earlier(queue->visit_ms, r->wait.wait_until_ms);
    memo_queue_put(queue, r, !is_new);
    if (!uv_is_active((uv_handle_t *)&r->context->memo_waits->timer))
        uv_timer_start(&r->context->memo_waits->timer, on_tick, TICK_MS, TICK_MS);
}

static bool told(struct request *r, const struct answer *a) {
    struct memo_queue *queue = leave_queue(r);
    bool is_in_vain = a->memo_state == MEMO_MISS && !a->has_lease;
    r->wait.is_asking = false;
    if (is_in_vain && may_wait(r)) {
        bool is_new = !queue;
        answer_cancel(a);
        if (is_new && !has_room(r->namespace)) {
            request_fail(r, REPLY_OVERLOADED, "too many wait for this namespace's results");
            request_release(r);
            return true;
        }
        wait_in_queue(r, is_new);
        queue = r->wait.queue;
        if (queue->asking == r || (!queue->asking && queue->first == queue->last))
            pause_queue(r->context, queue); // otherwise the queue's next question is already timed
        return true;
    }
    ledger_memo(r->namespace, a->memo_state, a->has_lease);
    if (a->has_lease && gone_is(r->session->replies.stream))
        lease_give_back(r);
    if (!queue)
        return false;
    if (a->memo_state == MEMO_MISS && a->has_lease)
        ledger_lease_expired(r->namespace);
    if (a->memo_state != MEMO_MISS)
        tell_queue(queue, a);
    pause_queue(r->context, queue);
    return false;
}

static __attribute__((noinline)) bool go_on(struct request *r, const struct answer *a) {
    if (a->is_failed) {
        if (a->is_too_long) // it may have taken a lease that its client will not hear of
            on_abandoned(r);
        else
            on_failed(r);
        return false;
    }
    if (r->wait.is_asking)
        return told(r, a);
    enum backend_room room;
    if (ask(r, a->memo_state == MEMO_ASK_EARLY, &room))
        return true;
    request_unanswered(r, REPLY_UNAVAILABLE, request_refused(room));
    request_release(r);
    return true;
}

// Most answers need no further step.
static bool on_answer(struct request *r, const struct answer *a) {
    bool needs_step = a->memo_state == MEMO_ASK || a->memo_state == MEMO_ASK_EARLY;
    if (a->is_failed || r->wait.is_asking || needs_step)
        return go_on(r, a);
    ledger_memo(r->namespace, a->memo_state, false);
    return false;
}

// --- kept replies -----------------------------------------------------------------------------

#define HIT   "*3\r\n$3\r\nHIT\r\n"
#define STALE "*3\r\n$5\r\nSTALE\r\n"

static void count_kept(const struct namespace *namespace, struct slice reply) {
    bool is_hit = slice_begins(reply, SLICE(HIT));
    ledger_memo(namespace, is_hit ? MEMO_HIT : MEMO_NULL, false);
}

static bool append_stale(struct bytes *out, struct slice kept) {
    if (!slice_begins(kept, SLICE(HIT)))
        return false;
    bytes_append_literal(out, STALE);
    bytes_append(out, kept.data + strlen(HIT), kept.len - strlen(HIT));
    return true;
}

// --- all --------------------------------------------------------------------------------------

static void wake_keys(struct context *context, const struct namespace *namespace,
                      const struct signature *s, const struct call *call) {
    size_t number = 0;
    struct bytes key = {0};
    for (size_t i = call->key_at; i < call->argc; i = syntax_next_key(s, call, i + 1)) {
        key.len = 0;
        bytes_append_slice(&key, call_prefix(call, number++));
        bytes_append_slice(&key, call->args[i]);
        struct slice real = bytes_slice(&key);
        struct memo_queue *queue = memo_queue_find(context, namespace->backend, real);
        if (queue && queue->asking)
            queue->is_woken = true;
        else if (queue)
            ask_for_queue(context, queue);
    }
    bytes_deinit(&key);
}

static void on_keys_changed(struct context *context, const struct namespace *namespace,
                            const struct verb_entry *entry, const struct call *call) {
    const struct call_block *block = call->block;
    if (!block)
        wake_keys(context, namespace, &entry->signature, call);
    for (size_t i = 0; block && i < block->count; i++)
        wake_keys(context, namespace, &block->calls[i].redis->entry.signature, &block->calls[i]);
}

static const struct request_steps steps = {
    .begin = begin,
    .answered = on_answer,
    .failed = on_failed,
    .abandoned = on_abandoned,
    .append_stale = append_stale,
    .count_kept = count_kept,
    .keys_changed = on_keys_changed,
};

void memo_wait_init(struct context *context) {
    struct memo_waits *memo_waits = context->memo_waits = mem_new(sizeof(*memo_waits));
    context->steps = &steps;
    uv_timer_init(&context->loop.uv, &memo_waits->timer);
    memo_waits->timer.data = context;
    memo_waits->seed = random_next(&context->loop.random);
}

void memo_wait_end(struct context *context) {
    for (size_t i = 0; i < MEMO_SLOTS; i++) {
        for (struct memo_queue *queue = context->memo_waits->slots[i], *next; queue; queue = next) {
            next = queue->next;
            while (queue->first)
                finish_in_vain(memo_queue_take_first(queue));
            memo_queue_free_if_empty(context, queue);
        }
    }
}

static void on_closed(uv_handle_t *timer) {
    mem_free(CONTAINER_OF(timer, struct memo_waits, timer));
}

void memo_wait_close(struct context *context) {
    uv_close((uv_handle_t *)&context->memo_waits->timer, on_closed);
}
