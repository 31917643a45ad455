#include "daemon/redis/multi.h"

#include "daemon/backend/backend.h"
#include "daemon/policy/identity.h"
#include "daemon/policy/mapping.h"
#include "daemon/policy/policy.h"
#include "daemon/redis/admission.h"
#include "daemon/redis/places.h"
#include "daemon/redis/redis_session.h"
#include "daemon/request/request.h"
#include "protocol/answer.h"
#include "protocol/call.h"
#include "protocol/command.h"
#include "protocol/mem.h"
#include "protocol/redis/passed.h"
#include "protocol/redis/resp3.h"
#include "protocol/redis/table.h"
#include "protocol/reply.h"
#include "protocol/syntax.h"
#include "protocol/verb.h"
#include "protocol/verb_table.h"

struct queued {
    size_t count; // of words, the name included
};

// The calls of the commands, made when EXEC comes. They point into the words of the MULTI.
struct plan {
    struct call_block block;
    struct call *calls;
    struct slice *words;
    struct call_key_part **parts; // of each call; NULL: none
    struct namespace *namespace;  // of the first key; NULL: no command has a key
    const struct call *keyed;     // the first call with a key
    bool is_scripted;
};

struct multi {
    const struct policy *policy;   // when the member below was set; both are only compared
    const struct backend *backend; // of the first key
    unsigned hash_slot;            // of that key
    struct bytes words;            // the bytes of all words, one behind the other
    struct bytes sizes;            // their lengths: a size_t each
    struct bytes queued;           // a struct queued for each command
    size_t count;                  // of commands
    struct plan *plan;
    bool is_aborted;            // a command was refused, so EXEC will be
    bool is_ended;              // EXEC was admitted …
    uint64_t ended_at;          // … when the session had taken so many requests
    const struct request *exec; // that was sent; NULL: none yet
};

// --- life -------------------------------------------------------------------------------------

static void free_plan(struct plan *plan) {
    if (!plan)
        return;
    for (size_t i = 0; i < plan->block.count; i++)
        mem_free(plan->parts[i]);
    mem_free(plan->parts);
    mem_free(plan->calls);
    mem_free(plan->words);
    mem_free(plan);
}

void multi_forget(struct session *session) {
    struct multi *m = session->redis->multi;
    if (!m)
        return;
    free_plan(m->plan);
    bytes_deinit(&m->words);
    bytes_deinit(&m->sizes);
    bytes_deinit(&m->queued);
    mem_free(m);
    session->redis->multi = NULL;
}

bool multi_goes_on(struct session *session) {
    const struct multi *m = session->redis->multi;
    // An EXEC that has to wait is admitted again, and is not taken before.
    if (m->is_ended && session->requests != m->ended_at)
        multi_forget(session);
    return session->redis->multi != NULL;
}

// --- commands ---------------------------------------------------------------------------------

static size_t size_at(const struct multi *m, size_t word) {
    size_t size;
    memcpy(&size, m->sizes.data + word * sizeof(size), sizeof(size));
    return size;
}

static size_t words_at(const struct multi *m, size_t command) {
    struct queued q;
    memcpy(&q, m->queued.data + command * sizeof(q), sizeof(q));
    return q.count;
}

// The memory that EXEC needs for each command, besides its words: a place in the plan, and one in
// the answer.
enum { COMMAND_SIZE = sizeof(struct call) + sizeof(struct queued) + sizeof(struct answer_item) };

// The memory of the whole block, which the client's max_request bounds.
static bool has_room(const struct session *session, const struct slice *words, size_t count) {
    const struct multi *m = session->redis->multi;
    size_t size = m->words.len + m->sizes.len + count * sizeof(size_t);
    size += (m->count + 1) * COMMAND_SIZE;
    for (size_t i = 0; i < count; i++)
        size += words[i].len;
    return size <= (size_t)session->context->policy->settings->daemon.max_request;
}

static void keep(struct multi *m, const struct slice *words, size_t count) {
    struct queued q = {count};
    for (size_t i = 0; i < count; i++) {
        bytes_append_slice(&m->words, words[i]);
        bytes_append(&m->sizes, &words[i].len, sizeof(words[i].len));
    }
    bytes_append(&m->queued, &q, sizeof(q));
    m->count++;
}

// Returns whether the command may be sent to Redis: it is one of Redis's with keys, or harmless.
static bool is_for_redis(const struct admission *a) {
    static const char *const names[] = {"PING", "ECHO", "TIME"};
    const struct redis_command *command = a->call.redis;
    if (!command || a->namespace)
        return command != NULL;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strcmp(command->row->name, names[i]) == 0)
            return true;
    return false;
}

static bool refuse_inside(struct slice word, struct refusal *refusal) {
    return refusal_set(refusal, REPLY_ARGS, "Command '%.*s' not allowed inside a transaction",
                       REPLY_WORD(word));
}

// All commands of a block go to one server. A reload may have replaced the backend, under the same
// name.
static bool has_one_place(const struct session *session, const struct admission *a,
                          struct refusal *refusal) {
    struct multi *m = session->redis->multi;
    const struct backend *backend = a->namespace->backend;
    unsigned hash_slot = backend_hash_slot(backend, call_key(&a->call));
    if (!m->backend || m->policy != session->context->policy) {
        m->policy = session->context->policy;
        m->backend = backend;
        m->hash_slot = hash_slot;
    }
    if (m->backend == backend && m->hash_slot == hash_slot)
        return true;
    return refusal_set(refusal, REPLY_CROSSSLOT, "the commands of a MULTI have one server");
}

// --- the plan ---------------------------------------------------------------------------------

static void keep_parts(struct plan *plan, struct call *call, const struct signature *s,
                       size_t number) {
    if (!call->parts)
        return;
    size_t keys = syntax_count_keys(s, call);
    plan->parts[number] = mem_new(keys * sizeof(**plan->parts));
    memcpy(plan->parts[number], call->parts, keys * sizeof(**plan->parts));
    call->parts = plan->parts[number];
}

static bool add_call(struct session *session, struct plan *plan, struct slice *words, size_t count,
                     size_t number, struct refusal *refusal) {
    struct admission a;
    struct call *call = &plan->calls[number];
    if (!redis_admit(session, words, count, &a, refusal))
        return false;
    *call = a.call;
    plan->is_scripted = plan->is_scripted || a.entry->verb->flags & VERB_SCRIPT;
    if (!is_for_redis(&a))
        return refuse_inside(words[0], refusal);
    if (!a.namespace)
        return true;
    keep_parts(plan, call, &a.entry->signature, number);
    if (!plan->keyed) {
        plan->keyed = call;
        plan->namespace = a.namespace;
    }
    return has_one_place(session, &a, refusal);
}

// A block without a key goes to a server that the client may ask.
static struct namespace *any_namespace(const struct session *session) {
    struct place place;
    for (size_t i = 0; i < places_count(session); i++)
        if (place_at(session, i, &place))
            return place.namespace;
    return NULL;
}

static bool fill_plan(struct session *session, struct plan *plan, struct refusal *refusal) {
    struct multi *m = session->redis->multi;
    size_t word = 0, at = 0;
    m->backend = NULL;
    for (size_t i = 0; i < m->count; i++) {
        struct slice *words = plan->words + word;
        size_t count = words_at(m, i);
        for (size_t j = 0; j < count; j++) {
            words[j] = (struct slice){m->words.data + at, size_at(m, word++)};
            at += words[j].len;
        }
        if (!add_call(session, plan, words, count, i, refusal))
            return false;
    }
    if (!plan->namespace)
        plan->namespace = any_namespace(session);
    return plan->namespace != NULL ||
           refusal_set(refusal, REPLY_NOPERM, "no namespace is yours here");
}

// Returns NULL with a refusal when a command is refused now.
static struct plan *make_plan(struct session *session, struct refusal *refusal) {
    const struct multi *m = session->redis->multi;
    struct plan *plan = mem_new(sizeof(*plan));
    plan->calls = mem_new(m->count * sizeof(*plan->calls));
    plan->words = mem_new(m->sizes.len / sizeof(size_t) * sizeof(*plan->words));
    plan->parts = mem_new(m->count * sizeof(*plan->parts));
    plan->block = (struct call_block){plan->calls, m->count};
    if (fill_plan(session, plan, refusal))
        return plan;
    free_plan(plan);
    return NULL;
}

// --- EXEC -------------------------------------------------------------------------------------

// The places of the rows behind EXEC's own.
enum { EXEC_OUTSIDE, EXEC_BLOCK, EXEC_EMPTY };

static const struct redis_command *find(const struct session *session, const char *name) {
    return redis_find(verb_redis(session->context->verbs), slice_of(name));
}

static bool refuse_exec(struct refusal *refusal) {
    return refusal_set(refusal, REPLY_EXECABORT, "a command was refused");
}

static bool admit_exec(struct session *session, struct admission *a, struct refusal *refusal) {
    static const struct slice no_key = {"", 0};
    struct multi *m = session->redis->multi;
    const struct redis_command *exec = find(session, "EXEC");
    m->is_ended = true;
    m->ended_at = session->requests;
    a->entry = &exec->entry;
    if (m->is_aborted)
        return refuse_exec(refusal);
    exec += m->count == 0 ? EXEC_EMPTY : EXEC_BLOCK;
    a->entry = &exec->entry;
    call_begin(&a->call, exec->entry.verb, exec);
    a->call.args = &no_key;
    a->call.argc = 0;
    if (m->count == 0)
        return true;
    free_plan(m->plan);
    m->plan = make_plan(session, refusal);
    if (!m->plan)
        return refuse_exec(refusal);
    const struct call *keyed = m->plan->keyed;
    a->namespace = m->plan->namespace;
    a->call.prefix = keyed ? keyed->prefix : SLICE("");
    a->call.args = keyed ? keyed->args : &no_key;
    a->call.argc = keyed ? keyed->argc : 1;
    a->call.key_at = keyed ? keyed->key_at : 0;
    a->call.block = &m->plan->block;
    return true;
}

static void write_commands(struct command *c, const struct call_block *block,
                           struct answer_block *answer) {
    command_transaction_begin(c);
    for (size_t i = 0; i < block->count; i++) {
        passed_write(c, &block->calls[i]);
        if (answer)
            answer->items[i].limit = c->limit;
    }
    for (size_t i = 0; i < block->count; i++)
        passed_repair(c, &block->calls[i]);
    command_begin(c, SLICE("EXEC"), 1);
}

static void write_block(struct command *c, const struct call *call) {
    write_commands(c, call->block, NULL);
}

static bool begin_block(struct request *r, struct backend_conn *conn, const struct call *call) {
    struct multi *m = r->session->redis->multi;
    const struct plan *plan = m->plan;
    size_t count = call->block->count;
    struct answer_block *block = mem_new(sizeof(*block) + count * sizeof(*block->items));
    (void)conn;
    block->count = count;
    block->is_resp3 = r->session->is_resp3;
    block->is_scripted = plan->is_scripted;
    for (size_t i = 0; i < count; i++) {
        const struct verb_entry *entry = &call->block->calls[i].redis->entry;
        bool is_remote = entry->build != NULL;
        block->items[i].render = is_remote ? entry->verb->render : render_as_is;
        block->items[i].shape = is_remote ? entry->shape : SHAPE_SAME;
    }
    r->block = block;
    m->exec = r;
    write_commands(&r->slot.command, call->block, block);
    return true;
}

// The commands are forgotten as well, for the client may say nothing for long.
static void free_block(struct request *r) {
    struct session *session = r->session;
    mem_free(r->block);
    r->block = NULL;
    if (session && session->redis && session->redis->multi && session->redis->multi->exec == r)
        multi_forget(session);
}

static bool on_answered(struct request *r, const struct answer *a) {
    (void)a;
    free_block(r);
    return false;
}

static const struct request_steps steps = {
    .begin = begin_block, .answered = on_answered, .failed = free_block, .abandoned = free_block};

void multi_init(struct context *context) { context->block_steps = &steps; }

// --- all --------------------------------------------------------------------------------------

static bool admit_queued(struct session *session, struct slice *words, size_t count,
                         struct admission *a, struct refusal *refusal) {
    struct multi *m = session->redis->multi;
    if (!has_room(session, words, count))
        return refusal_set(
            refusal, REPLY_OVERLOADED,
            "the commands of a MULTI have max_request bytes at most, %zu of them for each",
            (size_t)COMMAND_SIZE);
    keep(m, words, count); // before the words may be moved
    if (!redis_admit(session, words, count, a, refusal))
        return false;
    if (!is_for_redis(a))
        return refuse_inside(words[0], refusal);
    return !a->namespace || has_one_place(session, a, refusal);
}

// Returns the command that goes on with the MULTI itself, or ends it, or the connection; NULL: the
// word names none of these.
static const struct redis_command *find_own(const struct session *session, struct slice word) {
    static const char *const names[] = {"MULTI", "DISCARD", "RESET", "QUIT"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (slice_equal_nocase(word, slice_of(names[i])))
            return find(session, names[i]);
    return NULL;
}

bool multi_admit(struct session *session, struct slice *words, size_t count, struct admission *a,
                 struct refusal *refusal) {
    struct multi *m = session->redis->multi;
    a->namespace = NULL;
    a->entry = NULL;
    if (slice_equal_nocase(words[0], SLICE("EXEC")) && count == 1)
        return admit_exec(session, a, refusal);
    if (find_own(session, words[0]))
        return redis_admit(session, words, count, a, refusal);
    if (admit_queued(session, words, count, a, refusal)) {
        a->namespace = NULL;
        a->entry = &(find(session, "MULTI") + 1)->entry;
        return true;
    }
    m->is_aborted = true;
    return false;
}

static void run_multi(struct request *r, const struct call *call) {
    struct redis_session *s = r->session->redis;
    (void)call;
    if (s->multi) {
        request_fail(r, REPLY_ARGS, "MULTI calls can not be nested");
        return;
    }
    s->multi = mem_new(sizeof(*s->multi));
    reply_status(request_out(r), "OK");
    request_finish(r);
}

static void run_queued(struct request *r, const struct call *call) {
    (void)call;
    reply_status(request_out(r), "QUEUED");
    request_finish(r);
}

static void run_exec(struct request *r, const struct call *call) {
    (void)call;
    request_fail(r, REPLY_ARGS, "EXEC without MULTI");
}

static void run_empty(struct request *r, const struct call *call) {
    (void)call;
    reply_array(request_out(r), 0);
    request_finish(r);
}

static void run_discard(struct request *r, const struct call *call) {
    (void)call;
    if (!r->session->redis->multi) {
        request_fail(r, REPLY_ARGS, "DISCARD without MULTI");
        return;
    }
    multi_forget(r->session);
    reply_status(request_out(r), "OK");
    request_finish(r);
}

const struct redis_row multi_rows[] = {
    {
        .name = "MULTI",
        .syntax = "",
        .summary = "begins a transaction: the commands that follow are run together by EXEC",
        .run = run_multi,
    },
    {.name = "MULTI", .verb = "redis.multi", .syntax = "", .is_variant = true, .run = run_queued},
    {
        .name = "EXEC",
        .syntax = "",
        .summary = "runs the commands since MULTI; replies an array of their replies",
        .run = run_exec,
    },
    {
        .name = "EXEC",
        .verb = "redis.exec",
        .syntax = "",
        .is_variant = true,
        .flags = VERB_WRITE | VERB_OWN_TTL | VERB_TWO_STEPS | VERB_BLOCK | VERB_LONG,
        .build = write_block,
        .render = render_as_is,
    },
    {.name = "EXEC", .verb = "redis.exec", .syntax = "", .is_variant = true, .run = run_empty},
    {
        .name = "DISCARD",
        .syntax = "",
        .summary = "forgets the commands since MULTI",
        .run = run_discard,
    },
    {0},
};
