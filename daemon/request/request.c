#include "daemon/request/request.h"

#include <assert.h>
#include <stdio.h>

#include "conf/sections.h"
#include "daemon/backend/backend.h"
#include "daemon/backend/conn.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/probe.h"
#include "daemon/loop/stream.h"
#include "daemon/loop/turn_clock.h"
#include "daemon/near/source.h"
#include "daemon/near/store.h"
#include "daemon/request/answer_run.h"
#include "daemon/request/context.h"
#include "daemon/request/failure_log.h"
#include "daemon/request/ledger.h"
#include "daemon/request/slow_log.h"
#include "protocol/dialect.h"
#include "protocol/mem.h"
#include "protocol/verb.h"

enum { MOST_FREE = 4096, WRITE_REPLY = 1024 * 1024 };

// --- life -------------------------------------------------------------------------------------

// The memory is cleared in pieces for which the compiler writes stores: memset() would cost more.
static inline void clear(struct request *r) {
    enum { PIECE = 80, SIZE = sizeof(*r) - REQUEST_KEEPS };
    _Static_assert(SIZE > 2 * PIECE && SIZE <= 3 * PIECE, "three pieces are the whole");
    char *at = (char *)r + REQUEST_KEEPS;
    memset(at, 0, PIECE);
    memset(at + PIECE, 0, PIECE);
    memset(at + 2 * PIECE, 0, SIZE - 2 * PIECE);
}

// Returns a request that is neither queued nor pending. Of an earlier use only the buffers' memory
// is left.
static struct request *take_free(struct context *context, struct policy *policy) {
    struct request *r = context->free_requests;
    if (r) {
        context->free_requests = r->next;
        context->free_count--;
        clear(r);
    } else {
        r = mem_new(sizeof(*r));
    }
    r->context = context;
    r->policy = policy_ref(policy);
    return r;
}

struct request *request_new(struct session *session) {
    struct request *r = take_free(session->context, session->context->policy);
    r->session = session;
    r->is_queued = true;
    reply_queue_push(&session->replies, &r->place);
    return r;
}

static void free_request(struct request *r) {
    bytes_deinit(&r->place.reply);
    bytes_deinit(&r->key);
    bytes_deinit(&r->note.asked);
    bytes_deinit(&r->note.written);
    mem_free(r);
}

// Returns the hooks for the request's verb; NULL when the verb has no further steps.
static const struct request_steps *steps_of(const struct request *r) {
    unsigned flags = r->entry->verb->flags;
    if (!(flags & VERB_TWO_STEPS))
        return NULL;
    if (flags & VERB_BLOCK)
        return r->context->block_steps;
    return flags & VERB_SCRIPT ? r->context->script_steps : r->context->steps;
}

static struct near_store *near_of(const struct request *r) { return r->context->loop.near; }

static const struct near_source *source_of(const struct request *r) {
    return backend_source(r->namespace->backend, r->hash_slot);
}

static void empty_note(struct request *r) {
    if (near_note_is_read(&r->note))
        near_note_end(&r->note, near_of(r));
    bytes_empty(&r->note.written);
}

static void free_if_let_go(struct request *r) {
    struct context *context = r->context;
    if (r->is_queued || r->is_pending)
        return;
    policy_unref(r->policy);
    if (r->note.duty != NEAR_NOTHING)
        empty_note(r);
    bytes_empty(&r->place.reply);
    if (r->key.len > 0)
        bytes_empty(&r->key);
    if (context->free_count == MOST_FREE) {
        free_request(r);
        return;
    }
    r->next = context->free_requests;
    context->free_requests = r;
    context->free_count++;
}

// To be called when a write is done, or lost, before its reply leaves later in this turn. A write
// under an earlier policy may not know that answers about its keys are kept now, so all are voided.
static void forget_written(struct request *r) {
    if (r->note.written.len > 0)
        near_written(near_of(r), &r->note);
    if (r->policy != r->context->policy)
        near_store_forget_all(near_of(r));
}

void request_free_all(struct context *context) {
    while (context->free_requests) {
        struct request *r = context->free_requests;
        context->free_requests = r->next;
        free_request(r);
    }
}

void request_release(struct request *r) {
    if (r->note.duty == NEAR_FORGET)
        forget_written(r);
    r->is_pending = false;
    free_if_let_go(r);
}

void request_left(struct reply_slot *place) {
    struct request *r = CONTAINER_OF(place, struct request, place);
    r->is_queued = false;
    r->session = NULL;
    free_if_let_go(r);
}

// --- replies ----------------------------------------------------------------------------------

struct bytes *request_out(struct request *r) {
    return r->session ? reply_queue_out(&r->session->replies, &r->place) : &r->place.reply;
}

static inline size_t reply_limit(const struct request *r) {
    const struct reply_queue *q = &r->session->replies;
    size_t most = (size_t)r->policy->settings->daemon.client_output;
    // Replies that wait for their turn behind this one are no reason to refuse it.
    bool is_first = q->first == &r->place;
    size_t unread = is_first ? stream_unread(q->stream) : reply_queue_unread(q);
    size_t left = unread < most ? most - unread : 0;
    if (!(r->entry->verb->flags & VERB_WRITE))
        return left;
    size_t kept = (size_t)r->namespace->conf->max_value + WRITE_REPLY;
    return left > kept ? left : kept;
}

size_t request_reply_limit(const struct request *r) { return reply_limit(r); }

static inline void finish(struct request *r) {
    assert(!r->is_done);
    r->is_done = true;
    if (near_note_is_read(&r->note))
        near_note_end(&r->note, near_of(r));
    reply_queue_done(&r->session->replies, &r->place, sizeof(*r) + r->key.cap);
}

void request_finish(struct request *r) {
    if (r->trail)
        r->trail->end(r);
    finish(r);
}

void request_note_result(struct request *r, const char *result, size_t len) {
    if (!r->trail)
        return;
    r->trail->result = result;
    r->trail->len = len;
}

static __attribute__((noinline)) void end_trail(struct request *r, const struct answer *answer,
                                                size_t len) {
    bool is_write = r->entry->verb->flags & VERB_WRITE;
    request_note_result(r,
                        answer->is_failed ? reply_code_name(answer->code)
                        : is_write        ? "done"
                        : answer->is_miss ? "miss"
                                          : "hit",
                        len);
    r->trail->end(r);
}

void request_fail_with(struct request *r, const struct refusal *refusal) {
    r->session->dialect->write_refusal(request_out(r), refusal);
    request_note_result(r, reply_code_name(refusal->code), 0);
    ledger_error(r->context, r->namespace, refusal->code);
    request_finish(r);
}

void request_finish_text(struct request *r, struct bytes *text) {
    reply_bulk(request_out(r), bytes_slice(text));
    bytes_deinit(text);
    request_finish(r);
}

void request_fail(struct request *r, enum reply_code code, const char *message) {
    struct refusal *refusal = &r->context->refusal;
    refusal_set(refusal, code, "%s", message);
    request_fail_with(r, refusal);
}

// on_error = stale: the reply that the near cache has kept of a memo is served past its time, as
// long as the backend is down.
static __attribute__((noinline)) bool answer_stale(struct request *r, enum reply_code code) {
    if (r->namespace->conf->on_error != ON_ERROR_STALE || !near_note_is_read(&r->note))
        return false;
    struct slice kept =
        near_find_late(near_of(r), source_of(r), &r->note, loop_now(&r->context->loop));
    struct bytes *out = request_out(r);
    size_t start = out->len;
    if (!steps_of(r)->append_stale(out, kept))
        return false;
    request_shape(r, out, start);
    ledger_error(r->context, r->namespace, code);
    ledger_memo(r->namespace, MEMO_STALE, false);
    ledger_read(r->namespace, false);
    request_finish(r);
    return true;
}

bool request_misses(const struct request *r) {
    return r->namespace->conf->on_error == ON_ERROR_MISS && r->entry->verb->flags & VERB_READ &&
           r->entry->verb->miss != MISS_NONE;
}

void request_fail_for_backend(struct request *r, enum reply_code code, const char *before,
                              const char *behind) {
    char message[160];
    snprintf(message, sizeof(message), "%sbackend %s %s", before, r->namespace->backend->conf->name,
             behind);
    request_fail(r, code, message);
}

void request_unanswered(struct request *r, enum reply_code code, const char *message) {
    if (steps_of(r)) {
        steps_of(r)->failed(r);
        if (answer_stale(r, code))
            return;
    }
    if (!request_misses(r)) {
        request_fail_for_backend(r, code, "", message);
        return;
    }
    struct bytes *out = request_out(r);
    size_t start = out->len;
    verb_append_miss(out, r->entry, r->argc);
    request_shape(r, out, start);
    ledger_error(r->context, r->namespace, code);
    ledger_read(r->namespace, true);
    request_note_result(r, "miss", 0);
    request_finish(r);
}

// --- stays at the backend, and the slow log ---------------------------------------------------

static struct slow_entry *note(struct request *r, size_t reply_len, const enum reply_code *code) {
    uint64_t now_us = turn_clock_us(&r->context->loop.flusher.clock);
    struct stay stay = {.entry = r->entry,
                        .namespace = r->namespace->conf,
                        .kept = bytes_slice(&r->key),
                        .argc = r->argc,
                        .request_bytes = r->size,
                        .reply_bytes = reply_len,
                        .waited_us = r->waited_us,
                        .backend_us = now_us - r->sent_us,
                        .client = r->session ? r->session->id : 0,
                        .code = code};
    return slow_log_note(&r->context->slow, &stay);
}

// The first answer of another run: the slow log looks at it for all of them.
static __attribute__((noinline)) void end_run(struct request *r, size_t reply_len,
                                              const enum reply_code *code) {
    struct context *context = r->context;
    struct turn_clock *clock = &context->loop.flusher.clock;
    answer_run_end(&context->run, clock);
    answer_run_begin(&context->run, r->sent_us, r->entry, r->namespace);
    if (turn_clock_us(clock) - r->sent_us + r->waited_us >= context->slow.slow_us)
        context->run.slow = note(r, reply_len, code);
}

static inline __attribute__((always_inline)) void end_stay(struct request *r, size_t reply_len,
                                                           const enum reply_code *code) {
    PROBE(answer, r->namespace->conf->name, r->entry->verb->name, r->sent_us);
    if (!answer_run_goes_on(&r->context->run, r->sent_us, r->entry, r->namespace))
        end_run(r, reply_len, code);
}

void request_end_stay(struct request *r, size_t reply_len, const enum reply_code *code) {
    end_stay(r, reply_len, code);
}

// Notes a large request or reply, unless the run's entry tells of it.
static __attribute__((noinline)) void note_large(struct request *r, size_t reply_len,
                                                 const enum reply_code *code) {
    const struct slow_log *log = &r->context->slow;
    const struct answer_run *run = &r->context->run;
    bool is_noted = run->count == 1 && run->slow;
    if (!is_noted && (r->size >= log->large || reply_len >= log->large))
        (void)note(r, reply_len, code);
}

// Handles an answer that is complete and rendered, or too long. Returns true when the request was
// sent again or waits: the caller must not touch it.
static inline __attribute__((always_inline)) bool take_answer(struct request *r,
                                                              const struct answer *answer) {
    struct reply_queue *q = &r->session->replies;
    if (steps_of(r) && steps_of(r)->answered(r, answer))
        return true;
    if (answer->is_failed && answer->code == REPLY_UNAVAILABLE && request_misses(r)) {
        answer_cancel(answer);
        request_unanswered(r, answer->code, "");
        return false;
    }
    struct slice reply = {answer->out->data + answer->start, answer->out->len - answer->start};
    ledger_answer(r->context, r->namespace, r->entry->verb, answer, reply.len);
    if (r->size + reply.len >= r->context->slow.large)
        note_large(r, reply.len, answer->is_failed ? &answer->code : NULL);
    q->is_over = q->is_over || answer->is_too_long;
    reply_queue_learn(q, reply.len);
    if (near_note_is_read(&r->note))
        near_answered(near_of(r), source_of(r), r->namespace->conf, &r->note, answer, reply,
                      loop_now(&r->context->loop));
    if (__builtin_expect(r->trail != NULL, 0))
        end_trail(r, answer, reply.len);
    request_shape(r, answer->out, answer->start);
    finish(r);
    return false;
}

void request_note_wait(struct session *session, uint64_t *us) {
    if (session->replies.last)
        CONTAINER_OF(session->replies.last, struct request, place)->waited_us = *us;
    *us = 0;
}

// --- the slot in a connection's queue ---------------------------------------------------------

static struct request *request_of_slot(struct slot *slot) {
    return CONTAINER_OF(slot, struct request, slot);
}

static bool is_wanted(const struct request *r) { return !r->is_done && r->session; }

static void begin_answer(struct slot *slot, struct answer *a) {
    struct request *r = request_of_slot(slot);
    if (!is_wanted(r)) {
        answer_begin(a, &slot->command, r->render, &r->place.reply);
        a->is_failed = true; // nothing is rendered
        return;
    }
    answer_begin(a, &slot->command, r->render, reply_queue_out(&r->session->replies, &r->place));
    a->most = reply_limit(r);
    a->context = r;
    a->dialect = r->session->dialect;
    a->is_scripted = r->entry->verb->flags & VERB_SCRIPT;
    if (r->entry->verb->flags & VERB_BLOCK)
        answer_set_block(a, r->block);
    if (r->entry->verb->flags & VERB_WRITE)
        a->too_long = REPLY_LOST;
}

// The rest of a reply that is too long is skipped while it comes, and holds up all that others ask
// of the backend: so its client is not read until the rest has come, and for as long again.
static void begin_skip(struct request *r) {
    struct session *session = r->session;
    r->slot.is_over = true;
    if (session->skipped)
        return;
    session->skipped = r;
    session->skip_began_ms = loop_now(&r->context->loop);
    r->skipper = session;
}

static void end_skip(struct request *r) {
    struct session *session = r->skipper;
    uint64_t now_ms = loop_now(&r->context->loop);
    r->skipper = NULL;
    session->skipped = NULL;
    session->quiet_until_ms = now_ms + (now_ms - session->skip_began_ms);
}

void request_forget_skip(struct session *session) {
    if (session->skipped)
        session->skipped->skipper = NULL;
    session->skipped = NULL;
    session->quiet_until_ms = 0;
}

// A client's output may leave after this turn, but half a reply must not: its other half may never
// come. A reply that is too long is refused now, because the rest of it may take long to arrive.
static __attribute__((noinline)) void keep_half(struct slot *slot, struct answer *a) {
    struct request *r = request_of_slot(slot);
    if (a->out != &r->place.reply)
        answer_move(a, &r->place.reply);
    if (a->is_too_long && is_wanted(r)) {
        end_stay(r, 0, &a->code);
        begin_skip(r);
        take_answer(r, a);
    }
}

static void on_answered(struct slot *slot, const struct answer *a) {
    struct request *r = request_of_slot(slot);
    if (r->skipper)
        end_skip(r);
    if (!r->is_done)
        end_stay(r, a->out->len - a->start, a->is_failed ? &a->code : NULL);
    if (is_wanted(r)) {
        if (take_answer(r, a))
            return;
    } else if (steps_of(r)) {
        steps_of(r)->abandoned(r);
    }
    request_release(r);
}

#define DOWN     "is down"
#define UNSERVED "has no server for the key now"

const char *request_refused(enum backend_room room) {
    static const char *const messages[] = {[BACKEND_FULL] = "has too many requests",
                                           [BACKEND_STARTING] = "is starting",
                                           [BACKEND_TURNING] = UNSERVED,
                                           [BACKEND_UNSERVED] = UNSERVED,
                                           [BACKEND_DOWN] = DOWN};
    return messages[room];
}

const char *request_failure(enum slot_failure failure, enum reply_code *code) {
    switch (failure) {
    case SLOT_TIMEOUT: *code = REPLY_TIMEOUT; return "did not answer in time";
    case SLOT_LOST: *code = REPLY_LOST; return "broke the connection before it answered";
    case SLOT_UNSENT: *code = REPLY_UNAVAILABLE; return DOWN;
    case SLOT_UNSERVED: break;
    }
    *code = REPLY_UNAVAILABLE;
    return UNSERVED;
}

static void on_failed(struct slot *slot, enum slot_failure failure) {
    struct request *r = request_of_slot(slot);
    enum reply_code code;
    const char *message = request_failure(failure, &code);
    bool has_reader = is_wanted(r);
    if (failure != SLOT_TIMEOUT && r->skipper)
        end_skip(r);
    if (!r->is_done && failure <= SLOT_LOST) // it was at the backend
        end_stay(r, 0, &code);
    if (failure == SLOT_TIMEOUT)
        failure_log_timeout(r->context, r->namespace, r->entry->verb);
    if (has_reader)
        request_unanswered(r, code, message);
    if (failure == SLOT_TIMEOUT)
        return;
    if (!has_reader && steps_of(r))
        steps_of(r)->failed(r);
    request_release(r);
}

static bool is_read(const struct slot *slot) {
    const struct request *r = CONTAINER_OF(slot, struct request, slot);
    return r->entry->verb->flags & VERB_READ;
}

static const struct slot_owner slot_owner = {.begin = begin_answer,
                                             .half = keep_half,
                                             .answered = on_answered,
                                             .failed = on_failed,
                                             .is_read = is_read};

void request_begin_sending(struct request *r, struct backend_conn *conn) {
    r->slot.owner = &slot_owner;
    r->is_pending = true;
    r->sent_us = turn_clock_us(&r->context->loop.flusher.clock);
    backend_conn_begin(conn, &r->slot);
}

bool request_begin_steps(struct request *r, struct backend_conn *conn, const struct call *call) {
    return steps_of(r)->begin(r, conn, call);
}

void request_send_again(struct request *r, struct backend_conn *conn, answer_render *render) {
    r->slot = (struct slot){0};
    r->render = render;
    request_begin_sending(r, conn);
}
