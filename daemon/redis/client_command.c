// CLIENT: what a client says of its connection, and asks about it. Of other clients it hears
// nothing: `clients` shows them to those who may see them.
#include <inttypes.h>

#include "daemon/loop/loop.h"
#include "daemon/policy/identity.h"
#include "daemon/redis/own_reply.h"
#include "daemon/redis/own_rows.h"
#include "daemon/redis/redis_session.h"
#include "daemon/redis/subcommand.h"
#include "daemon/request/context.h"
#include "daemon/request/request.h"
#include "daemon/request/session.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/mem.h"
#include "protocol/number.h"
#include "protocol/redis/row.h"
#include "protocol/refusal.h"
#include "protocol/reply.h"
#include "protocol/verb.h"

static bool is_word(const struct call *call, size_t at, const char *word) {
    return at < call->argc && slice_equal_nocase(call->args[at], slice_of(word));
}

static void refuse_syntax(struct request *r) { request_fail(r, REPLY_ARGS, "syntax error"); }

// --- names ------------------------------------------------------------------------------------

static void run_setname(struct request *r, const struct call *call) {
    if (!session_is_name(call->args[1], REDIS_LONGEST_CLIENT_NAME)) {
        request_fail(r, REPLY_ARGS, REDIS_BAD_CLIENT_NAME);
        return;
    }
    session_set_name(r->session, call->args[1]);
    own_finish_ok(r);
}

static void run_getname(struct request *r, const struct call *call) {
    (void)call;
    if (r->session->name)
        own_text(r, r->session->name);
    else
        own_nil(r);
    request_finish(r);
}

static void run_setinfo(struct request *r, const struct call *call) {
    struct redis_session *s = r->session->redis;
    struct refusal *refusal = &r->context->refusal;
    bool is_version = is_word(call, 1, "LIB-VER");
    struct slice value = call->args[2];
    char **text = is_version ? &s->library_version : &s->library_name;
    if (!is_version && !is_word(call, 1, "LIB-NAME")) {
        refusal_set(refusal, REPLY_ARGS, "Unrecognized option '%.*s'", REPLY_WORD(call->args[1]));
        request_fail_with(r, refusal);
        return;
    }
    if (!session_is_name(value, REDIS_LONGEST_CLIENT_NAME)) {
        refusal_set(refusal, REPLY_ARGS,
                    "%s cannot contain spaces, newlines or special characters, and has at most %d "
                    "characters.",
                    is_version ? "lib-ver" : "lib-name", REDIS_LONGEST_CLIENT_NAME);
        request_fail_with(r, refusal);
        return;
    }
    mem_free(*text);
    *text = mem_new(value.len + 1);
    if (value.len > 0)
        memcpy(*text, value.data, value.len);
    own_finish_ok(r);
}

// --- the connection's own line ----------------------------------------------------------------

static void run_id(struct request *r, const struct call *call) {
    (void)call;
    own_finish_integer(r, (int64_t)r->session->id);
}

static const char *text_or_nothing(const char *text) { return text ? text : ""; }

static void append_line(struct bytes *text, const struct session *session) {
    const struct redis_session *s = session->redis;
    const struct identity *identity = &session->identity;
    bytes_printf(text,
                 "id=%" PRIu64 " addr=%s name=%s flags=N db=%" PRId64
                 " sub=0 psub=0 cmd=%s user=%s resp=%d lib-name=%s lib-ver=%s\n",
                 session->id, session->address, text_or_nothing(session->name), s->database,
                 session->last_verb ? session->last_verb->name : "none",
                 identity->user ? identity->user->name : "default", session->is_resp3 ? 3 : 2,
                 text_or_nothing(s->library_name), text_or_nothing(s->library_version));
}

static void run_info(struct request *r, const struct call *call) {
    struct bytes text = {0};
    (void)call;
    append_line(&text, r->session);
    own_finish_verbatim(r, &text);
}

// Returns false when the client is none of those whose ids are listed.
static bool is_listed(const struct call *call, uint64_t id) {
    int64_t number;
    for (size_t i = 2; i < call->argc; i++)
        if (number_parse_int(call->args[i], &number) && number == (int64_t)id)
            return true;
    return false;
}

// CLIENT LIST [TYPE type] [ID id ...]
static void run_list(struct request *r, const struct call *call) {
    struct bytes text = {0};
    bool has_type = is_word(call, 1, "TYPE") && call->argc == 3;
    bool has_ids = is_word(call, 1, "ID") && call->argc >= 3;
    if (call->argc > 1 && !has_type && !has_ids) {
        refuse_syntax(r);
        return;
    }
    if ((!has_type || is_word(call, 2, "NORMAL")) && (!has_ids || is_listed(call, r->session->id)))
        append_line(&text, r->session);
    own_finish_verbatim(r, &text);
}

// --- what changes nothing here ----------------------------------------------------------------

static void run_on_off(struct request *r, const struct call *call) {
    if (is_word(call, 1, "ON") || is_word(call, 1, "OFF"))
        own_finish_ok(r);
    else
        refuse_syntax(r);
}

// A client that announces what it can do has to bear a server that makes no use of it.
static void run_capa(struct request *r, const struct call *call) {
    (void)call;
    own_finish_ok(r);
}

static void run_reply(struct request *r, const struct call *call) {
    if (is_word(call, 1, "ON"))
        own_finish_ok(r);
    else if (is_word(call, 1, "OFF") || is_word(call, 1, "SKIP"))
        own_refuse(r, "CLIENT REPLY", is_word(call, 1, "OFF") ? "OFF" : "SKIP",
                   "each request has its reply");
    else
        refuse_syntax(r);
}

static void run_tracking(struct request *r, const struct call *call) {
    if (is_word(call, 1, "OFF"))
        own_finish_ok(r);
    else
        own_refuse(r, "CLIENT", "TRACKING", OWN_SHARED);
}

static void run_trackinginfo(struct request *r, const struct call *call) {
    (void)call;
    own_map(r, 3);
    own_text(r, "flags");
    own_set(r, 1);
    own_text(r, "off");
    own_text(r, "redirect");
    reply_integer(request_out(r), -1);
    own_text(r, "prefixes");
    reply_array(request_out(r), 0);
    request_finish(r);
}

static void run_getredir(struct request *r, const struct call *call) {
    (void)call;
    own_finish_integer(r, -1);
}

static const struct subcommand subcommands[] = {
    {"SETNAME", "<name>", "Gives the connection a name; an empty one takes it away.", 1, 1,
     run_setname},
    {"GETNAME", NULL, "The name of the connection.", 0, 0, run_getname},
    {"SETINFO", "<LIB-NAME|LIB-VER> <value>", "The client library, as CLIENT INFO shows it.", 2, 2,
     run_setinfo},
    {"ID", NULL, "The number of the connection.", 0, 0, run_id},
    {"INFO", NULL, "A line about the connection.", 0, 0, run_info},
    {"LIST", "[TYPE <type>|ID <id> ...]", "The same: no other connection is shown.", 0,
     SUBCOMMAND_ANY, run_list},
    {"NO-EVICT", "<ON|OFF>", "OK: no connection is ever evicted.", 1, 1, run_on_off},
    {"NO-TOUCH", "<ON|OFF>", "OK, without any effect.", 1, 1, run_on_off},
    {"CAPA", "<capability> ...", "OK, without any effect.", 1, SUBCOMMAND_ANY, run_capa},
    {"REPLY", "ON", "OK: every command is answered.", 1, 1, run_reply},
    {"TRACKING", "OFF", "OK: nothing is tracked.", 1, SUBCOMMAND_ANY, run_tracking},
    {"TRACKINGINFO", NULL, "That nothing is tracked.", 0, 0, run_trackinginfo},
    {"GETREDIR", NULL, "-1: nothing is tracked.", 0, 0, run_getredir},
    {.name = "CACHING"},
    {.name = "KILL"},
    {.name = "PAUSE"},
    {.name = "UNBLOCK"},
    {.name = "UNPAUSE"},
    {0},
};

static void run_client(struct request *r, const struct call *call) {
    subcommand_run(r, call, subcommands);
}

const struct redis_row own_client[] = {
    {
        .name = "CLIENT",
        .verb = "client",
        .syntax = "word [word ...]",
        .summary = "SETNAME, SETINFO, ID, INFO and the like: of this connection",
        .run = run_client,
    },
    {0},
};
