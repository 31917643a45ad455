#include "daemon/admin/explain.h"

#include "conf/uri.h"
#include "daemon/backend/backend.h"
#include "daemon/backend/node.h"
#include "daemon/loop/loop.h"
#include "daemon/near/near.h"
#include "daemon/near/source.h"
#include "daemon/policy/identity.h"
#include "daemon/policy/policy.h"
#include "daemon/request/admit.h"
#include "daemon/request/context.h"
#include "daemon/request/fanout.h"
#include "daemon/request/session.h"
#include "protocol/call.h"
#include "protocol/command.h"
#include "protocol/mem.h"
#include "protocol/number.h"
#include "protocol/parser.h"
#include "protocol/reply.h"
#include "protocol/syntax.h"
#include "protocol/verb.h"

enum { SHOWN_WORD = 200, SHOWN_TEXT = 64 * 1024 };

// The builders write RESP, in which requests of clients may come too: so the daemon's own parser
// can read the commands back.
static void append_commands(struct bytes *text, struct bytes *commands) {
    struct parser parser;
    size_t at = 0;
    parser_init(&parser, commands->len + 1);
    while (parser_next(&parser, commands->data + at, commands->len - at) == PARSER_REQUEST) {
        bytes_append_literal(text, "command:");
        for (uint32_t i = 0; i < parser.count && text->len < SHOWN_TEXT; i++) {
            struct slice word = {commands->data + at + parser.words[i].offset, parser.words[i].len};
            bytes_append_literal(text, " ");
            bytes_append_readable(text, word, SHOWN_WORD);
        }
        bytes_printf(text, "%s\n", text->len < SHOWN_TEXT ? "" : " ...");
        at += parser.consumed;
    }
    parser_deinit(&parser);
}

static void append_ttl(struct bytes *text, const struct call *call) {
    static const char *const reasons[] = {
        [TTL_DEFAULT] = "the namespace's ttl",
        [TTL_ASKED] = "asked for",
        [TTL_CLAMPED] = "asked for more: clamped to max_ttl",
    };
    bytes_append_literal(text, "ttl: ");
    if (call->ttl_rule == TTL_SET || call->ttl_rule == TTL_SET_IF_NONE)
        number_append_duration(text, call->ttl_ms);
    else
        bytes_append_literal(text, "forever");
    bytes_printf(text, " (%s%s)\n", reasons[call->ttl_reason],
                 call->ttl_rule == TTL_SET_IF_NONE ? "; only if the key has none: ttl_mode = fixed"
                                                   : "");
}

// Where the keys of the backend lie on several servers: the key's hash slot, and its server.
static void append_place(struct bytes *text, const struct backend *b, struct split_key key) {
    if (!b->hash_slot_of)
        return;
    unsigned hash_slot = b->hash_slot_of(key);
    const struct node *node = b->route->node_of(b, hash_slot);
    bytes_printf(text, "slot: %u\nnode: ", hash_slot);
    if (node)
        uri_append_host(text, node->server.host, node->server.port);
    else
        bytes_append_literal(text, "none now");
    bytes_printf(text, "%s\n", node && !node->is_up ? ", which is down" : "");
}

static void append_keys(struct bytes *text, const struct admission *a) {
    for (size_t i = 0; i < a->call.argc && text->len < SHOWN_TEXT / 2; i++) {
        struct bytes key = {0};
        if (signature_kind(&a->entry->signature, i) != ARG_KEY)
            continue;
        bytes_append_slice(&key, a->call.prefix);
        bytes_append_slice(&key, a->call.args[i]);
        bytes_append_literal(text, "key: ");
        bytes_append_readable(text, bytes_slice(&key), SHOWN_WORD);
        bytes_append_literal(text, "\n");
        append_place(text, a->namespace->backend,
                     (struct split_key){a->call.prefix, a->call.args[i]});
        bytes_deinit(&key);
    }
}

// A read whose answer the near cache may keep also asks for the ttl, if it asks the backend at all.
static void append_near(struct bytes *text, const struct admission *a, struct command *command,
                        uint64_t now_ms) {
    if (!(a->entry->verb->flags & VERB_NEAR) || !a->namespace->conf->is_near)
        return;
    bytes_append_literal(text, "near: ");
    struct backend *backend = a->namespace->backend;
    unsigned hash_slot = backend_hash_slot(backend, call_key(&a->call));
    const struct near_source *source = backend_source(backend, hash_slot);
    if (near_duty_of(source, now_ms) != NEAR_KEEP) {
        bytes_append_literal(text, "off now: the backend does not tell of changes\n");
        return;
    }
    bytes_append_literal(text, "kept for ");
    number_append_duration(text, a->namespace->conf->near_ttl_ms);
    bytes_append_literal(text, " or the key's ttl\n");
    command_ask_ttl(command, &a->call);
}

// Writes the commands that the request would send.
static void build(struct command *c, const struct admission *a) {
    if (!fanout_is_for(a->namespace->backend, a)) {
        a->entry->build(c, &a->call);
        return;
    }
    for (size_t i = 0; i < a->call.argc; i++) {
        struct call part = fanout_part(&a->call, i);
        a->entry->build(c, &part);
    }
}

static void append_plan(struct bytes *text, const struct admission *a, uint64_t now_ms) {
    struct bytes commands = {0};
    struct command command = {.out = &commands};
    append_keys(text, a);
    if (a->call.json_bytes > JSON_AT_ONCE)
        bytes_append_literal(text, "value: too long for explain to look whether it is JSON\n");
    if (a->entry->verb->flags & VERB_WRITE && !(a->entry->verb->flags & VERB_NO_TTL))
        append_ttl(text, &a->call);
    append_near(text, a, &command, now_ms);
    build(&command, a);
    append_commands(text, &commands);
    bytes_deinit(&commands);
}

// Returns whether an operator's settings are the reason of the refusal, not the request itself.
static bool is_ruled_out(enum reply_code code) {
    return code == REPLY_POLICY || code == REPLY_NOPERM || code == REPLY_NOAUTH;
}

static bool explain_own(struct session *session, struct slice *words, size_t count,
                        struct bytes *text, struct refusal *refusal) {
    struct admission a;
    bool is_admitted = session->admits(session, words, count, &a, refusal);
    if (!is_admitted && !(a.entry && is_ruled_out(refusal->code)))
        return false;
    bytes_printf(text, "verb: %s\ncaller: ", a.entry->verb->name);
    identity_append(text, &session->identity);
    bytes_append_literal(text, "\n");
    if (session->listener)
        bytes_printf(text, "listener: %s\n", session->listener);
    if (a.namespace)
        bytes_printf(text, "namespace: %s\nbackend: %s\n", a.namespace->conf->name,
                     a.namespace->backend->conf->name);
    if (!is_admitted)
        bytes_printf(text, "refused: %s %.*s\n", reply_code_name(refusal->code),
                     (int)refusal->text.len, refusal->text.data);
    else if (a.entry->build)
        append_plan(text, &a, loop_now(&session->context->loop));
    else
        bytes_append_literal(text, "answered by: the daemon itself\n");
    return true;
}

bool explain(struct session *session, const struct slice *words, size_t count, struct bytes *text,
             struct refusal *refusal) {
    struct slice *own = mem_new(count * sizeof(*own)); // they may be moved
    memcpy(own, words, count * sizeof(*own));
    bool is_explained = explain_own(session, own, count, text, refusal);
    mem_free(own);
    return is_explained;
}
