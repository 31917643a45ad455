// Commands about nothing but the connection: PING, ECHO, QUIT, SELECT, and those that some clients
// send to any server.
#include <inttypes.h>

#include "conf/sections.h"
#include "daemon/policy/mapping.h"
#include "daemon/redis/own_reply.h"
#include "daemon/redis/own_rows.h"
#include "daemon/redis/redis_session.h"
#include "daemon/request/context.h"
#include "daemon/request/request.h"
#include "daemon/request/session.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/number.h"
#include "protocol/redis/row.h"
#include "protocol/refusal.h"
#include "protocol/reply.h"
#include "protocol/verb.h"

static void run_echo(struct request *r, const struct call *call) {
    if (call->args[0].len > (size_t)r->policy->settings->daemon.client_output) {
        request_fail(r, REPLY_OVERLOADED, ANSWER_TOO_LONG);
        return;
    }
    reply_bulk(request_out(r), call->args[0]);
    request_finish(r);
}

static void run_ping(struct request *r, const struct call *call) {
    if (call->argc > 0) {
        run_echo(r, call);
        return;
    }
    reply_status(request_out(r), "PONG");
    request_finish(r);
}

// Begins with Redis's own words, which libraries show, and says what would give the number a
// meaning.
static void refuse_database(struct request *r, int64_t database) {
    const struct session *session = r->session;
    struct refusal *refusal = &session->context->refusal;
    if (session->mapping)
        refusal_set(refusal, REPLY_ARGS,
                    "DB index is out of range: [listener %s] has no 'select = %" PRId64
                    ": NAMESPACE'",
                    session->mapping->conf->name, database);
    else
        refusal_set(refusal, REPLY_UNAVAILABLE, REDIS_NO_LISTENER);
    request_fail_with(r, refusal);
}

// Some clients go on in silence when their SELECT is refused. So that nothing of theirs ends up in
// another namespace, the number that is none also leaves them without one.
static void run_select(struct request *r, const struct call *call) {
    int64_t database;
    bool is_number = number_parse_int(call->args[0], &database) && database >= INT32_MIN &&
                     database <= INT32_MAX;
    if (redis_session_select(r->session, is_number ? database : -1))
        own_finish_ok(r);
    else if (is_number)
        refuse_database(r, database);
    else
        request_fail(r, REPLY_ARGS, "value is not an integer or out of range");
}

static void run_ok(struct request *r, const struct call *call) {
    (void)call;
    own_finish_ok(r);
}

const struct redis_row own_connection[] = {
    {.name = "PING", .verb = "ping", .syntax = "[M]", .flags = VERB_NO_AUTH, .run = run_ping},
    {.name = "ECHO", .verb = "echo", .syntax = "message", .run = run_echo},
    {
        .name = "QUIT",
        .verb = "quit",
        .syntax = "[word ...]",
        .flags = VERB_NO_AUTH | VERB_CLOSE,
        .run = run_ok,
    },
    {
        .name = "SELECT",
        .verb = "select",
        .syntax = "index",
        .summary = "takes the namespace that the listener names for the number; 0 is its own",
        .run = run_select,
    },
    {
        .name = "READONLY",
        .syntax = "",
        .summary = "OK: any connection may read",
        .run = run_ok,
    },
    {
        .name = "READWRITE",
        .syntax = "",
        .summary = "OK: any connection may write",
        .run = run_ok,
    },
    {
        .name = "UNWATCH",
        .syntax = "",
        .summary = "OK: no key is watched",
        .run = run_ok,
    },
    {0},
};
