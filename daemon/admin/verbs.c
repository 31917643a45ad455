#include "daemon/admin/verbs.h"

#include <inttypes.h>

#include "daemon/admin/explain.h"
#include "daemon/admin/hot_keys_verb.h"
#include "daemon/admin/kill_verb.h"
#include "daemon/admin/reload_verb.h"
#include "daemon/admin/tap_verb.h"
#include "daemon/request/auth.h"
#include "daemon/request/context.h"
#include "daemon/request/named.h"
#include "daemon/request/purge.h"
#include "daemon/request/request.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/collection.h"
#include "protocol/refusal.h"
#include "protocol/reply.h"
#include "protocol/verb.h"
#include "protocol/verb_table.h"

static void run_ping(struct request *r, const struct call *call) {
    size_t most = (size_t)r->policy->settings->daemon.client_output;
    if (call->argc > 0 && call->args[0].len > most) {
        request_fail(r, REPLY_OVERLOADED, ANSWER_TOO_LONG);
        return;
    }
    if (call->argc > 0)
        reply_bulk(request_out(r), call->args[0]);
    else
        reply_status(request_out(r), "PONG");
    request_finish(r);
}

static void run_quit(struct request *r, const struct call *call) {
    (void)call;
    reply_status(request_out(r), "OK");
    request_finish(r);
}

static const struct slice *credentials_of_auth(const struct call *call) { return call->args; }

static void run_auth(struct request *r, const struct call *call) {
    if (!auth_try(r, call->args[0], call->args[1]))
        return;
    reply_status(request_out(r), "OK");
    request_finish(r);
}

static void run_reload(struct request *r, const struct call *call) {
    (void)call;
    reload_verb_run(r);
}

static void run_purge(struct request *r, const struct call *call) {
    (void)call;
    purge_start(r);
}

// A command of the Redis dialect, which this list of verbs would drown in.
static bool is_of_redis(const struct verb_entry *entry) {
    return entry->verb->flags & VERB_DIALECT;
}

// Returns whether the verb is one of those that `name` asks for: "dict", or "redis". Of "list"
// there are no others than Redis's.
static bool is_listed(const struct verb_entry *entry, struct slice name) {
    bool is_of_collection = slice_equal_nocase(name, slice_of(collection_name(entry->collection)));
    if (!is_of_redis(entry))
        return is_of_collection;
    return slice_equal_nocase(name, SLICE("redis")) ||
           (is_of_collection && !collection_verbs(entry->collection)->name);
}

static void run_help(struct request *r, const struct call *call) {
    const struct verb_table *verbs = r->context->verbs;
    const struct verb_entry *entry;
    struct bytes text = {0};
    if (call->argc > 0 && (entry = verb_find(verbs, call->args[0]))) {
        verb_append_help(&text, entry->verb);
        request_finish_text(r, &text);
        return;
    }
    for (size_t i = 0; (entry = verb_at(verbs, i)); i++)
        if (call->argc == 0 ? !is_of_redis(entry) : is_listed(entry, call->args[0]))
            verb_append_help(&text, entry->verb);
    if (text.len == 0) {
        named_fail_verb(r, call->args[0]);
        return;
    }
    verb_append_legend(&text);
    request_finish_text(r, &text);
}

static void run_explain(struct request *r, const struct call *call) {
    struct bytes text = {0};
    struct refusal refusal = {0};
    if (explain(r->session, call->args, call->argc, &text, &refusal))
        request_finish_text(r, &text);
    else
        request_fail_with(r, &refusal);
    refusal_deinit(&refusal);
}

const struct verb admin_verbs[] = {
    {
        .name = "ping",
        .flags = VERB_NO_AUTH,
        .syntax = "[M]",
        .summary = "PONG, or M",
        .run = run_ping,
    },
    {
        .name = "quit",
        .flags = VERB_NO_AUTH | VERB_CLOSE,
        .syntax = "",
        .summary = "OK, and closes the connection",
        .run = run_quit,
    },
    {
        .name = "auth",
        .flags = VERB_NO_AUTH,
        .credentials = credentials_of_auth,
        .syntax = "USER TOKEN",
        .summary = "says who asks from now on",
        .run = run_auth,
    },
    {
        .name = "reload",
        .flags = VERB_ADMIN | VERB_BARRIER,
        .syntax = "",
        .summary = "reads the configuration again: OK, or the first problem; all or nothing",
        .run = run_reload,
    },
    {
        .name = "purge",
        .flags = VERB_ADMIN | VERB_BARRIER | VERB_WRITE | VERB_REMOVES,
        .syntax = "N",
        .summary = "removes every key of the namespace, step by step; replies how many",
        .build = purge_build,
        .run = run_purge,
    },
    {
        .name = "hotkeys",
        .flags = VERB_ADMIN | VERB_BARRIER,
        .syntax = "[for=] [count]",
        .summary = "samples which keys are asked for most, for 10s, and tells of the hottest, 10",
        .run = hot_keys_verb_run,
    },
    {
        .name = "tap",
        .flags = VERB_ADMIN | VERB_IN_TURN | VERB_BARRIER,
        .syntax = "[namespace=] [verb=] [sample=] [slow=]",
        .summary = "OK, then a line for each request that passes, until the client says more",
        .run = tap_verb_run,
    },
    {
        .name = "kill",
        .flags = VERB_ADMIN,
        .syntax = "id",
        .summary = "closes the client of that id: 1, or 0 if there is none",
        .run = kill_verb_run,
    },
    {
        .name = "help",
        .flags = VERB_NO_AUTH,
        .syntax = "[verb]",
        .summary = "syntax and summary of a verb, of a collection's (help key), or of all",
        .run = run_help,
    },
    {
        .name = "explain",
        .flags = VERB_READ,
        .syntax = "VERB [word ...]",
        .summary = "what that request would do, without doing it",
        .run = run_explain,
    },
};
const size_t admin_verb_count = sizeof(admin_verbs) / sizeof(*admin_verbs);
