// Hello: the commands by which a client says who it is, and which protocol it speaks: HELLO, AUTH,
// RESET.
#include "protocol/hello.h"
#include "daemon/policy/identity.h"
#include "daemon/redis/multi.h"
#include "daemon/redis/own_reply.h"
#include "daemon/redis/own_rows.h"
#include "daemon/redis/redis_session.h"
#include "daemon/request/auth.h"
#include "daemon/request/context.h"
#include "daemon/request/request.h"
#include "daemon/request/session.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/number.h"
#include "protocol/redis/row.h"
#include "protocol/refusal.h"
#include "protocol/reply.h"
#include "protocol/verb.h"

// --- HELLO ------------------------------------------------------------------------------------

static bool read_version(struct redis_reading *r) {
    int64_t version;
    if (!number_parse_int(r->words[0], &version))
        return refusal_set(r->refusal, REPLY_ARGS,
                           "Protocol version is not an integer or out of range");
    if (version != 2 && version != 3)
        return refusal_set(r->refusal, REPLY_NOPROTO, "unsupported protocol version");
    return true;
}

// HELLO [version [AUTH user password] [SETNAME name]]
static bool read_hello(struct redis_reading *r) {
    struct hello h;
    if (r->count > 0 && !read_version(r))
        return false;
    if (!hello_read(r->words, r->count, &h))
        return refusal_set(r->refusal, REPLY_ARGS, "Syntax error in HELLO option '%.*s'",
                           REPLY_WORD(r->words[h.wrong]));
    return !h.name || session_is_name(*h.name, REDIS_LONGEST_CLIENT_NAME) ||
           refusal_set(r->refusal, REPLY_ARGS, REDIS_BAD_CLIENT_NAME);
}

static const struct slice *credentials_of_hello(const struct call *call) {
    struct hello h;
    return hello_read(call->args, call->argc, &h) ? h.credentials : NULL;
}

static void greet(struct request *r) {
    const struct session *session = r->session;
    struct bytes *out = request_out(r);
    own_map(r, 7);
    own_text(r, "server");
    own_text(r, "redis");
    own_text(r, "version");
    own_text(r, REDIS_VERSION);
    own_text(r, "proto");
    reply_integer(out, session->is_resp3 ? 3 : 2);
    own_text(r, "id");
    reply_integer(out, (int64_t)session->id);
    own_text(r, "mode");
    own_text(r, "standalone");
    own_text(r, "role");
    own_text(r, "master");
    own_text(r, "modules");
    reply_array(out, 0);
    request_finish(r);
}

static void run_hello(struct request *r, const struct call *call) {
    struct session *session = r->session;
    struct hello h;
    if (!hello_read(call->args, call->argc, &h))
        h = (struct hello){0}; // read_hello() has refused it
    if (h.credentials && !auth_try(r, h.credentials[0], h.credentials[1]))
        return;
    if (!identity_is_known(&session->identity)) {
        request_fail(r, REPLY_NOAUTH, REFUSAL_HELLO);
        return;
    }
    if (h.name)
        session_set_name(session, *h.name);
    if (call->argc > 0)
        session->is_resp3 = slice_equal(call->args[0], SLICE("3"));
    greet(r);
}

// --- AUTH, RESET ------------------------------------------------------------------------------

static bool read_auth(struct redis_reading *r) { return r->count <= 2 || redis_refuse_syntax(r); }

// A password alone is that of the user `default`.
static const struct slice *credentials_of_auth(const struct call *call) {
    static _Thread_local struct slice of_default[2];
    if (call->argc == 2)
        return call->args;
    of_default[0] = SLICE("default");
    of_default[1] = call->args[0];
    return of_default;
}

static void run_auth(struct request *r, const struct call *call) {
    const struct slice *credentials = credentials_of_auth(call);
    if (auth_try(r, credentials[0], credentials[1]))
        own_finish_ok(r);
}

static void run_reset(struct request *r, const struct call *call) {
    struct session *session = r->session;
    (void)call;
    multi_forget(session);
    session->is_resp3 = false;
    session->redis->database = 0;
    session_set_name(session, (struct slice){0});
    identity_forget(&session->identity, r->context->policy->settings);
    session->on_identified(session);
    reply_status(request_out(r), "RESET");
    request_finish(r);
}

// HELLO and RESET change how replies are written, those of earlier requests not.
const struct redis_row own_hello[] = {
    {
        .name = "HELLO",
        .verb = "hello",
        .syntax = "[version] [word ...]",
        .summary = "the handshake: protocol 2 or 3, AUTH user password, SETNAME name",
        .flags = VERB_NO_AUTH | VERB_IN_TURN,
        .read = read_hello,
        .credentials = credentials_of_hello,
        .run = run_hello,
    },
    {
        .name = "AUTH",
        .verb = "auth",
        .syntax = "USER [TOKEN]",
        .summary = "says who asks from now on; a token alone is that of the user default",
        .flags = VERB_NO_AUTH,
        .read = read_auth,
        .credentials = credentials_of_auth,
        .run = run_auth,
    },
    {
        .name = "RESET",
        .verb = "reset",
        .syntax = "",
        .summary = "makes the connection as it was when it began",
        .flags = VERB_NO_AUTH | VERB_IN_TURN,
        .run = run_reset,
    },
    {0},
};
