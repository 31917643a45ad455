#include "daemon/admin/handshake.h"

#include <inttypes.h>

#include "daemon/loop/loop.h"
#include "daemon/policy/identity.h"
#include "daemon/request/auth.h"
#include "daemon/request/context.h"
#include "daemon/request/request.h"
#include "daemon/request/session.h"
#include "daemon/worker.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/hello.h"
#include "protocol/refusal.h"
#include "protocol/reply.h"

// Libraries and frameworks ask for Redis's version, and use the features that came with it. The
// daemon's own version is `cachesd_version`.
#define REDIS_VERSION "7.0.15"

enum { LONGEST_CLIENT_NAME = 64 };

static void refuse_word(struct request *r, const char *what, struct slice word, const char *right) {
    struct refusal *refusal = &r->context->refusal;
    refusal_set(refusal, REPLY_ARGS, "unknown %s '%.*s': use %s", what, REPLY_WORD(word), right);
    request_fail_with(r, refusal);
}

// --- hello ------------------------------------------------------------------------------------

static const struct slice *credentials_of_hello(const struct call *call) {
    struct hello h;
    return hello_read(call->args, call->argc, &h) ? h.credentials : NULL;
}

static void greet(struct request *r) {
    struct bytes *out = request_out(r);
    reply_array(out, 14);
    reply_bulk(out, SLICE("server"));
    reply_bulk(out, SLICE("redis"));
    reply_bulk(out, SLICE("version"));
    reply_bulk(out, SLICE(REDIS_VERSION));
    reply_bulk(out, SLICE("proto"));
    reply_integer(out, 2);
    reply_bulk(out, SLICE("id"));
    reply_integer(out, (int64_t)r->session->id);
    reply_bulk(out, SLICE("mode"));
    reply_bulk(out, SLICE("standalone"));
    reply_bulk(out, SLICE("role"));
    reply_bulk(out, SLICE("master"));
    reply_bulk(out, SLICE("modules"));
    reply_array(out, 0);
    request_finish(r);
}

#define BAD_NAME "a client's name has at most 64 printable characters, without spaces"

static bool set_name(struct session *c, struct slice name) {
    bool is_good = session_is_name(name, LONGEST_CLIENT_NAME);
    if (is_good)
        session_set_name(c, name);
    return is_good;
}

static void run_hello(struct request *r, const struct call *call) {
    struct hello h;
    struct refusal refusal = {0};
    if (call->argc > 0 && !slice_equal(call->args[0], SLICE("2"))) {
        request_fail(r, REPLY_NOPROTO, "unsupported protocol version: this is RESP2, use hello 2");
    } else if (!hello_read(call->args, call->argc, &h)) {
        request_fail(r, REPLY_ARGS, "use hello [2] [AUTH USER TOKEN] [SETNAME NAME]");
    } else if (h.name && !set_name(r->session, *h.name)) {
        request_fail(r, REPLY_ARGS, BAD_NAME);
    } else if (!h.credentials && !identity_may_say(&r->session->identity, NULL, &refusal)) {
        request_fail_with(r, &refusal);
    } else if (!h.credentials || auth_try(r, h.credentials[0], h.credentials[1])) {
        greet(r);
    }
    refusal_deinit(&refusal);
}

// --- client, select, echo, reset --------------------------------------------------------------

static void run_client(struct request *r, const struct call *call) {
    struct session *c = r->session;
    struct slice word = call->args[0];
    struct bytes *out = request_out(r);
    if (slice_equal_nocase(word, SLICE("id")) && call->argc == 1) {
        reply_integer(out, (int64_t)c->id);
    } else if (slice_equal_nocase(word, SLICE("getname")) && call->argc == 1) {
        reply_bulk(out, c->name ? slice_of(c->name) : (struct slice){0});
    } else if (slice_equal_nocase(word, SLICE("setname")) && call->argc == 2) {
        if (!set_name(c, call->args[1])) {
            request_fail(r, REPLY_ARGS, BAD_NAME);
            return;
        }
        reply_status(out, "OK");
    } else if (slice_equal_nocase(word, SLICE("setinfo")) && call->argc == 3) {
        reply_status(out, "OK"); // the library's name and version are not used
    } else {
        refuse_word(r, "subcommand", word, "client setname NAME|getname|setinfo NAME VALUE|id");
        return;
    }
    request_finish(r);
}

static void run_select(struct request *r, const struct call *call) {
    if (!slice_equal(call->args[0], SLICE("0"))) {
        refuse_word(r, "database", call->args[0], "select 0, and namespaces");
        return;
    }
    reply_status(request_out(r), "OK");
    request_finish(r);
}

static void run_echo(struct request *r, const struct call *call) {
    if (call->args[0].len > (size_t)r->policy->settings->daemon.client_output) {
        request_fail(r, REPLY_OVERLOADED, ANSWER_TOO_LONG);
        return;
    }
    reply_bulk(request_out(r), call->args[0]);
    request_finish(r);
}

static void run_reset(struct request *r, const struct call *call) {
    struct session *c = r->session;
    (void)call;
    session_set_name(c, (struct slice){0});
    identity_forget(&c->identity, r->context->policy->settings);
    c->on_identified(c);
    reply_status(request_out(r), "RESET");
    request_finish(r);
}

// --- info, command ----------------------------------------------------------------------------

// The reply has only the fields that libraries look for before they are ready, and to decide which
// commands they may send. The counters are in `stats`.
static void run_info(struct request *r, const struct call *call) {
    struct bytes text = {0};
    uint64_t up_ms = loop_now(&r->context->loop) - worker_of(r->context)->shared->started_ms;
    (void)call;
    bytes_printf(&text,
                 "# Server\r\nredis_version:" REDIS_VERSION "\r\nredis_mode:standalone\r\n"
                 "cachesd_version:" CACHESD_VERSION "\r\nuptime_in_seconds:%" PRIu64 "\r\n\r\n"
                 "# Persistence\r\nloading:0\r\n\r\n"
                 "# Replication\r\nrole:master\r\nconnected_slaves:0\r\n\r\n"
                 "# Cluster\r\ncluster_enabled:0\r\n",
                 up_ms / 1000);
    request_finish_text(r, &text);
}

// The reply lists no Redis command: libraries and redis-cli then do without their tables.
static void run_command(struct request *r, const struct call *call) {
    if (call->argc > 0 && slice_equal_nocase(call->args[0], SLICE("count")))
        reply_integer(request_out(r), 0);
    else
        reply_array(request_out(r), 0);
    request_finish(r);
}

const struct verb handshake_verbs[] = {
    {
        .name = "hello",
        .flags = VERB_NO_AUTH,
        .credentials = credentials_of_hello,
        .syntax = "[version] [word ...]",
        .summary = "the handshake of Redis's clients: version 2, AUTH USER TOKEN, SETNAME NAME",
        .run = run_hello,
    },
    {
        .name = "client",
        .syntax = "word [word ...]",
        .summary = "setname NAME, getname, id, setinfo NAME VALUE: of this connection",
        .run = run_client,
    },
    {
        .name = "select",
        .syntax = "index",
        .summary = "OK for 0: namespaces are what databases were for",
        .run = run_select,
    },
    {
        .name = "echo",
        .syntax = "message",
        .summary = "the message",
        .run = run_echo,
    },
    {
        .name = "info",
        .syntax = "[section ...]",
        .summary = "what Redis's clients read before they are ready; counters are in stats",
        .run = run_info,
    },
    {
        .name = "command",
        .syntax = "[word ...]",
        .summary = "an empty array, or 0 for count: no Redis command is here",
        .run = run_command,
    },
    {
        .name = "reset",
        .flags = VERB_NO_AUTH,
        .syntax = "",
        .summary = "RESET: forgets the connection's name and who authenticated",
        .run = run_reset,
    },
};
const size_t handshake_verb_count = sizeof(handshake_verbs) / sizeof(*handshake_verbs);
