#include "protocol/answer.h"

#include <stdio.h>

#include "protocol/dialect.h"
#include "protocol/redis/resp3.h"
#include "protocol/refusal.h"

// Sets field by field, because clearing the whole struct first would cost more than all the rest.
void answer_begin(struct answer *a, const struct command *c, answer_render *render,
                  struct bytes *out) {
    a->out = out;
    a->start = out->len;
    a->most = SIZE_MAX;
    a->too_long = REPLY_OVERLOADED;
    a->stream = NULL;
    a->stream_left = 0;
    a->render = render;
    a->context = NULL;
    a->dialect = NULL;
    a->replies = a->left = c->replies + c->frame.asks; // as many as there are ASKINGs
    a->frame = c->frame;
    a->ttl_ms = ANSWER_NO_TTL;
    a->is_too_long = a->is_unwrapped = a->is_failed = a->is_miss = false;
    a->is_redirected = a->is_scripted = a->is_doubtful = false;
    a->takes_errors = false;
    a->element = 0;
    a->block = NULL;
    a->stale_ms = c->stale_ms;
    a->early_factor = c->early_factor;
    a->memo_state = MEMO_NONE;
    a->has_lease = false;
    a->total = 0;
    a->wraps = 0;
    a->limit = c->limit;
    a->last = 0;
    a->gathered = (struct bytes){0};
    a->fault = FAULT_NONE;
    a->turn = TURN_NONE;
}

static void begin_failure(struct answer *a, enum reply_code code) {
    a->out->len = a->start;
    a->is_failed = true;
    a->code = code;
}

void answer_fail(struct answer *a, enum reply_code code, const char *message) {
    if (a->is_failed)
        return;
    begin_failure(a, code);
    if (!a->dialect) {
        reply_error(a->out, code, "%s", message);
        return;
    }
    struct refusal refusal = {0};
    refusal_set(&refusal, code, "%s", message);
    a->dialect->write_refusal(a->out, &refusal);
    refusal_deinit(&refusal);
}

// Tells the operator of a fault of the server, in Redis's own words.
static void note_fault(struct answer *a, enum fault fault, const char *cause, struct slice words) {
    a->fault = fault;
    a->fault_cause = cause;
    size_t len = words.len < sizeof(a->fault_words) - 1 ? words.len : sizeof(a->fault_words) - 1;
    memcpy(a->fault_words, words.data, len);
    a->fault_words[len] = '\0';
}

// Fails the answer with a fault of the server. The client does not get Redis's own words.
static void fail_for(struct answer *a, enum fault fault, enum reply_code code, const char *cause,
                     struct slice words) {
    char message[160];
    if (a->is_failed)
        return;
    note_fault(a, fault, cause, words);
    struct slice command = {"", 0};
    bool is_named = code == REPLY_UNAVAILABLE && redis_error_is_denial(words, &command);
    snprintf(message, sizeof(message), "%sbackend %s%s%s%s%.*s", a->backend ? "" : "the ",
             a->backend ? a->backend : "", a->backend ? " " : "", cause, is_named ? ": " : "",
             (int)(is_named && command.len < 30 ? command.len : 0), command.data);
    answer_fail(a, code, message);
}

void answer_fail_unknown(struct answer *a) {
    fail_for(a, FAULT_TOLD, REPLY_INTERNAL, REDIS_UNKNOWN_ANSWER,
             SLICE("an answer that the command does not have"));
}

// Fails the answer with Redis's own words, where the dialect shows them and the client has caused
// them. Of a full memory the operator hears all the same.
static bool pass_error(struct answer *a, struct slice redis_error, enum fault fault) {
    enum reply_code code;
    if (!a->dialect || !a->dialect->write_error)
        return false;
    bool is_passed = redis_error_is_passed(redis_error, &code);
    if (!is_passed && !(a->is_scripted && fault != FAULT_UNFIT))
        return false;
    if (a->is_failed)
        return true;
    if (fault == FAULT_TOLD && code == REPLY_OVERLOADED)
        note_fault(a, fault, REDIS_NO_MEMORY, redis_error);
    begin_failure(a, code);
    a->dialect->write_error(a->out, redis_error_reason(redis_error));
    return true;
}

static void fail_as_redis(struct answer *a, struct slice redis_error) {
    const char *message;
    enum fault fault;
    enum reply_code code = redis_error_code(redis_error, &message, &fault);
    if (!pass_error(a, redis_error, fault)) {
        if (fault == FAULT_NONE)
            answer_fail(a, code, message);
        else
            fail_for(a, fault, code, message, redis_error);
    }
    if (a->is_scripted) // whoever wrote the script must not have the connection closed for others
        a->fault = FAULT_NONE;
}

// Redis has refused a command of a client's MULTI when it was queued: its EXEC tells no more.
static bool fails_block(const struct answer *a, struct slice redis_error) {
    enum reply_code code;
    return a->block && redis_error_is_passed(redis_error, &code);
}

// Fails an answer whose commands were refused before any of them was applied.
static void fail_unapplied(struct answer *a, struct slice redis_error) {
    struct redirect to;
    if (fails_block(a, redis_error)) {
        answer_fail(a, REPLY_EXECABORT, "Redis refused a command");
        return;
    }
    struct slice words = redis_error_reason(redis_error);
    bool is_turned = !a->is_failed && redirect_read(words, &to);
    if (is_turned && a->is_scripted && to.turn <= TURN_CLUSTERDOWN) {
        // Following what a client may have made up would run its script at other servers, too.
        a->is_doubtful = true;
        answer_fail(a, REPLY_UNAVAILABLE, "the key's server has changed");
    } else if (is_turned && !a->is_scripted && words.len <= sizeof(a->turn_to)) {
        a->turn = to.turn;
        a->turn_to_len = words.len;
        memcpy(a->turn_to, words.data, words.len);
    }
    fail_as_redis(a, redis_error);
}

static __attribute__((noinline)) void refuse_length(struct answer *a) {
    a->is_too_long = true;
    bytes_deinit(&a->gathered);
    answer_fail(a, a->too_long, ANSWER_TOO_LONG);
}

// A long string counts with its announced length, before its bytes have come.
static inline void check_length(struct answer *a) {
    size_t len = a->out->len - a->start + a->gathered.len + a->stream_left;
    if (len > a->most && !a->is_failed)
        refuse_length(a);
}

void answer_stream(struct answer *a, struct bytes *to, struct slice head, size_t rest,
                   struct slice behind) {
    bytes_append_slice(to, head);
    a->stream = rest > 0 ? to : NULL;
    a->stream_left = rest;
    a->behind = behind;
    if (rest == 0)
        bytes_append_slice(to, behind);
}

void answer_bulk(struct answer *a, struct bytes *to, struct slice head, size_t rest,
                 struct slice behind) {
    char *start = bytes_reserve(to, REPLY_HEADER_SIZE);
    bytes_grew(to, (size_t)(reply_write_header(start, '$', head.len + rest) - start));
    answer_stream(a, to, head, rest, behind);
}

static void stream_on(struct answer *a, const struct event *e) {
    if (!a->stream) // no renderer asked for the string
        return;
    bytes_reserve(a->stream, a->stream_left + a->behind.len); // once for all pieces
    bytes_append_slice(a->stream, e->text);
    a->stream_left = e->rest;
    if (e->rest > 0)
        return;
    bytes_append_slice(a->stream, a->behind);
    a->stream = NULL;
}

static __attribute__((noinline)) void render_error(struct answer *a, const struct event *e) {
    if (e->depth > 0 && a->is_scripted && a->dialect && a->dialect->write_error)
        a->dialect->write_error(a->out, e->text); // an element as any other
    else if (e->depth == 0 && !a->frame.is_transaction)
        fail_unapplied(a, e->text);
    else
        fail_as_redis(a, e->text); // EXEC has run the command, and those beside it
}

static void render_event(struct answer *a, const struct event *e) {
    if (e->depth == 0)
        a->is_miss = e->type == EVENT_NIL || (e->type == EVENT_ARRAY && e->count == 0);
    if (e->type != EVENT_ERROR || a->takes_errors)
        a->render(a, e);
    else
        render_error(a, e);
    check_length(a);
}

// --- the answer to a client's MULTI -----------------------------------------------------------

void answer_set_block(struct answer *a, const struct answer_block *block) {
    a->block = block;
    a->is_scripted = block && block->is_scripted;
    a->element = UINT32_MAX;
    a->element_start = a->start;
}

// The element before is complete, and gets the form that its client understands.
static void end_element(struct answer *a) {
    const struct answer_block *block = a->block;
    if (a->element < block->count && block->is_resp3)
        resp3_rewrite(a->out, a->element_start, (enum shape)block->items[a->element].shape);
}

// An error of one command takes the command's place in the array.
static void render_element_error(struct answer *a, struct slice redis_error) {
    size_t start = a->start;
    a->start = a->out->len;
    fail_as_redis(a, redis_error);
    a->start = start;
    a->is_failed = false;
}

static void element_event(struct answer *a, const struct event *e) {
    if (e->depth == 1) {
        end_element(a);
        a->element = e->index;
        a->element_start = a->out->len;
    }
    if (a->element >= a->block->count)
        return;
    a->limit = a->block->items[a->element].limit;
    struct event inner = *e;
    inner.depth--;
    if (e->type == EVENT_ERROR && e->depth == 1)
        render_element_error(a, e->text);
    else if (e->type == EVENT_ERROR)
        a->dialect->write_error(a->out, e->text);
    else
        a->block->items[a->element].render(a, &inner);
    check_length(a);
}

static void block_event(struct answer *a, const struct event *e) {
    if (e->depth > 0)
        element_event(a, e);
    else if (e->type == EVENT_ERROR)
        fail_unapplied(a, e->text);
    else if (e->type != EVENT_ARRAY || e->count < a->block->count)
        answer_fail_unknown(a);
    else
        reply_array(a->out, a->block->count);
}

// --- answers in a frame -----------------------------------------------------------------------

static void fail_in_part(struct answer *a, struct slice redis_error) {
    fail_for(a, FAULT_DENIED, REPLY_INTERNAL, "ran a request in part", redis_error);
}

// Of EXEC's array only the first element is rendered, as if it had come alone.
static void exec_event(struct answer *a, const struct event *e) {
    if (e->depth == 0) {
        if (e->type == EVENT_ERROR)
            fail_unapplied(a, e->text);
        else if (e->type != EVENT_ARRAY || e->count == 0)
            answer_fail_unknown(a);
        return;
    }
    if (e->depth == 1)
        a->element = e->index;
    if (a->element != 0) {
        if (e->type == EVENT_ERROR) // the account lost a right since the command was queued
            fail_in_part(a, e->text);
        return;
    }
    struct event inner = *e;
    inner.depth--;
    render_event(a, &inner);
}

// The account lost its right to MULTI since the connection was greeted.
static void fail_unwrapped(struct answer *a, struct slice redis_error) {
    a->is_unwrapped = true;
    fail_for(a, FAULT_DENIED, REPLY_INTERNAL, "refused MULTI", redis_error);
}

// The answer to PTTL. Whoever may not ask for it reads all the same; but a server that does not
// serve the key is not asked for its value either.
static void ttl_event(struct answer *a, const struct event *e) {
    struct redirect to;
    a->ttl_ms = e->type == EVENT_INTEGER ? e->integer : ANSWER_NO_TTL;
    if (e->type == EVENT_ERROR && redirect_read(e->text, &to))
        fail_unapplied(a, e->text);
}

// The account may not send ASKING. Another server may have given the key to this one meanwhile: so
// the commands behind it may have been applied.
static void asking_event(struct answer *a, const struct event *e) {
    if (e->type == EVENT_ERROR)
        fail_for(a, FAULT_DENIED, REPLY_INTERNAL, "refused ASKING", e->text);
}

static void transaction_event(struct answer *a, const struct event *e, uint32_t first) {
    if (a->left == 1 && a->block)
        block_event(a, e);
    else if (a->left == 1)
        exec_event(a, e);
    else if (e->type == EVENT_ERROR && a->left == first && slice_begins(e->text, SLICE("NOPERM")))
        fail_unwrapped(a, e->text);
    else if (e->type == EVENT_ERROR && e->depth == 0)
        fail_unapplied(a, e->text); // MULTI or a queued command was refused: EXEC will abort
}

static void framed_event(struct answer *a, const struct event *e) {
    uint32_t first = a->frame.asks == ASKS_NONE ? a->replies : a->replies - 1;
    if (a->left > first || (a->frame.asks == ASKS_EACH && a->left == 2))
        asking_event(a, e);
    else if (a->frame.has_ttl && a->left == first)
        ttl_event(a, e);
    else if (a->frame.is_transaction)
        transaction_event(a, e, first);
    else
        render_event(a, e);
}

void answer_event(struct answer *a, const struct event *e) {
    if (a->is_failed)
        return;
    if (e->type == EVENT_MORE)
        stream_on(a, e);
    else if (!a->frame.is_any)
        render_event(a, e);
    else
        framed_event(a, e);
}

bool answer_end(struct answer *a) {
    if (--a->left > 0)
        return false;
    if (a->block && !a->is_failed)
        end_element(a);
    else if (!a->is_failed)
        a->render(a, &(struct event){.type = EVENT_END});
    if (a->gathered.data) // seldom
        answer_deinit(a);
    check_length(a);
    return true;
}

void answer_cancel(const struct answer *a) { a->out->len = a->start; }

void answer_move(struct answer *a, struct bytes *out) {
    size_t start = out->len;
    bytes_append(out, a->out->data + a->start, a->out->len - a->start);
    a->out->len = a->start;
    if (a->block)
        a->element_start += start - a->start;
    if (a->stream == a->out)
        a->stream = out;
    a->out = out;
    a->start = start;
}

void answer_deinit(struct answer *a) { bytes_deinit(&a->gathered); }
