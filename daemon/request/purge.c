#include "daemon/request/purge.h"

#include <inttypes.h>

#include "daemon/backend/backend.h"
#include "daemon/backend/conn.h"
#include "daemon/backend/room.h"
#include "daemon/backend/slot.h"
#include "daemon/loop/log.h"
#include "daemon/loop/loop.h"
#include "daemon/near/store.h"
#include "daemon/policy/policy.h"
#include "daemon/request/context.h"
#include "daemon/request/ledger.h"
#include "daemon/request/request.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/mem.h"
#include "protocol/number.h"
#include "protocol/reply.h"

enum {
    STEP_KEYS = 200,      // how many keys one SCAN looks at
    RETRY_MS = 200,       // after a failed step
    MOST_RETRIES = 50,    // in a row, without a key removed
    MOST_STEPS = 1 << 26, // of one purge: Redis needs as many for 10^10 keys
    MOST_FOUND = 8 << 20, // bytes of keys held at a time; the other keys are found again
    PROGRESS_MS = 5000,
    MOST_PURGES = 4, // of a namespace at a time: each has its share of the backend
};

// One command at the backend. The step outlives a purge that has given it up.
struct purge_step {
    struct slot slot;
    struct purge *purge; // NULL: given up
    struct bytes reply;  // which stays empty
};

struct purge {
    struct purge_step *step; // at the backend; NULL: none
    struct purge *next;      // of the context
    struct context *context;
    struct policy *policy; // a reference
    struct namespace *namespace;
    struct request *request; // that asked for the purge: it stays, even if its client leaves
    uv_timer_t timer;
    char cursor[NUMBER_TEXT_SIZE];
    char next_cursor[NUMBER_TEXT_SIZE]; // taken over when the whole answer is there; "" before
    char mark[NUMBER_TEXT_SIZE];        // an earlier cursor: should it come again, SCAN goes round
    uint64_t steps, next_mark;          // steps in all; the mark is set anew at step next_mark
    struct bytes keys;                  // found by the last SCAN, as words of a command
    size_t key_count;
    bool is_unlinking;
    bool has_unlinked; // some keys may be gone already
    bool is_partial;   // more keys came than are held at a time
    bool is_odd;       // Redis gives no such answer
    bool has_list;     // SCAN's array of keys has begun
    unsigned retries;
    uint64_t removed, scanned; // by this purge
    uint64_t progress_ms;      // when the log was last told of the progress
};

static void step(struct purge *p);

static void on_timer(uv_timer_t *timer) { step(timer->data); }

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
    ledger_purge_ends(p->namespace);
    if (p->step)
        p->step->purge = NULL;
    request_release(p->request);
    uv_close((uv_handle_t *)&p->timer, on_closed);
}

static void finish(struct purge *p) {
    near_store_forget_all(p->context->loop.near); // Redis's messages may still be on their way
    log_info(&p->context->loop.log, "purge %s: done, %" PRIu64 " keys removed",
             p->namespace->conf->name, p->removed);
    if (p->request->session) {
        reply_integer(request_out(p->request), (int64_t)p->removed);
        request_finish(p->request);
    }
    let_go(p);
}

// The error tells the client whether some keys may have been removed.
static void give_up(struct purge *p, enum reply_code code, const char *why) {
    struct bytes message = {0};
    near_store_forget_all(p->context->loop.near);
    if (code == REPLY_UNAVAILABLE && p->has_unlinked)
        code = REPLY_LOST;
    bytes_printf(&message, "the purge stopped: %s: %" PRIu64 " keys were removed", why, p->removed);
    log_error(&p->context->loop.log, "purge %s: %.*s", p->namespace->conf->name, (int)message.len,
              message.data);
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

// --- steps ------------------------------------------------------------------------------------

// Appends the prefix with its glob characters escaped, then "*".
static void append_pattern(struct bytes *pattern, struct slice prefix) {
    for (size_t i = 0; i < prefix.len; i++) {
        if (strchr("*?[]\\", prefix.data[i]))
            bytes_append_literal(pattern, "\\");
        bytes_append(pattern, &prefix.data[i], 1);
    }
    bytes_append_literal(pattern, "*");
}

static struct slice prefix_of(const struct purge *p) {
    return (struct slice){p->namespace->conf->prefix, p->namespace->conf->prefix_len};
}

static void write_scan(struct command *c, struct slice cursor, struct slice prefix) {
    struct bytes pattern = {0};
    append_pattern(&pattern, prefix);
    command_begin(c, SLICE("SCAN"), 6);
    command_word(c, cursor);
    command_word(c, SLICE("MATCH"));
    command_word(c, bytes_slice(&pattern));
    command_word(c, SLICE("COUNT"));
    command_integer(c, STEP_KEYS);
    bytes_deinit(&pattern);
}

void purge_build(struct command *c, const struct call *call) {
    write_scan(c, SLICE("0"), call->prefix);
    command_begin(c, SLICE("UNLINK"), 2);
    command_word(c, SLICE("each key found"));
}

static void write_unlink(struct command *c, const struct purge *p) {
    command_begin(c, SLICE("UNLINK"), 1 + p->key_count);
    bytes_append_slice(c->out, bytes_slice(&p->keys));
}

static bool is_number(struct slice text) {
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    return text.len > 0;
}

static void take_cursor(struct purge *p, const struct event *e) {
    if (e->rest > 0 || e->text.len >= sizeof(p->next_cursor) || !is_number(e->text)) {
        p->is_odd = true;
        return;
    }
    memcpy(p->next_cursor, e->text.data, e->text.len);
    p->next_cursor[e->text.len] = '\0';
}

static void take_key(struct purge *p, struct answer *a, const struct event *e) {
    if (!slice_begins(e->text, prefix_of(p)))
        return;
    if (p->keys.len >= MOST_FOUND) {
        p->is_partial = true;
        return;
    }
    answer_bulk(a, &p->keys, e->text, e->rest, SLICE("\r\n"));
    p->key_count++;
}

// The answer to SCAN is *2 cursor *N key …
static void render_scan(struct purge *p, struct answer *a, const struct event *e) {
    bool is_array = e->type == EVENT_ARRAY, is_bulk = e->type == EVENT_BULK;
    if (e->depth == 0 && is_array && e->count == 2)
        return;
    if (e->depth == 1 && e->index == 0 && is_bulk)
        take_cursor(p, e);
    else if (e->depth == 1 && e->index == 1 && is_array)
        p->has_list = true;
    else if (e->depth == 2 && p->has_list && is_bulk)
        take_key(p, a, e);
    else
        p->is_odd = true;
}

// The answer to UNLINK says how many of the keys existed.
static void render_unlink(struct purge *p, const struct event *e) {
    if (e->type != EVENT_INTEGER || e->integer < 0 || (uint64_t)e->integer > p->key_count) {
        p->is_odd = true;
        return;
    }
    p->removed += (uint64_t)e->integer;
    ledger_purged(p->namespace, (uint64_t)e->integer);
    if (e->integer > 0)
        p->retries = 0;
}

static void render(struct answer *a, const struct event *e) {
    struct purge *p = a->context;
    if (e->type == EVENT_END)
        return;
    if (p->is_unlinking)
        render_unlink(p, e);
    else
        render_scan(p, a, e);
}

static void report_progress(struct purge *p) {
    uint64_t now = loop_now(&p->context->loop);
    if (now - p->progress_ms < PROGRESS_MS)
        return;
    p->progress_ms = now;
    log_info(&p->context->loop.log, "purge %s: %" PRIu64 " keys removed so far",
             p->namespace->conf->name, p->removed);
}

// The purge begins again from the first cursor: the server may have been restarted, and then the
// present cursor means nothing.
static void retry(struct purge *p, const char *why) {
    p->keys.len = p->key_count = 0;
    p->is_unlinking = false;
    memcpy(p->cursor, "0", sizeof("0"));
    *p->mark = '\0';
    p->next_mark = p->steps + 1;
    if (++p->retries > MOST_RETRIES)
        give_up(p, REPLY_UNAVAILABLE, why);
    else
        uv_timer_start(&p->timer, on_timer, RETRY_MS, 0);
}

// Returns whether the cursors go round in a circle, or there are too many steps. Brent's way to
// find a circle: the mark is moved on after 1, 2, 4 … steps, and no cursor may be equal to it.
// Redis's own cursors never come twice.
static bool goes_round(struct purge *p) {
    if (strcmp(p->cursor, p->mark) == 0 || p->steps > MOST_STEPS)
        return true;
    if (p->steps >= p->next_mark) {
        memcpy(p->mark, p->cursor, sizeof(p->mark));
        p->next_mark = 2 * p->steps;
    }
    return false;
}

static void take_scan(struct purge *p) {
    p->is_odd = p->is_odd || !*p->next_cursor || !p->has_list;
    p->is_unlinking = p->key_count > 0;
    if (p->is_odd || p->is_partial)
        return;
    memcpy(p->cursor, p->next_cursor, sizeof(p->cursor));
    p->is_odd = strcmp(p->cursor, "0") != 0 && goes_round(p);
}

static void take_unlink(struct purge *p) {
    p->has_unlinked = true;
    p->is_unlinking = false;
    p->keys.len = p->key_count = 0;
}

static bool is_over(const struct purge *p) {
    return !p->is_unlinking && !p->is_partial && strcmp(p->cursor, "0") == 0;
}

static struct purge_step *step_of(struct slot *slot) {
    return CONTAINER_OF(slot, struct purge_step, slot);
}

static void begin_answer(struct slot *slot, struct answer *a) {
    struct purge_step *step = step_of(slot);
    answer_begin(a, &slot->command, render, &step->reply);
    a->context = step->purge;
    a->is_failed = !step->purge;
}

// Ends the step. Returns the purge that it belongs to; NULL when the purge has given it up.
static struct purge *end_step(struct purge_step *step) {
    struct purge *p = step->purge;
    if (p)
        p->step = NULL;
    bytes_deinit(&step->reply);
    mem_free(step);
    return p;
}

static void fail_step(struct purge *p) {
    p->has_unlinked = p->has_unlinked || p->is_unlinking; // the keys may be gone
    retry(p, "its backend does not answer as it should");
}

static void take_answer(struct purge *p) {
    p->steps++;
    if (p->is_unlinking)
        take_unlink(p);
    else
        take_scan(p);
    report_progress(p);
    if (p->is_odd)
        give_up(p, REPLY_INTERNAL, "its backend answered as no Redis does");
    else if (is_over(p))
        finish(p);
    else
        uv_timer_start(&p->timer, on_timer, 0, 0); // other requests have their turn first
}

static void on_answered(struct slot *slot, const struct answer *answer) {
    struct purge *p = end_step(step_of(slot));
    if (p && answer->is_failed)
        fail_step(p);
    else if (p)
        take_answer(p);
}

// A step whose time is over is given up, and ends when its answer comes after all.
static void on_failed(struct slot *slot, enum slot_failure failure) {
    struct purge_step *step = step_of(slot);
    struct purge *p = step->purge;
    if (failure != SLOT_TIMEOUT) {
        end_step(step);
    } else if (p) {
        step->purge = NULL;
        p->step = NULL;
    }
    if (p)
        fail_step(p);
}

static const struct slot_owner slot_owner = {
    .begin = begin_answer, .answered = on_answered, .failed = on_failed};

// To be called before each command. is_partial stays until the held keys are gone.
static void forget_answer(struct purge *p) {
    *p->next_cursor = '\0';
    p->is_odd = p->has_list = false;
    if (!p->is_unlinking)
        p->is_partial = false;
}

static struct purge_step *begin_step(struct purge *p) {
    struct purge_step *step = p->step = mem_new(sizeof(*step));
    step->slot.owner = &slot_owner;
    step->purge = p;
    forget_answer(p);
    return step;
}

static void step(struct purge *p) {
    struct split_key key = {.prefix = prefix_of(p)};
    enum backend_room room;
    struct backend_conn *conn =
        backend_pick(p->namespace->backend, backend_hash_slot(p->namespace->backend, key), &room);
    if (backend_room_may_come(room)) {
        uv_timer_start(&p->timer, on_timer, RETRY_MS, 0); // other requests go first, however long
        return;
    }
    if (room == BACKEND_DOWN) {
        retry(p, "its backend is down");
        return;
    }
    struct slot *slot = &begin_step(p)->slot;
    backend_conn_begin(conn, slot);
    if (p->is_unlinking)
        write_unlink(&slot->command, p);
    else
        write_scan(&slot->command, slice_of(p->cursor), prefix_of(p));
    backend_conn_push(conn, slot);
}

void purge_start(struct request *r) {
    if (r->namespace->stats->purging >= MOST_PURGES) {
        request_fail(r, REPLY_OVERLOADED, "purges of this namespace are under way already");
        return;
    }
    struct purge *p = mem_new(sizeof(*p));
    p->context = r->context;
    p->policy = policy_ref(r->policy);
    p->namespace = r->namespace;
    p->request = r;
    memcpy(p->cursor, "0", sizeof("0"));
    p->next = p->context->purges;
    p->context->purges = p;
    ledger_purge_begins(p->namespace);
    p->progress_ms = loop_now(&p->context->loop);
    r->is_pending = true;
    uv_timer_init(&p->context->loop.uv, &p->timer);
    p->timer.data = p;
    log_info(&p->context->loop.log, "purge %s: begins", p->namespace->conf->name);
    step(p);
}
