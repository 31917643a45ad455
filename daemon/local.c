#include "local.h"

#include <inttypes.h>

#include "client.h"
#include "explain.h"
#include "number.h"
#include "report.h"
#include "request.h"
#include "server.h"

static void finish_bulk(struct request *r, struct bytes *text) {
    reply_bulk(request_out(r), bytes_slice(text));
    bytes_deinit(text);
    request_finish(r);
}

static void run_ping(struct request *r, const struct call *call) {
    if (call->argc > 0)
        reply_bulk(request_out(r), call->args[0]);
    else
        reply_status(request_out(r), "PONG");
    request_finish(r);
}

static void run_quit(struct request *r, const struct call *call) {
    struct client *client = r->client;
    (void)call;
    reply_status(request_out(r), "OK");
    request_finish(r);
    client_end(client);
}

static void run_auth(struct request *r, const struct call *call) {
    (void)call;
    request_fail(r, REPLY_NOAUTH, "no [user] with a token is configured");
}

static void run_help(struct request *r, const struct call *call) {
    const struct verb_table *verbs = r->server->verbs;
    const struct verb_entry *entry;
    struct bytes text = {0};
    if (call->argc > 0) {
        entry = verb_find(verbs, call->args[0]);
        if (!entry) {
            const char *nearest = verb_nearest(verbs, call->args[0]);
            reply_error(request_out(r), REPLY_VERB, "no verb '%.*s': %s%s",
                        REPLY_WORD(call->args[0]), nearest ? "did you mean " : "say help",
                        nearest ? nearest : "");
            request_finish(r);
            return;
        }
        verb_append_help(&text, entry->verb);
    } else {
        for (size_t i = 0; (entry = verb_at(verbs, i)); i++)
            verb_append_help(&text, entry->verb);
    }
    finish_bulk(r, &text);
}

static void run_explain(struct request *r, const struct call *call) {
    struct bytes text = {0}, error = {0};
    if (explain(r->server, call->args, call->argc, &text, &error)) {
        finish_bulk(r, &text);
    } else {
        bytes_append_slice(request_out(r), bytes_slice(&error));
        request_finish(r);
    }
    bytes_deinit(&error);
}

static void run_namespaces(struct request *r, const struct call *call) {
    struct bytes text = {0};
    (void)call;
    report_namespaces(r->server, &text);
    finish_bulk(r, &text);
}

static void run_backends(struct request *r, const struct call *call) {
    struct bytes text = {0};
    (void)call;
    report_backends(r->server, &text);
    finish_bulk(r, &text);
}

static void run_clients(struct request *r, const struct call *call) {
    struct bytes text = {0};
    (void)call;
    report_clients(r->server, &text);
    finish_bulk(r, &text);
}

static void run_stats(struct request *r, const struct call *call) {
    struct bytes text = {0};
    if (call->argc == 0) {
        report_stats(r->server, &text);
    } else {
        struct space *space = policy_space(r->server->policy, call->args[0]);
        if (!space) {
            reply_error(request_out(r), REPLY_NAMESPACE, "no namespace '%.*s'",
                        REPLY_WORD(call->args[0]));
            request_finish(r);
            return;
        }
        report_space_stats(space, &text);
    }
    finish_bulk(r, &text);
}

const struct verb local_verbs[] = {
    {
        .name = "ping",
        .collection = COLLECTION_NONE,
        .flags = VERB_OPEN,
        .syntax = "[M]",
        .summary = "PONG, or M",
        .run = run_ping,
    },
    {
        .name = "quit",
        .collection = COLLECTION_NONE,
        .flags = VERB_OPEN,
        .syntax = "",
        .summary = "OK, and closes the connection",
        .run = run_quit,
    },
    {
        .name = "auth",
        .collection = COLLECTION_NONE,
        .flags = VERB_OPEN,
        .syntax = "USER TOKEN",
        .summary = "says who asks from now on",
        .run = run_auth,
    },
    {
        .name = "help",
        .collection = COLLECTION_NONE,
        .flags = VERB_OPEN,
        .syntax = "[verb]",
        .summary = "syntax and summary of a verb, or of all",
        .run = run_help,
    },
    {
        .name = "explain",
        .collection = COLLECTION_NONE,
        .flags = VERB_READ,
        .syntax = "VERB [word ...]",
        .summary = "what that request would do, without doing it",
        .run = run_explain,
    },
    {
        .name = "namespaces",
        .collection = COLLECTION_NONE,
        .flags = VERB_READ,
        .syntax = "",
        .summary = "a line of name=value pairs for each namespace",
        .run = run_namespaces,
    },
    {
        .name = "backends",
        .collection = COLLECTION_NONE,
        .flags = VERB_READ | VERB_IN_TURN,
        .syntax = "",
        .summary = "a line of name=value pairs for each backend",
        .run = run_backends,
    },
    {
        .name = "clients",
        .collection = COLLECTION_NONE,
        .flags = VERB_READ | VERB_IN_TURN,
        .syntax = "",
        .summary = "a line of name=value pairs for each client",
        .run = run_clients,
    },
    {
        .name = "stats",
        .collection = COLLECTION_NONE,
        .flags = VERB_READ | VERB_IN_TURN,
        .syntax = "[N]",
        .summary = "counters of the daemon, or of a namespace, as name:value lines",
        .run = run_stats,
    },
};
const size_t local_verb_count = sizeof(local_verbs) / sizeof(*local_verbs);
