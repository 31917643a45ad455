#include "daemon/request/fanout.h"

#include <inttypes.h>

#include "daemon/backend/conn.h"
#include "daemon/backend/slot.h"
#include "daemon/loop/turn_clock.h"
#include "daemon/request/context.h"
#include "daemon/request/failure_log.h"
#include "daemon/request/ledger.h"
#include "daemon/request/reply_queue.h"
#include "daemon/request/session.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/mem.h"
#include "protocol/reply.h"
#include "protocol/verb.h"

// One key of the request, at its server.
struct part {
    struct slot slot;
    struct fanout *fanout;
    struct bytes reply; // the array's item, or the error that was the answer
    size_t held;        // bytes that the reply counts for now
    int64_t number;     // that the server answered
    enum reply_code code;
    const char *failure; // why there was no answer, behind the backend's name; NULL: there was one
    bool has_ended;
    bool is_failed;
};

struct fanout {
    struct request *request; // stays, even if its client leaves, until no part is queued
    size_t count;
    size_t unended, queued; // parts; while they are being sent, one more of each
    size_t held;            // bytes of all replies so far
    bool is_array;          // the reply is an array of the parts' items; else the sum of numbers
    bool is_too_long;
    struct part parts[];
};

static struct part *part_of(struct slot *slot) { return CONTAINER_OF(slot, struct part, slot); }

static bool is_awaited(const struct part *part) {
    const struct request *r = part->fanout->request;
    return !part->has_ended && r->session && !r->is_done && !part->fanout->is_too_long;
}

// --- memory -----------------------------------------------------------------------------------

// The parts count as unread output of their client, as long as its request has no reply.
static void charge(struct fanout *f, size_t before, size_t now) {
    struct session *session = f->request->session;
    if (session)
        session->replies.queued_bytes += now - before;
}

static size_t own_size(const struct fanout *f) {
    return sizeof(*f) + f->count * sizeof(struct part);
}

static void hold(struct part *part, size_t size) {
    struct fanout *f = part->fanout;
    charge(f, part->held, size);
    f->held += size - part->held;
    part->held = size;
}

static void drop_reply(struct part *part) {
    hold(part, 0);
    bytes_deinit(&part->reply);
}

// Returns how long one more part of the reply may be: the request's own parts are no reason to
// refuse it. The limit of the reply that is the first of its client does not count what is held,
// since that may be for later replies.
static size_t room_left(struct fanout *f) {
    const struct request *r = f->request;
    charge(f, own_size(f), 0);
    size_t limit = request_reply_limit(r);
    charge(f, 0, own_size(f));
    if (r->session->replies.first != &r->place)
        return limit;
    return limit > f->held ? limit - f->held : 0;
}

static void note_too_long(struct fanout *f) {
    f->is_too_long = true;
    for (size_t i = 0; i < f->count; i++)
        drop_reply(&f->parts[i]);
}

// --- the reply --------------------------------------------------------------------------------

static void append_item(struct bytes *out, const struct part *part) {
    if (part->is_failed) // on_error = miss
        reply_nil(out);
    else
        bytes_append_slice(out, bytes_slice(&part->reply));
}

// `missed` as in struct outcome.
static void write_reply(struct fanout *f, const struct part *missed) {
    struct request *r = f->request;
    struct bytes *out = request_out(r);
    size_t start = out->len;
    uint64_t sum = 0;
    if (f->is_array)
        reply_array(out, f->count);
    for (size_t i = 0; i < f->count; i++) {
        sum += (uint64_t)f->parts[i].number;
        if (f->is_array)
            append_item(out, &f->parts[i]);
    }
    if (!f->is_array)
        reply_integer(out, (int64_t)sum);
    if (missed)
        ledger_error(r->context, r->namespace, missed->code);
    ledger_answer(r->context, r->namespace, r->entry->verb, &(struct answer){.is_miss = missed},
                  out->len - start);
    reply_queue_learn(&r->session->replies, out->len - start);
    request_note_result(r, missed ? "miss" : f->is_array ? "hit" : "done", out->len - start);
    request_shape(r, out, start);
    request_finish(r);
}

// A failure of which the client is told that nothing was applied.
static bool is_harmless(const struct part *part) {
    return part->code != REPLY_TIMEOUT && part->code != REPLY_LOST && part->code != REPLY_INTERNAL;
}

// Returns whether on_error = miss holds for the failure.
static bool is_miss(const struct part *part) {
    return request_misses(part->fanout->request) &&
           (part->failure || part->code == REPLY_UNAVAILABLE);
}

// Appends what follows the error's first word, whichever that is in the client's dialect.
static void append_failure(struct bytes *text, const struct part *part) {
    struct slice error = bytes_slice(&part->reply);
    if (part->failure) {
        bytes_printf(text, "backend %s %s", part->fanout->request->namespace->backend->conf->name,
                     part->failure);
        return;
    }
    const char *behind = memchr(error.data, ' ', error.len);
    const char *from = behind ? behind + 1 : error.data + strlen("-");
    bytes_append(text, from, error.len - (size_t)(from - error.data) - strlen("\r\n"));
}

// The outcome of a request some of whose parts have failed.
struct outcome {
    const struct part *first;  // that failed; NULL: none
    const struct part *missed; // on_error = miss: that failed, and counts as missing; NULL: none
    bool is_applied;           // to some keys
    bool is_unsure;            // may be applied to others
};

static struct outcome outcome_of(const struct fanout *f) {
    struct outcome outcome = {0};
    for (size_t i = 0; i < f->count; i++) {
        const struct part *part = &f->parts[i];
        outcome.is_applied |= !part->is_failed;
        outcome.is_unsure |= part->is_failed && !is_harmless(part);
        if (part->is_failed && is_miss(part))
            outcome.missed = part;
        else if (part->is_failed && !outcome.first)
            outcome.first = part;
    }
    return outcome;
}

// A write has been, or may have been, applied to some of its keys, which the failure of the first
// part alone would not say.
static bool must_tell_of_others(const struct outcome *outcome) {
    return outcome->is_applied || (outcome->is_unsure && is_harmless(outcome->first));
}

static void fail_in_part(struct fanout *f, const struct part *first) {
    struct bytes message = {0};
    uint64_t removed = 0;
    for (size_t i = 0; i < f->count; i++)
        removed += f->parts[i].is_failed ? 0 : (uint64_t)f->parts[i].number;
    bytes_printf(&message, "%" PRIu64 " keys were removed, others perhaps not: ", removed);
    append_failure(&message, first);
    bytes_append(&message, "", 1);
    request_fail(f->request, REPLY_LOST, message.data);
    bytes_deinit(&message);
}

static void fail_as(struct fanout *f, const struct part *first) {
    struct request *r = f->request;
    if (first->failure) {
        request_fail_for_backend(r, first->code, "", first->failure);
        return;
    }
    bytes_append_slice(request_out(r), bytes_slice(&first->reply));
    ledger_error(r->context, r->namespace, first->code);
    request_note_result(r, reply_code_name(first->code), first->reply.len);
    request_finish(r);
}

static void refuse_length(struct fanout *f) {
    f->request->session->replies.is_over = true;
    request_fail(f->request, REPLY_OVERLOADED, ANSWER_TOO_LONG);
}

static void join(struct fanout *f) {
    struct request *r = f->request;
    struct outcome outcome = outcome_of(f);
    bool is_write = r->entry->verb->flags & VERB_WRITE;
    charge(f, own_size(f) + f->held, 0);
    f->held = 0;
    if (f->is_too_long)
        refuse_length(f);
    else if (outcome.first && is_write && must_tell_of_others(&outcome))
        fail_in_part(f, outcome.first);
    else if (outcome.first)
        fail_as(f, outcome.first);
    else
        write_reply(f, outcome.missed);
    for (size_t i = 0; i < f->count; i++) {
        f->parts[i].held = 0;
        bytes_deinit(&f->parts[i].reply);
    }
}

// --- the parts --------------------------------------------------------------------------------

static void end(struct fanout *f) {
    struct request *r = f->request;
    if (--f->unended > 0)
        return;
    request_end_stay(r, f->held, NULL);
    if (r->session)
        join(f);
}

static void end_part(struct part *part) {
    if (part->has_ended)
        return;
    part->has_ended = true;
    end(part->fanout);
}

static void leave(struct fanout *f) {
    struct request *r = f->request;
    if (--f->queued > 0)
        return;
    for (size_t i = 0; i < f->count; i++)
        bytes_deinit(&f->parts[i].reply);
    mem_free(f);
    request_release(r);
}

// The row's renderer writes the item as it would within the array of all; the array itself, or the
// sum, is written by join().
static void render(struct answer *a, const struct event *e) {
    struct part *part = a->context;
    bool is_array = e->type == EVENT_ARRAY && e->depth == 0;
    if (part->fanout->is_array && is_array) {
        if (e->count != 1)
            answer_fail_unknown(a);
        return;
    }
    if (!part->fanout->is_array && e->type == EVENT_INTEGER && e->depth == 0)
        part->number = e->integer;
    else
        part->fanout->request->render(a, e);
}

static void begin(struct slot *slot, struct answer *a) {
    struct part *part = part_of(slot);
    answer_begin(a, &slot->command, render, &part->reply);
    a->context = part;
    if (is_awaited(part)) {
        a->most = room_left(part->fanout);
        a->dialect = part->fanout->request->session->dialect;
    } else {
        a->is_failed = true; // nothing is rendered
    }
}

static void half(struct slot *slot, struct answer *a) {
    struct part *part = part_of(slot);
    if (is_awaited(part) && !a->is_failed) {
        hold(part, part->reply.len + a->stream_left);
        return;
    }
    a->is_failed = true;
    drop_reply(part);
}

static void answered(struct slot *slot, const struct answer *a) {
    struct part *part = part_of(slot);
    struct fanout *f = part->fanout;
    if (is_awaited(part) && a->is_too_long) {
        note_too_long(f);
    } else if (is_awaited(part)) {
        part->is_failed = a->is_failed;
        part->code = a->code;
        hold(part, part->reply.len);
    }
    end_part(part);
    leave(f);
}

static void failed(struct slot *slot, enum slot_failure failure) {
    struct part *part = part_of(slot);
    struct fanout *f = part->fanout;
    const struct request *r = part->fanout->request;
    if (failure == SLOT_TIMEOUT)
        failure_log_timeout(r->context, r->namespace, r->entry->verb);
    if (!part->has_ended) {
        part->is_failed = true;
        part->failure = request_failure(failure, &part->code);
        drop_reply(part);
    }
    end_part(part);
    if (failure != SLOT_TIMEOUT)
        leave(f);
}

static bool is_read(const struct slot *slot) {
    const struct part *part = CONTAINER_OF(slot, struct part, slot);
    return part->fanout->request->entry->verb->flags & VERB_READ;
}

static const struct slot_owner slot_owner = {
    .begin = begin, .half = half, .answered = answered, .failed = failed, .is_read = is_read};

// --- start ------------------------------------------------------------------------------------

enum backend_room fanout_room(struct backend *b, const struct call *call, unsigned *hash_slot) {
    enum backend_room room, worst = BACKEND_ROOM;
    for (size_t i = 0; i < call->argc; i++) {
        struct call part = fanout_part(call, i);
        *hash_slot = backend_hash_slot(b, call_key(&part));
        (void)backend_pick(b, *hash_slot, &room);
        if (backend_room_may_come(room))
            return room;
        if (room != BACKEND_ROOM)
            worst = room;
    }
    return worst;
}

static struct fanout *fanout_new(struct request *r, size_t keys) {
    struct fanout *f = mem_new(sizeof(*f) + keys * sizeof(struct part));
    f->request = r;
    f->count = keys;
    f->unended = f->queued = keys + 1;
    f->is_array = r->entry->verb->miss == MISS_NILS;
    for (size_t i = 0; i < keys; i++)
        f->parts[i].fanout = f;
    charge(f, 0, own_size(f));
    r->is_pending = true;
    return f;
}

static void send_part(struct part *part, const struct call *call) {
    struct request *r = part->fanout->request;
    struct backend *b = r->namespace->backend;
    enum backend_room room;
    struct backend_conn *conn = backend_pick(b, backend_hash_slot(b, call_key(call)), &room);
    part->slot.owner = &slot_owner;
    if (!conn) {
        failed(&part->slot, SLOT_UNSENT);
        return;
    }
    backend_conn_begin(conn, &part->slot);
    r->entry->build(&part->slot.command, call);
    backend_conn_push(conn, &part->slot);
}

void fanout_start(struct request *r, const struct call *call) {
    struct fanout *f = fanout_new(r, call->argc);
    r->sent_us = turn_clock_us(&r->context->loop.flusher.clock);
    for (size_t i = 0; i < call->argc; i++) {
        struct call part = fanout_part(call, i);
        send_part(&f->parts[i], &part);
    }
    end(f);
    leave(f);
}
