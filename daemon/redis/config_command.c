// CONFIG: some libraries and tools ask a few settings of Redis's. Nothing is set here: the
// configuration is a file.
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>

#include "conf/sections.h"
#include "daemon/policy/mapping.h"
#include "daemon/redis/own_reply.h"
#include "daemon/redis/own_rows.h"
#include "daemon/redis/redis_session.h"
#include "daemon/redis/subcommand.h"
#include "daemon/request/context.h"
#include "daemon/request/request.h"
#include "daemon/request/session.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/redis/row.h"
#include "protocol/verb.h"

enum { LONGEST_VALUE = 24, LONGEST_PATTERN = 128 };

static void write_databases(char *value, const struct session *session) {
    int64_t highest = 0;
    const struct listener_conf *conf = session->mapping ? session->mapping->conf : NULL;
    for (size_t i = 0; conf && i < conf->select_count; i++)
        if (conf->selects[i].number > highest)
            highest = conf->selects[i].number;
    snprintf(value, LONGEST_VALUE, "%" PRId64, highest + 1);
}

static void write_most_bulk(char *value, const struct session *session) {
    snprintf(value, LONGEST_VALUE, "%" PRId64,
             session->context->policy->settings->daemon.max_request);
}

static void write_eviction(char *value, const struct session *session) {
    snprintf(value, LONGEST_VALUE, "%s", redis_session_eviction(session));
}

static const struct parameter {
    const char *name;
    const char *value;
    void (*write)(char *value, const struct session *session); // of LONGEST_VALUE; NULL: `value`
} parameters[] = {
    {"appendonly", "no", NULL},
    {"databases", NULL, write_databases},
    {"maxmemory", "0", NULL},
    {"maxmemory-policy", NULL, write_eviction},
    {"notify-keyspace-events", "", NULL},
    {"proto-max-bulk-len", NULL, write_most_bulk},
    {"replica-read-only", "yes", NULL},
    {"save", "", NULL},
    {"slave-read-only", "yes", NULL},
    {"timeout", "0", NULL},
};
enum { PARAMETERS = sizeof(parameters) / sizeof(*parameters) };

static bool matches(const char *name, struct slice pattern) {
    char text[LONGEST_PATTERN];
    if (pattern.len >= sizeof(text))
        return false;
    if (pattern.len > 0)
        memcpy(text, pattern.data, pattern.len);
    text[pattern.len] = '\0';
    return fnmatch(text, name, FNM_CASEFOLD) == 0;
}

static bool is_asked(const struct call *call, const char *name) {
    for (size_t i = 1; i < call->argc; i++)
        if (matches(name, call->args[i]))
            return true;
    return false;
}

static void append(struct request *r, const struct parameter *p) {
    char value[LONGEST_VALUE];
    if (p->write)
        p->write(value, r->session);
    own_text(r, p->name);
    own_text(r, p->write ? value : p->value);
}

static void run_get(struct request *r, const struct call *call) {
    size_t count = 0;
    for (size_t i = 0; i < PARAMETERS; i++)
        count += is_asked(call, parameters[i].name);
    own_map(r, count);
    for (size_t i = 0; i < PARAMETERS; i++)
        if (is_asked(call, parameters[i].name))
            append(r, &parameters[i]);
    request_finish(r);
}

static const struct subcommand subcommands[] = {
    {"GET", "<pattern> ...", "The few parameters that libraries ask for.", 1, SUBCOMMAND_ANY,
     run_get},
    {.name = "SET"},
    {.name = "RESETSTAT"},
    {.name = "REWRITE"},
    {0},
};

static void run_config(struct request *r, const struct call *call) {
    subcommand_run(r, call, subcommands);
}

const struct redis_row own_config[] = {
    {
        .name = "CONFIG",
        .syntax = "word [word ...]",
        .summary = "GET pattern ...: the few parameters of Redis's that libraries ask for",
        .run = run_config,
    },
    {0},
};
