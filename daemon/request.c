#include "request.h"

#include <assert.h>
#include <stdio.h>

#include "admit.h"
#include "auth.h"
#include "backend.h"
#include "client.h"
#include "context.h"
#include "mem.h"
#include "redis_error.h"

enum { MOST_FREE = 4096, WRITE_REPLY = 1024 * 1024 };

// --- life -------------------------------------------------------------------------------------

// In pieces for which the compiler writes stores: to call memset() would cost more.
static inline void clear(struct request *r) {
    enum { PIECE = 80, SIZE = sizeof(*r) - REQUEST_KEEPS };
    _Static_assert(SIZE > 3 * PIECE && SIZE <= 4 * PIECE, "four pieces are the whole");
    char *at = (char *)r + REQUEST_KEEPS;
    memset(at, 0, PIECE);
    memset(at + PIECE, 0, PIECE);
    memset(at + 2 * PIECE, 0, PIECE);
    memset(at + 3 * PIECE, 0, SIZE - 3 * PIECE);
}

// Neither queued nor pending yet. Nothing of an earlier use is left but the buffers' memory.
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

static struct request *request_new(struct client *client) {
    struct request *r = take_free(client->context, client->context->policy);
    r->client = client;
    r->is_queued = true;
    client_push(client, r);
    return r;
}

void request_free(struct request *r) {
    bytes_deinit(&r->reply);
    bytes_deinit(&r->key);
    bytes_deinit(&r->note.asked);
    bytes_deinit(&r->note.written);
    mem_free(r);
}

static struct near_store *near_of(const struct request *r) { return r->context->reactor.near; }

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
    bytes_empty(&r->reply);
    if (r->key.len > 0)
        bytes_empty(&r->key);
    if (context->free_count == MOST_FREE) {
        request_free(r);
        return;
    }
    r->next = context->free_requests;
    context->free_requests = r;
    context->free_count++;
}

// A write is done, or lost; its reply leaves later in this turn. When its policy is in force no
// more, it may not have known that its keys are kept now.
static void forget_written(struct request *r) {
    if (r->note.written.len > 0)
        near_written(near_of(r), &r->note);
    if (r->policy != r->context->policy)
        near_store_forget_all(near_of(r));
}

void request_release(struct request *r) {
    if (r->note.duty == NEAR_FORGET)
        forget_written(r);
    r->is_pending = false;
    free_if_let_go(r);
}

void request_dequeued(struct request *r) {
    r->is_queued = false;
    r->client = NULL;
    free_if_let_go(r);
}

// --- replies ----------------------------------------------------------------------------------

struct bytes *request_out(struct request *r) {
    return r->client && r->client->first == r ? stream_out(&r->client->stream) : &r->reply;
}

size_t request_reply_limit(const struct request *r) {
    size_t most = (size_t)r->policy->settings->daemon.client_output;
    // Replies that wait for their turn behind this one are no reason to refuse it.
    bool is_first = r->client->first == r;
    size_t unread = is_first ? stream_unread(&r->client->stream) : client_unread(r->client);
    size_t left = unread < most ? most - unread : 0;
    if (!(r->entry->verb->flags & VERB_WRITE))
        return left;
    size_t kept = (size_t)r->space->conf->max_value + WRITE_REPLY;
    return left > kept ? left : kept;
}

void request_finish(struct request *r) {
    struct client *client = r->client;
    assert(!r->is_done);
    r->is_done = true;
    if (near_note_is_read(&r->note))
        near_note_end(&r->note, near_of(r));
    r->held = client->first == r ? 0 : sizeof(*r) + r->reply.cap + r->key.cap;
    client->held += r->held;
    if (client->first == r)
        client_settle(client);
}

static void count_error(struct request *r, enum reply_code code) {
    r->context->stats.errors[code]++;
    if (r->space)
        r->space->stats->errors[code]++;
}

void request_fail(struct request *r, enum reply_code code, const char *message) {
    reply_error(request_out(r), code, "%s", message);
    count_error(r, code);
    request_finish(r);
}

void request_fail_with(struct request *r, enum reply_code code, struct slice error) {
    bytes_append_slice(request_out(r), error);
    count_error(r, code);
    request_finish(r);
}

// on_error = stale: what the near cache has kept of a memo is served past its time, as long as the
// backend is down.
static __attribute__((noinline)) bool answer_stale(struct request *r, enum reply_code code) {
    struct bytes *out;
    if (r->space->conf->on_error != ON_ERROR_STALE || !near_note_is_read(&r->note))
        return false;
    struct slice kept =
        near_find_late(near_of(r), r->space, &r->note, uv_now(&r->context->reactor.loop));
    if (!waits_append_stale((out = request_out(r)), kept))
        return false;
    count_error(r, code);
    r->space->stats->memo_stale++;
    request_finish(r);
    return true;
}

static bool is_miss_instead(const struct request *r) {
    return r->space->conf->on_error == ON_ERROR_MISS && r->entry->verb->flags & VERB_READ;
}

static bool has_steps(const struct request *r) {
    return r->entry && r->entry->verb->flags & VERB_TWO_STEPS;
}

// "backend main is down", say.
static void fail_for_backend(struct request *r, enum reply_code code, const char *before,
                             const char *behind) {
    char message[160];
    snprintf(message, sizeof(message), "%sbackend %s %s", before, r->space->backend->conf->name,
             behind);
    request_fail(r, code, message);
}

void request_unanswered(struct request *r, enum reply_code code, const char *message) {
    if (has_steps(r))
        waits_failed(r);
    if (has_steps(r) && answer_stale(r, code))
        return;
    if (!is_miss_instead(r)) {
        fail_for_backend(r, code, "", message);
        return;
    }
    verb_append_miss(request_out(r), r->entry, r->argc);
    count_error(r, code);
    r->space->stats->misses++;
    request_finish(r);
}

// The answer is complete and rendered, or too long. Returns true when the request goes on by
// itself: it was sent again, or waits, and must not be touched.
static inline __attribute__((always_inline)) bool take_answer(struct request *r,
                                                              const struct answer *answer) {
    if (has_steps(r) && waits_goes_on(r, answer))
        return true;
    struct space_stats *stats = r->space->stats;
    if (answer->is_failed && answer->code == REPLY_UNAVAILABLE && is_miss_instead(r)) {
        answer_cancel(answer);
        request_unanswered(r, answer->code, "");
        return false;
    }
    stats->leases_refused += answer->is_failed && answer->code == REPLY_LEASE;
    if (answer->is_failed)
        count_error(r, answer->code);
    else if (r->entry->verb->flags & VERB_WRITE)
        stats->writes++;
    else if (answer->is_miss)
        stats->misses++;
    else
        stats->hits++;
    r->client->is_over = r->client->is_over || answer->is_too_long;
    struct slice reply = {answer->out->data + answer->start, answer->out->len - answer->start};
    stats->bytes_out += reply.len;
    client_learn_reply(r->client, reply.len);
    if (near_note_is_read(&r->note))
        near_answered(near_of(r), r->space, &r->note, answer, reply,
                      uv_now(&r->context->reactor.loop));
    request_finish(r);
    return false;
}

// --- its place at a connection ----------------------------------------------------------------

static struct request *request_of_slot(struct slot *slot) {
    return CONTAINER_OF(slot, struct request, slot);
}

static bool is_wanted(const struct request *r) { return !r->is_done && r->client; }

static void begin_answer(struct slot *slot, struct answer *a) {
    struct request *r = request_of_slot(slot);
    bool has_reader = is_wanted(r);
    answer_begin(a, &slot->command, r->render, has_reader ? request_out(r) : &r->reply);
    a->is_failed = !has_reader; // nothing is rendered
    if (!has_reader)
        return;
    a->most = request_reply_limit(r);
    if (r->entry->verb->flags & VERB_WRITE)
        a->too_long = REPLY_LOST;
}

// A client's output may leave after this turn, but half a reply must not: its other half may never
// come. A reply that is too long is refused now: what is still to come of it may take long.
static __attribute__((noinline)) void keep_half(struct slot *slot, struct answer *a) {
    struct request *r = request_of_slot(slot);
    if (a->out != &r->reply)
        answer_move(a, &r->reply);
    if (a->is_too_long && is_wanted(r)) {
        slot->is_over = true;
        take_answer(r, a);
    }
}

static void on_answered(struct slot *slot, const struct answer *a) {
    struct request *r = request_of_slot(slot);
    if (is_wanted(r)) {
        if (take_answer(r, a))
            return;
    } else if (has_steps(r)) {
        waits_abandoned(r);
    }
    request_release(r);
}

static void on_failed(struct slot *slot, enum slot_failure failure) {
    struct request *r = request_of_slot(slot);
    bool has_reader = is_wanted(r);
    if (failure == SLOT_TIMEOUT) {
        if (has_reader)
            request_unanswered(r, REPLY_TIMEOUT, "did not answer in time");
        return;
    }
    if (has_reader && failure == SLOT_LOST)
        request_unanswered(r, REPLY_LOST, "broke the connection before it answered");
    else if (has_reader)
        request_unanswered(r, REPLY_UNAVAILABLE, "is down");
    else if (has_steps(r))
        waits_failed(r);
    request_release(r);
}

static const struct slot_owner slot_owner = {
    .begin = begin_answer, .half = keep_half, .answered = on_answered, .failed = on_failed};

void request_refuse(struct client *client, enum reply_code code, const char *message) {
    request_fail(request_new(client), code, message);
}

// A refusal whose words are written already.
static void refuse_with(struct client *client, struct space *space, enum reply_code code,
                        struct slice error) {
    struct request *r = request_new(client);
    r->space = space;
    request_fail_with(r, code, error);
}

// --- verbs of the daemon's own ----------------------------------------------------------------

void request_fail_verb(struct request *r, struct slice name) {
    struct admission a = {0};
    struct bytes error = {0};
    admit_refuse_verb(r->context, &a, name, &error);
    request_fail_with(r, a.code, bytes_slice(&error));
    bytes_deinit(&error);
}

struct space *request_find_space(struct request *r, struct slice name) {
    struct admission a = {0};
    struct bytes error = {0};
    if (!admit_space(r->context, &r->client->caller, name, &a, &error))
        request_fail_with(r, a.code, bytes_slice(&error));
    bytes_deinit(&error);
    return a.space;
}

// --- on its way -------------------------------------------------------------------------------

static size_t bytes_of(const struct slice *words, size_t count) {
    size_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += words[i].len;
    return sum;
}

// The commands are to be written to the slot's command, and then the slot pushed.
static struct backend_conn *begin_sending(struct request *r) {
    struct backend_conn *conn = backend_pick_conn(r->space->backend);
    r->slot.owner = &slot_owner;
    r->is_pending = true;
    backend_conn_begin(conn, &r->slot);
    return conn;
}

// A read asks for the key's ttl too where its answer is to be kept; a write voids what is.
static void tell_near(struct request *r, const struct admission *a) {
    if (r->note.duty == NEAR_KEEP)
        command_ask_ttl(&r->slot.command, &a->call);
    if (!(r->entry->verb->flags & VERB_WRITE))
        return;
    r->note.duty = NEAR_FORGET;
    if (r->space->conf->is_near)
        near_note_write(&r->note, near_of(r), r->space, r->entry, &a->call, &r->context->question);
}

struct backend_conn *request_send_again(struct request *r, answer_render *render) {
    r->slot = (struct slot){0};
    r->render = render;
    return begin_sending(r);
}

// Which commands the request would send, second steps included.
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

// The verb sends a command that the account may not run, at least under some ttl or option: does
// this request?
static __attribute__((noinline)) bool refuse_for_account(struct request *r,
                                                         const struct admission *a) {
    struct backend *backend = r->space->backend;
    const struct account *account = &backend->account;
    uint64_t lacking = commands_of(account->rights, a) & account->refused;
    char detail[64], message[128];
    if (!lacking)
        return false;
    snprintf(detail, sizeof(detail), "%s, which %s needs", rights_name(account->rights, lacking),
             a->entry->verb->name);
    snprintf(message, sizeof(message), "%s %s", REDIS_DENIES, detail);
    backend_note_fault(backend, FAULT_DENIED, REDIS_DENIES, detail);
    request_unanswered(r, REPLY_UNAVAILABLE, message);
    return true;
}

static void send_to_backend(struct request *r, const struct admission *a, enum backend_room room) {
    if (room == BACKEND_DOWN) {
        request_unanswered(r, REPLY_UNAVAILABLE, "is down");
        return;
    }
    if (room == BACKEND_FULL && !a->space->backend->is_up) {
        request_unanswered(r, REPLY_UNAVAILABLE, "is starting");
        return;
    }
    if (room == BACKEND_FULL) {
        fail_for_backend(r, REPLY_OVERLOADED, "too many requests at ", "for too long");
        return;
    }
    if (a->space->backend->account.refused & a->entry->commands && refuse_for_account(r, a))
        return;
    struct backend_conn *conn = begin_sending(r);
    tell_near(r, a);
    if (has_steps(r))
        waits_note(r, &a->call);
    r->entry->build(&r->slot.command, &a->call);
    backend_conn_push(conn, &r->slot);
    if (r->entry->verb->flags & VERB_WRITE && r->context->waits.lines > 0)
        waits_wake(r->context, r->space, r->entry, &a->call);
}

static void count_request(struct client *client, const struct admission *a,
                          const struct slice *words, size_t count) {
    client->context->stats.requests++;
    client->requests++;
    if (a->entry)
        client->last_verb = a->entry->verb;
    if (!a->space)
        return;
    a->space->stats->requests++;
    a->space->stats->bytes_in += bytes_of(words, count);
}

// Inlined always: each request passes here.
static inline __attribute__((always_inline)) struct request *request_of(struct client *client,
                                                                        const struct admission *a) {
    struct request *r = request_new(client);
    r->entry = a->entry;
    r->space = a->space;
    r->argc = (uint32_t)a->call.argc;
    r->render = a->entry->verb->render;
    return r;
}

static enum request_result start_local(struct client *client, const struct admission *a,
                                       const struct slice *words, size_t count) {
    if (a->entry->verb->flags & VERB_IN_TURN && client->first) {
        client_wait_turn(client);
        return REQUEST_WAIT;
    }
    if (a->entry->verb->flags & VERB_TOKEN && !auth_may_look(client, &a->call))
        return REQUEST_WAIT;
    count_request(client, a, words, count);
    a->entry->verb->run(request_of(client, a), &a->call);
    if (a->entry->verb->flags & VERB_TOKEN)
        client->auth_turn = AUTH_NONE; // it was for this request alone
    return REQUEST_TAKEN;
}

// As answer.h's is_miss: nil, or an empty array.
static bool is_miss(struct slice reply) {
    return (reply.data[0] == '$' && reply.data[1] == '-') ||
           (reply.data[0] == '*' && reply.data[1] == '0');
}

// Replies what is kept, without a request of its own when it is its turn. False: nothing is kept.
static bool answer_from_near(struct client *client, const struct admission *a,
                             const struct near_question *q, uint64_t now_ms) {
    struct context *context = client->context;
    struct slice reply = near_find(context->reactor.near, a->space, q, now_ms);
    size_t most = (size_t)context->policy->settings->daemon.client_output;
    if (!reply.data || client_unread(client) + reply.len > most)
        return false;
    struct space_stats *stats = a->space->stats;
    stats->near_hits++;
    if (a->entry->verb->flags & VERB_TWO_STEPS)
        waits_count_kept(a->space, reply);
    if (is_miss(reply))
        stats->misses++;
    else
        stats->hits++;
    stats->bytes_out += reply.len;
    if (!client->first) {
        bytes_append_slice(stream_out(&client->stream), reply);
        return true;
    }
    struct request *r = request_of(client, a);
    bytes_append_slice(&r->reply, reply);
    request_finish(r);
    return true;
}

// answer_stale() may be asked for it.
static bool may_be_stale(const struct admission *a) {
    return a->entry->verb->flags & VERB_TWO_STEPS && a->space->conf->on_error == ON_ERROR_STALE;
}

// Whether a verb says itself how much it takes.
static bool takes_many(const struct admission *a) {
    unsigned has_count = a->entry->signature.has_kinds & 1U << ARG_COUNT;
    return a->entry->verb->flags & VERB_UNCUT && has_count && a->call.argc > 1;
}

// Replies of numbers cost next to nothing; and many may wait for a memo on one connection.
static bool needs_no_room(const struct verb *verb) {
    return verb->miss == MISS_ZERO || verb->miss == MISS_NO_KEY || verb->flags & VERB_TWO_STEPS;
}

// Whether the replies under way might fill client_output, and one more had no room. Of a verb that
// takes what was stored each may have max_value; of a read, what the client's replies had lately.
// A verb that takes many has all room for itself.
static bool lacks_room(struct client *client, const struct admission *a) {
    uint64_t most = (uint64_t)client->context->policy->settings->daemon.client_output;
    uint64_t each = client->reply_size, unread = client_unread(client);
    if (each == 0)
        each = client->reply_size = (size_t)a->space->conf->max_value;
    if (a->entry->verb->flags & VERB_UNCUT)
        each = (uint64_t)a->space->conf->max_value;
    if (client->pending == 0 && unread == 0)
        return false;
    return takes_many(a) ||
           (unread + (client->pending + 1) * each > most && !needs_no_room(a->entry->verb));
}

// Nothing more is taken of the client until its requests are answered, or its replies read.
static void wait_for_replies(struct client *client) {
    if (client->first)
        client_wait_turn(client);
    else
        client->is_over = true;
}

static enum request_result start_remote(struct client *client, const struct admission *a,
                                        const struct slice *words, size_t count, bool may_wait) {
    struct context *context = client->context;
    uint64_t now_ms = uv_now(&context->reactor.loop);
    enum near_duty duty = NEAR_NOTHING;
    struct near_question q;
    if (a->entry->verb->flags & VERB_NEAR && !context->is_draining)
        duty = near_duty_of(a->space, now_ms);
    if (duty != NEAR_NOTHING) {
        q = near_ask(context->reactor.near, a->space, a->entry, &a->call, &context->question);
        if (duty == NEAR_KEEP && answer_from_near(client, a, &q, now_ms)) {
            count_request(client, a, words, count);
            return REQUEST_TAKEN;
        }
    }
    if (may_wait && a->entry->verb->flags & (VERB_READ | VERB_UNCUT) && lacks_room(client, a)) {
        wait_for_replies(client);
        return REQUEST_WAIT;
    }
    enum backend_room room = backend_room(a->space->backend);
    if (room == BACKEND_FULL && may_wait && !context->is_draining) {
        backend_wait(a->space->backend, &client->waiter);
        return REQUEST_WAIT;
    }
    count_request(client, a, words, count);
    a->space->stats->clamped += a->call.ttl_reason == TTL_CLAMPED;
    struct request *r = request_of(client, a);
    if (duty != NEAR_NOTHING)
        near_note_read(&r->note, near_of(r), a->space, &q, duty, may_be_stale(a), now_ms);
    if (context->is_draining)
        request_fail(r, REPLY_UNAVAILABLE, "the daemon is ending");
    else
        send_to_backend(r, a, room);
    return REQUEST_TAKEN;
}

static __attribute__((noinline)) void complain_of(struct client *client, struct slice verb) {
    struct bytes said = {0};
    bytes_printf(&said, "user %s: ", client->caller.user ? client->caller.user->name : "none");
    bytes_append_readable(&said, verb, 64);
    bytes_append(&said, "", 1);
    client_complain(client, LOG_LEVEL_INFO, "NOPERM", said.data);
    bytes_deinit(&said);
}

// Whether the request's values, too long to be looked at on the loop, are JSON. False with
// *must_wait: a check finds that out, and then the request is started again; false without:
// refused.
static __attribute__((noinline)) bool admit_json(struct client *client, struct slice first_word,
                                                 struct admission *a, bool *must_wait) {
    if (client->check) {
        assert(json_check_is_done(client->check));
        a->code = REPLY_POLICY;
        return json_check_is_good(client->check) ||
               policy_refuse_kind(a->space, "JSON", &a->refusal, &client->context->scratch);
    }
    struct json_check *check = json_check_new();
    for (size_t i = 0; i < a->call.argc; i++) {
        struct slice arg = a->call.args[i];
        if (signature_kind(&a->entry->signature, i) == ARG_VALUE)
            json_check_add(check, (size_t)(arg.data - first_word.data), arg.len);
    }
    client_wait_check(client, check);
    *must_wait = true;
    return false;
}

enum request_result request_start(struct client *client, const struct slice *words, size_t count,
                                  bool may_wait) {
    struct context *context = client->context;
    struct admission a;
    bool must_wait = false;
    context->scratch.len = 0;
    if (admit(context, &client->caller, words, count, &a, &context->scratch) &&
        (a.call.json_bytes <= JSON_AT_ONCE || admit_json(client, words[0], &a, &must_wait)))
        return a.entry->verb->run ? start_local(client, &a, words, count)
                                  : start_remote(client, &a, words, count, may_wait);
    if (must_wait)
        return REQUEST_WAIT;
    count_request(client, &a, words, count);
    if (a.code == REPLY_NOPERM)
        complain_of(client, words[0]);
    if (a.code == REPLY_POLICY)
        a.space->stats->refused[a.refusal]++;
    refuse_with(client, a.space, a.code, bytes_slice(&context->scratch));
    return REQUEST_TAKEN;
}
