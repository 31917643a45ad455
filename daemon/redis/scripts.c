#include "daemon/redis/scripts.h"

#include <assert.h>

#include "daemon/backend/backend.h"
#include "daemon/backend/conn.h"
#include "daemon/backend/room.h"
#include "daemon/policy/policy.h"
#include "daemon/policy/scripting.h"
#include "daemon/redis/script_store.h"
#include "daemon/redis/subcommand.h"
#include "daemon/request/request.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/command.h"
#include "protocol/redis/table.h"
#include "protocol/redis/wrapper.h"
#include "protocol/refusal.h"
#include "protocol/reply.h"
#include "protocol/syntax.h"
#include "protocol/verb.h"
#include "protocol/verb_table.h"

enum { STORE_MOST = 16 * 1024 * 1024 };

// No script has this SHA-1, so that Redis says NOSCRIPT in its own words.
#define NO_SCRIPT "0000000000000000000000000000000000000000"

static struct script_store *store; // shared by all workers

void scripts_start(void) { store = script_store_new(STORE_MOST); }

void scripts_end(void) { script_store_free(store); }

// --- reading ----------------------------------------------------------------------------------

// EVAL script numkeys key ... argument ...
static bool read_eval(struct redis_reading *r) {
    int64_t keys;
    if (!redis_read_integer(r, r->words[1], &keys))
        return false;
    if (keys < 0)
        return refusal_set(r->refusal, REPLY_ARGS, "Number of keys can't be negative");
    if ((uint64_t)keys > r->count - 2)
        return refusal_set(r->refusal, REPLY_ARGS,
                           "Number of keys can't be greater than number of args");
    r->call->key_at = keys > 0 ? 2 : 0;
    r->call->more_keys = 2;
    r->call->more_keys_end = 2 + (uint32_t)keys;
    return true;
}

// --- what Redis is sent -----------------------------------------------------------------------

static bool names_sha(const struct call *call) {
    const char *name = call->redis->row->name;
    return strncmp(name, "EVALSHA", strlen("EVALSHA")) == 0;
}

static bool is_read(const struct call *call) { return call->verb->flags & VERB_READ; }

// Returns the script of the call with a reference; NULL when the store does not have it.
static struct script *script_of(const struct call *call) {
    uint8_t sha[SCRIPT_SHA_SIZE];
    if (!names_sha(call))
        return script_store_add(store, call->args[0]);
    return script_sha_read(sha, call->args[0]) ? script_store_find(store, sha) : NULL;
}

static void wrap(struct bytes *text, const struct scripting *scripting,
                 const struct script *script) {
    wrapper_append(&scripting->wrapper, text, script->text);
}

// Wraps the script to learn the name that it has at Redis.
static void fill_name(struct scripting_name *name, const struct scripting *scripting,
                      const struct script *script) {
    struct bytes text = {0};
    uint8_t sha[SCRIPT_SHA_SIZE];
    wrap(&text, scripting, script);
    script_sha(sha, bytes_slice(&text));
    *name = (struct scripting_name){.is_set = true};
    script_sha_write(name->sent, sha);
    memcpy(name->script, script->sha, SCRIPT_SHA_SIZE);
    bytes_deinit(&text);
}

// Returns the script's place in its namespace, valid until the next call.
static struct scripting_name *name_of(struct scripting *scripting, const struct script *script) {
    struct scripting_name *set = scripting->names[script->sha[0] % SCRIPTING_SETS];
    size_t i = 0;
    while (i < SCRIPTING_WAYS - 1 && memcmp(set[i].script, script->sha, SCRIPT_SHA_SIZE) != 0)
        i++;
    struct scripting_name name = set[i];
    if (!name.is_set || memcmp(name.script, script->sha, SCRIPT_SHA_SIZE) != 0)
        fill_name(&name, scripting, script);
    memmove(set + 1, set, i * sizeof(*set));
    set[0] = name;
    return &set[0];
}

// Returns whether the server behind the connection should know the script by its name; notes that
// it will, from the request on that is sent now.
static bool is_known_there(struct scripting_name *name, const struct backend_conn *conn) {
    for (size_t i = 0; i < SCRIPTING_CONNS; i++)
        if (name->conns[i] == conn->id)
            return true;
    name->conns[name->next_conn++ % SCRIPTING_CONNS] = conn->id;
    return false;
}

// Writes what follows the script: the number of keys, the keys, and the arguments.
static void write_rest(struct command *c, const struct call *call) {
    command_word(c, call->args[1]);
    for (size_t i = 2; i < call->argc; i++) {
        if (i < call->more_keys_end)
            command_key(c, call, call->args[i]);
        else
            command_word(c, call->args[i]);
    }
    if (call->scripting->wrapper.brings_ttl)
        command_integer(c, is_read(call) ? 1 : call->ttl_ms);
}

static size_t words_of(const struct call *call) {
    return 1 + call->argc + call->scripting->wrapper.brings_ttl;
}

static void begin_eval(struct command *c, bool is_read, size_t words) {
    command_begin(c, is_read ? SLICE("EVAL_RO") : SLICE("EVAL"), words);
}

static void begin_evalsha(struct command *c, const struct call *call, struct slice sha) {
    command_begin(c, is_read(call) ? SLICE("EVALSHA_RO") : SLICE("EVALSHA"), words_of(call));
    command_word(c, sha);
}

static void write_whole(struct command *c, const struct script_place *place, bool is_read) {
    struct bytes text = {0};
    wrap(&text, place->scripting, place->script);
    begin_eval(c, is_read, place->words);
    command_word(c, bytes_slice(&text));
    bytes_deinit(&text);
}

// For a client's MULTI, which cannot be sent again: writes the whole script.
static void build(struct command *c, const struct call *call) {
    struct script *script = script_of(call);
    if (script) {
        struct script_place place = {script, call->scripting, (uint32_t)words_of(call)};
        write_whole(c, &place, is_read(call));
        script_store_release(store, script);
    } else {
        begin_evalsha(c, call, SLICE(NO_SCRIPT));
    }
    write_rest(c, call);
}

// --- steps ------------------------------------------------------------------------------------

static void let_go(struct request *r) {
    if (r->script.script)
        script_store_release(store, r->script.script);
    r->script.script = NULL;
}

// Writes EVALSHA, and keeps all behind the script's name for EVAL. The first time, EVAL is sent at
// once: it could not be sent later without being overtaken by the client's requests behind it.
static bool begin(struct request *r, struct backend_conn *conn, const struct call *call) {
    struct command *c = &r->slot.command;
    struct script *script = script_of(call);
    assert(call->scripting && r->key.len == 0);
    if (!script) {
        begin_evalsha(c, call, SLICE(NO_SCRIPT));
        write_rest(c, call);
        return true;
    }
    r->script = (struct script_place){script, call->scripting, (uint32_t)words_of(call)};
    struct scripting_name *name = name_of(call->scripting, script);
    if (!is_known_there(name, conn)) {
        write_whole(c, &r->script, is_read(call));
        write_rest(c, call);
        let_go(r);
        return true;
    }
    begin_evalsha(c, call, (struct slice){name->sent, SCRIPT_HEX_SIZE});
    size_t start = c->out->len;
    write_rest(c, call);
    bytes_append(&r->key, c->out->data + start, c->out->len - start);
    return true;
}

// Sends the whole script, because Redis has none of that name.
static void repeat(struct request *r, struct backend_conn *conn) {
    struct command *c = &r->slot.command;
    request_send_again(r, conn, r->render);
    write_whole(c, &r->script, r->entry->verb->flags & VERB_READ);
    bytes_append_slice(c->out, bytes_slice(&r->key));
    let_go(r);
    backend_conn_push(conn, &r->slot);
}

static bool is_unknown_there(const struct answer *a) {
    struct slice reply = {a->out->data + a->start, a->out->len - a->start};
    return a->is_failed && !a->is_too_long && slice_begins(reply, SLICE("-NOSCRIPT "));
}

static bool on_answer(struct request *r, const struct answer *a) {
    if (!r->script.script)
        return false;
    if (!is_unknown_there(a)) {
        let_go(r);
        return false;
    }
    enum backend_room room;
    struct backend_conn *conn = backend_pick(r->namespace->backend, r->hash_slot, &room);
    answer_cancel(a);
    if (conn) {
        repeat(r, conn);
        return true;
    }
    request_unanswered(r, REPLY_UNAVAILABLE, request_refused(room));
    request_release(r);
    return true;
}

static const struct request_steps steps = {
    .begin = begin, .answered = on_answer, .failed = let_go, .abandoned = let_go};

void scripts_init(struct context *context) { context->script_steps = &steps; }

bool scripts_know(const struct call *call) {
    uint8_t sha[SCRIPT_SHA_SIZE];
    if (!names_sha(call))
        return true;
    struct script *script =
        script_sha_read(sha, call->args[0]) ? script_store_find(store, sha) : NULL;
    if (script)
        script_store_release(store, script);
    return script != NULL;
}

void scripts_admit(struct context *context, struct namespace *namespace, struct call *call) {
    bool is_bound = !call->has_whole_keys;
    struct scripting **scripting = &namespace->scripting[is_bound];
    if (!*scripting)
        *scripting =
            scripting_new(namespace->conf, &namespace->verbs, verb_redis(context->verbs), is_bound);
    call->scripting = *scripting;
}

// --- SCRIPT -----------------------------------------------------------------------------------

static void run_load(struct request *r, const struct call *call) {
    char hex[SCRIPT_HEX_SIZE];
    struct script *script = script_store_add(store, call->args[1]);
    script_sha_write(hex, script->sha);
    script_store_release(store, script);
    reply_bulk(request_out(r), (struct slice){hex, sizeof(hex)});
    request_finish(r);
}

static void run_exists(struct request *r, const struct call *call) {
    reply_array(request_out(r), call->argc - 1);
    for (size_t i = 1; i < call->argc; i++) {
        uint8_t sha[SCRIPT_SHA_SIZE];
        struct script *script =
            script_sha_read(sha, call->args[i]) ? script_store_find(store, sha) : NULL;
        reply_integer(request_out(r), script != NULL);
        if (script)
            script_store_release(store, script);
    }
    request_finish(r);
}

static bool is_flush_mode(struct slice word) {
    return slice_equal_nocase(word, SLICE("ASYNC")) || slice_equal_nocase(word, SLICE("SYNC"));
}

// The store is everybody's, so that nobody may empty it.
static void run_flush(struct request *r, const struct call *call) {
    if (call->argc > 2 || (call->argc == 2 && !is_flush_mode(call->args[1]))) {
        request_fail(r, REPLY_ARGS, "SCRIPT FLUSH only support SYNC|ASYNC option");
        return;
    }
    reply_status(request_out(r), "OK");
    request_finish(r);
}

static const struct subcommand of_script[] = {
    {"LOAD", "script", "Keep the script for EVALSHA, without running it.", 1, 1, run_load},
    {"EXISTS", "sha1 [sha1 ...]", "Whether EVALSHA finds each of the scripts: 1, else 0.", 1,
     SUBCOMMAND_ANY, run_exists},
    {"FLUSH", "[ASYNC|SYNC]", "Nothing: the scripts are kept, since all clients share them.", 0,
     SUBCOMMAND_ANY, run_flush},
    {.name = "DEBUG"},
    {.name = "KILL"},
    {0},
};

static void run_script(struct request *r, const struct call *call) {
    subcommand_run(r, call, of_script);
}

#define EVAL_SYNTAX    "script n [argument ...]"
#define EVALSHA_SYNTAX "sha1 n [argument ...]"

const struct redis_row scripts_rows[] = {
    {
        .name = "EVAL",
        .syntax = EVAL_SYNTAX,
        .summary = "runs a script with n keys, within the namespace's policy",
        .flags = VERB_WRITE | VERB_TWO_STEPS | VERB_SCRIPT | VERB_LONG,
        .read = read_eval,
        .build = build,
        .render = render_as_is,
    },
    {
        .name = "EVALSHA",
        .syntax = EVALSHA_SYNTAX,
        .summary = "the same for a script that was run or loaded before",
        .flags = VERB_WRITE | VERB_TWO_STEPS | VERB_SCRIPT | VERB_LONG,
        .read = read_eval,
        .build = build,
        .render = render_as_is,
    },
    {
        .name = "EVAL_RO",
        .syntax = EVAL_SYNTAX,
        .summary = "the same for a script that only reads",
        .flags = VERB_READ | VERB_TWO_STEPS | VERB_SCRIPT | VERB_LONG,
        .read = read_eval,
        .build = build,
        .render = render_as_is,
    },
    {
        .name = "EVALSHA_RO",
        .syntax = EVALSHA_SYNTAX,
        .summary = "the same for a script that only reads, and was run or loaded before",
        .flags = VERB_READ | VERB_TWO_STEPS | VERB_SCRIPT | VERB_LONG,
        .read = read_eval,
        .build = build,
        .render = render_as_is,
    },
    {
        .name = "SCRIPT",
        .syntax = "what [argument ...]",
        .summary = "LOAD script, EXISTS sha1 ..., FLUSH: of the scripts that EVALSHA finds",
        .render = render_as_is,
        .run = run_script,
    },
    {0},
};
