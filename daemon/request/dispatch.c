#include "daemon/request/dispatch.h"

#include <assert.h>
#include <stdio.h>

#include "conf/sections.h"
#include "daemon/backend/account.h"
#include "daemon/backend/backend.h"
#include "daemon/backend/conn.h"
#include "daemon/backend/room.h"
#include "daemon/loop/lent.h"
#include "daemon/loop/log_event.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/probe.h"
#include "daemon/loop/stream.h"
#include "daemon/near/near.h"
#include "daemon/near/source.h"
#include "daemon/near/store.h"
#include "daemon/policy/policy.h"
#include "daemon/request/admit.h"
#include "daemon/request/auth.h"
#include "daemon/request/context.h"
#include "daemon/request/failure_log.h"
#include "daemon/request/fanout.h"
#include "daemon/request/json_check.h"
#include "daemon/request/ledger.h"
#include "daemon/request/reply_queue.h"
#include "daemon/request/request.h"
#include "daemon/request/scan_place.h"
#include "daemon/request/slow_log.h"
#include "daemon/request/watch.h"
#include "protocol/call.h"
#include "protocol/command.h"
#include "protocol/redis/resp3.h"
#include "protocol/redis/row.h"
#include "protocol/redis_error.h"
#include "protocol/refusal.h"
#include "protocol/rights.h"
#include "protocol/syntax.h"
#include "protocol/verb.h"

#define DRAINING "the daemon is ending"

// A client's MULTI: each of its writes voids the kept answers about its keys.
static __attribute__((noinline)) void tell_near_of_block(struct request *r,
                                                         const struct call_block *block) {
    for (size_t i = 0; i < block->count; i++) {
        const struct call *call = &block->calls[i];
        if (call->verb->flags & VERB_WRITE)
            near_note_write(&r->note, r->context->loop.near,
                            backend_source(r->namespace->backend, r->hash_slot),
                            &call->redis->entry.signature, call, &r->context->question);
    }
}

// A read whose answer is to be kept also asks for the key's ttl; a write voids the kept answers.
static inline __attribute__((always_inline)) void tell_near(struct request *r,
                                                            const struct admission *a) {
    if (r->note.duty == NEAR_KEEP)
        command_ask_ttl(&r->slot.command, &a->call);
    if (!(r->entry->verb->flags & VERB_WRITE))
        return;
    r->note.duty = NEAR_FORGET;
    if (a->call.block)
        tell_near_of_block(r, a->call.block);
    else if (r->namespace->conf->is_near || a->call.parts)
        near_note_write(&r->note, r->context->loop.near,
                        backend_source(r->namespace->backend, r->hash_slot), &r->entry->signature,
                        &a->call, &r->context->question);
}

// Returns which commands the request would send, those of further steps included.
static uint64_t commands_of(const struct rights *rights, const struct admission *a) {
    struct bytes commands = {0};
    struct command c = {.out = &commands};
    if (a->entry->verb->flags & VERB_TWO_STEPS)
        return a->entry->commands;
    a->entry->build(&c, &a->call);
    uint64_t sent = rights_sent(rights, &commands);
    bytes_deinit(&commands);
    return sent;
}

// For a verb which, under some ttl or option, sends a command that the account may not run. Returns
// true when this request would send such a command: the request has got its error.
static __attribute__((noinline)) bool refuse_for_account(struct request *r,
                                                         const struct admission *a) {
    struct backend *backend = r->namespace->backend;
    const struct account *account = &backend->account;
    uint64_t lacking = commands_of(account->rights, a) & account->refused;
    char detail[64], message[128];
    if (!lacking)
        return false;
    snprintf(detail, sizeof(detail), "%s, which %s needs", rights_name(account->rights, lacking),
             a->entry->verb->name);
    snprintf(message, sizeof(message), "%s %s", REDIS_DENIES, detail);
    backend_note_fault(backend, NULL, FAULT_DENIED, REDIS_DENIES, detail);
    request_unanswered(r, REPLY_UNAVAILABLE, message);
    return true;
}

static void refuse_for_room(struct request *r, enum backend_room room) {
    if (room == BACKEND_FULL) {
        failure_log_full(r->context, r->namespace, r->entry->verb);
        request_fail_for_backend(r, REPLY_OVERLOADED, "too many requests at ", "for too long");
    } else {
        request_unanswered(r, REPLY_UNAVAILABLE, request_refused(room));
    }
}

static void send_to_backend(struct request *r, const struct admission *a, struct backend_conn *conn,
                            enum backend_room room) {
    if (room != BACKEND_ROOM) {
        refuse_for_room(r, room);
        return;
    }
    if (a->namespace->backend->account.refused & a->entry->commands && refuse_for_account(r, a))
        return;
    request_begin_sending(r, conn);
    if (a->entry->verb->flags & r->context->slow.keeps)
        slow_log_keep_key(&r->key, a->entry, &a->call);
    tell_near(r, a);
    if (!(a->entry->verb->flags & VERB_TWO_STEPS && request_begin_steps(r, conn, &a->call)))
        r->entry->build(&r->slot.command, &a->call);
    backend_conn_push(conn, &r->slot);
    if (r->entry->verb->flags & VERB_WRITE && r->context->awaited_keys > 0)
        r->context->steps->keys_changed(r->context, r->namespace, r->entry, &a->call);
}

// Always inlined, because each request of a namespace passes here.
static inline __attribute__((always_inline)) void count_admitted(struct session *session,
                                                                 const struct admission *a) {
    session->requests++;
    session->last_verb = a->entry->verb;
    ledger_request(session->context, a->entry, a->namespace, a->size);
}

// Counts any other request.
static void count_stray(struct session *session, const struct admission *a) {
    session->requests++;
    if (a->entry)
        session->last_verb = a->entry->verb;
    ledger_request(session->context, a->entry, a->namespace, a->size);
}

// Always inlined, because each request passes here.
static inline __attribute__((always_inline)) struct request *request_of(struct session *session,
                                                                        const struct admission *a) {
    struct request *r = request_new(session);
    r->entry = a->entry;
    r->namespace = a->namespace;
    r->argc = (uint32_t)a->call.argc;
    r->size = a->size;
    r->render = a->entry->verb->render;
    if (a->entry->verb->flags & VERB_TWO_STEPS)
        r->wait = (struct memo_place){0};
    watch_request(r, a);
    return r;
}

static __attribute__((noinline)) enum progress start_local(struct session *session,
                                                           const struct admission *a) {
    unsigned flags = a->entry->verb->flags;
    if (flags & VERB_IN_TURN && session->replies.first)
        return PROGRESS_WAIT_TURN;
    if (a->entry->verb->credentials && !auth_may_look(session, &a->call))
        return PROGRESS_WAIT_TOKEN;
    count_stray(session, a);
    a->entry->verb->run(request_of(session, a), &a->call);
    if (a->entry->verb->credentials)
        session->auth_turn = AUTH_NONE; // the turn was for this request alone
    if (flags & VERB_CLOSE)
        return PROGRESS_CLOSE;
    return flags & VERB_BARRIER ? PROGRESS_BARRIER : PROGRESS_DONE;
}

// Returns whether a kept reply is nil or an empty array, as is_miss in answer.h.
static bool is_miss(struct slice reply) {
    return (reply.data[0] == '$' && reply.data[1] == '-') ||
           (reply.data[0] == '*' && reply.data[1] == '0');
}

// From this size on a kept reply is sent from the store: a copy costs more than a loan does.
enum { LENT_LEAST = 2 * 1024 };

// Writes a kept reply that is large, or is for a client of RESP3.
static __attribute__((noinline)) void write_kept(struct session *session, const struct admission *a,
                                                 const struct near_question *q,
                                                 struct slice reply) {
    struct stream *stream = session->replies.stream;
    enum shape shape = (enum shape)a->entry->shape;
    bool may_change = session->is_resp3 && resp3_may_change(reply, shape);
    if (reply.len >= LENT_LEAST && !may_change) {
        stream_lend(stream, reply, near_store_return, near_store_lend(q, reply));
        return;
    }
    struct bytes *out = stream_out(stream);
    size_t start = out->len;
    bytes_append_slice(out, reply);
    if (may_change)
        resp3_rewrite(out, start, shape);
}

// Gives the kept reply to the question. Returns false when none is kept, or when the client has no
// room for it. When the reply can be written at once, no struct request is made for it. Always
// inlined, with a constant `is_watched`: most reads that come here are answered here.
static inline __attribute__((always_inline)) bool
answer_from_near(struct session *session, const struct admission *a,
                 const struct near_source *source, const struct near_question *q, uint64_t now_ms,
                 bool is_watched) {
    struct context *context = session->context;
    struct slice reply = near_find(context->loop.near, source, q, now_ms);
    bool has_room = reply_queue_unread(&session->replies) + reply.len <= context->client_output;
    if (!reply.data || !has_room)
        return false;
    ledger_near_reply(a->namespace, is_miss(reply), reply.len);
    PROBE(near__hit, a->namespace->conf->name, a->entry->verb->name, reply.len);
    if (a->entry->verb->flags & VERB_TWO_STEPS)
        context->steps->count_kept(a->namespace, reply);
    if (!session->replies.first) {
        if (__builtin_expect(reply.len >= LENT_LEAST || session->is_resp3, 0))
            write_kept(session, a, q, reply);
        else
            bytes_append_slice(stream_out(session->replies.stream), reply);
        if (is_watched)
            watch_near(session, a, is_miss(reply), reply.len);
        else
            context->unwatched--;
        return true;
    }
    struct request *r = request_of(session, a);
    bytes_append_slice(&r->place.reply, reply);
    request_shape(r, &r->place.reply, 0);
    request_note_result(r, is_miss(reply) ? WATCH_NEAR_MISS : WATCH_NEAR_HIT, reply.len);
    request_finish(r);
    return true;
}

// The same for the next request that is watched.
static __attribute__((noinline)) bool
answer_watched(struct session *session, const struct admission *a, const struct near_source *source,
               const struct near_question *q, uint64_t now_ms) {
    return answer_from_near(session, a, source, q, now_ms, true);
}

// Returns whether answer_stale() (request.c) may be called for the request.
static bool may_be_stale(const struct admission *a) {
    return a->entry->verb->flags & VERB_TWO_STEPS && a->namespace->conf->on_error == ON_ERROR_STALE;
}

// Returns whether the call has a count: then the verb takes as many stored values as it says.
static bool takes_many(const struct admission *a) {
    unsigned has_count = a->entry->signature.has_kinds & 1U << ARG_COUNT;
    return a->entry->verb->flags & VERB_UNCUT && has_count && a->call.argc > 1;
}

// Numbers as replies take next to no room; and many requests of one client may wait for a memo.
static bool needs_no_room(const struct verb *verb) {
    return verb->miss == MISS_ZERO || verb->miss == MISS_NO_KEY || verb->flags & VERB_TWO_STEPS;
}

// Returns whether the replies under way might fill client_output, so that one more had no room. For
// a VERB_UNCUT verb each reply is taken to have max_value bytes; for another read, as many as the
// longest of the client's replies of late. A verb that takes many gets all room for itself.
static bool lacks_room(struct session *session, const struct admission *a) {
    struct reply_queue *q = &session->replies;
    uint64_t most = (uint64_t)session->context->policy->settings->daemon.client_output;
    uint64_t each = q->usual_size, unread = reply_queue_unread(q);
    if (each == 0)
        each = q->usual_size = (size_t)a->namespace->conf->max_value;
    if (a->entry->verb->flags & VERB_UNCUT)
        each = (uint64_t)a->namespace->conf->max_value;
    if (q->count == 0 && unread == 0)
        return false;
    return takes_many(a) ||
           (unread + (q->count + 1) * each > most && !needs_no_room(a->entry->verb));
}

// A read's look into the near cache, made before the request is.
struct near_look {
    enum near_duty duty;
    const struct near_source *source;
    struct near_question question;
};

// Returns whether the near cache has answered the request. Always inlined, because each request
// passes here.
static inline __attribute__((always_inline)) bool
look_near(struct session *session, const struct admission *a, struct near_look *look) {
    struct context *context = session->context;
    look->duty = NEAR_NOTHING;
    if (!(a->entry->verb->flags & VERB_NEAR && a->namespace->conf->is_near) || context->is_draining)
        return false;
    uint64_t now_ms = loop_now(&context->loop);
    look->source = backend_source_of(a->namespace->backend, &a->call);
    look->duty = near_duty_of(look->source, now_ms);
    if (look->duty == NEAR_NOTHING)
        return false;
    look->question =
        near_ask(context->loop.near, look->source, a->entry, &a->call, &context->question);
    if (look->duty != NEAR_KEEP)
        return false;
    if (__builtin_expect(context->unwatched == 1, 0))
        return answer_watched(session, a, look->source, &look->question, now_ms);
    return answer_from_near(session, a, look->source, &look->question, now_ms, false);
}

static enum progress wait_for_room(struct session *session, struct backend *backend,
                                   unsigned hash_slot) {
    session->full_backend = backend;
    session->full_slot = hash_slot;
    PROBE(wait, backend->conf->name, session->id, hash_slot);
    return PROGRESS_WAIT_ROOM;
}

static void fan_out(struct request *r, const struct admission *a) {
    struct context *context = r->context;
    bool is_write = a->entry->verb->flags & VERB_WRITE;
    if (a->namespace->backend->account.refused & a->entry->commands && refuse_for_account(r, a))
        return;
    if (a->entry->verb->flags & context->slow.keeps)
        slow_log_keep_key(&r->key, a->entry, &a->call);
    tell_near(r, a);
    fanout_start(r, &a->call);
    if (is_write && context->awaited_keys > 0)
        context->steps->keys_changed(context, a->namespace, a->entry, &a->call);
}

// Starts a request that is sent as one command for each key.
static __attribute__((noinline)) enum progress
start_fanout(struct session *session, const struct admission *a, bool may_wait) {
    struct context *context = session->context;
    struct backend *backend = a->namespace->backend;
    unsigned hash_slot;
    enum backend_room room = fanout_room(backend, &a->call, &hash_slot);
    if (backend_room_may_come(room) && may_wait && !context->is_draining)
        return wait_for_room(session, backend, hash_slot);
    count_admitted(session, a);
    struct request *r = request_of(session, a);
    r->hash_slot = (uint16_t)backend_hash_slot(backend, call_key(&a->call));
    if (context->is_draining)
        request_fail(r, REPLY_UNAVAILABLE, DRAINING);
    else if (a->call.argc > (size_t)backend->conf->max_pending)
        request_fail_for_backend(r, REPLY_OVERLOADED, "more keys than ", "may have pending");
    else if (room == BACKEND_ROOM || (!backend_room_may_come(room) && request_misses(r)))
        fan_out(r, a);
    else
        refuse_for_room(r, room);
    return PROGRESS_DONE;
}

// Starts a step of an iteration over the keys of a cluster.
static __attribute__((noinline)) enum progress start_scan(struct session *session,
                                                          const struct admission *a) {
    count_admitted(session, a);
    struct request *r = request_of(session, a);
    if (session->context->is_draining)
        request_fail(r, REPLY_UNAVAILABLE, DRAINING);
    else if (!(a->namespace->backend->account.refused & a->entry->commands) ||
             !refuse_for_account(r, a))
        scan_place_start(r, &a->call);
    return PROGRESS_DONE;
}

// Starts a request that the near cache has not answered.
static __attribute__((noinline)) enum progress start_asking(struct session *session,
                                                            const struct admission *a,
                                                            bool may_wait,
                                                            const struct near_look *look) {
    struct context *context = session->context;
    struct backend *backend = a->namespace->backend;
    if (may_wait && a->entry->verb->flags & (VERB_READ | VERB_UNCUT) && lacks_room(session, a)) {
        // The wait ends when the requests are answered, or when the replies are read.
        return session->replies.first ? PROGRESS_WAIT_TURN : PROGRESS_WAIT_OUTPUT;
    }
    if (fanout_is_for(backend, a))
        return start_fanout(session, a, may_wait);
    if (scan_place_is_for(backend, a))
        return start_scan(session, a);
    enum backend_room room;
    unsigned hash_slot = backend_hash_slot(backend, call_key(&a->call));
    struct backend_conn *conn = backend_pick(backend, hash_slot, &room);
    if (backend_room_may_come(room) && may_wait && !context->is_draining)
        return wait_for_room(session, backend, hash_slot);
    count_admitted(session, a);
    ledger_ttl(a->namespace, a->call.ttl_reason);
    struct request *r = request_of(session, a);
    r->hash_slot = (uint16_t)hash_slot;
    if (look->duty != NEAR_NOTHING)
        near_note_read(&r->note, context->loop.near, look->source, &look->question, look->duty,
                       may_be_stale(a), loop_now(&context->loop));
    if (context->is_draining)
        request_fail(r, REPLY_UNAVAILABLE, DRAINING);
    else
        send_to_backend(r, a, conn, room);
    return PROGRESS_DONE;
}

static inline enum progress start_remote(struct session *session, const struct admission *a,
                                         bool may_wait) {
    struct near_look look;
    if (!look_near(session, a, &look))
        return start_asking(session, a, may_wait, &look);
    count_admitted(session, a);
    return PROGRESS_DONE;
}

// Returns whether the request's values, too long to be checked on the loop, are JSON. Returns false
// with *must_wait when a check must find that out first, after which the request is started again;
// false without *must_wait when the request is refused.
static __attribute__((noinline)) bool admit_json(struct session *session, struct slice first_word,
                                                 struct admission *a, bool *must_wait) {
    if (session->check) {
        assert(json_check_is_done(session->check));
        return json_check_is_good(session->check) ||
               policy_refuse_kind(a->namespace, "JSON", &session->context->refusal);
    }
    struct json_check *check = json_check_new();
    for (size_t i = 0; i < a->call.argc; i++) {
        struct slice arg = a->call.args[i];
        if (signature_kind(&a->entry->signature, i) == ARG_VALUE)
            json_check_add(check, (size_t)(arg.data - first_word.data), arg.len);
    }
    session->check = check;
    *must_wait = true;
    return false;
}

static void refuse_with(struct session *session, const struct admission *a,
                        const struct refusal *refusal) {
    struct request *r = request_new(session);
    r->namespace = a->namespace;
    watch_request(r, a);
    request_fail_with(r, refusal);
}

static __attribute__((noinline)) enum progress
refuse(struct session *session, struct slice first_word, const struct admission *a) {
    struct refusal *refusal = &session->context->refusal;
    count_stray(session, a);
    if (refusal->code == REPLY_NOPERM)
        failure_log_not_permitted(session, first_word);
    if (refusal->code == REPLY_POLICY) {
        ledger_refusal(a->namespace, refusal->reason);
        failure_log_policy(session, a->namespace, first_word, refusal);
    }
    refuse_with(session, a, refusal);
    return PROGRESS_DONE;
}

// All that a read costs which the near cache answers is inlined here.
__attribute__((flatten)) enum progress dispatch(struct session *session, struct slice *words,
                                                size_t count, size_t size, bool may_wait) {
    struct admission a;
    a.size = size;
    bool must_wait = false;
    if (!session->admits(session, words, count, &a, &session->context->refusal))
        return refuse(session, words[0], &a);
    if (a.call.json_bytes > JSON_AT_ONCE && !admit_json(session, words[0], &a, &must_wait))
        return must_wait ? PROGRESS_WAIT_CHECK : refuse(session, words[0], &a);
    return a.entry->verb->run ? start_local(session, &a) : start_remote(session, &a, may_wait);
}

void dispatch_refuse(struct session *session, enum reply_code code, const char *message) {
    request_fail(request_new(session), code, message);
}
