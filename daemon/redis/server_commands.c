// Commands about a server that have an answer without one.
#include <inttypes.h>
#include <stdio.h>
#include <sys/time.h>

#include "conf/sections.h"
#include "daemon/policy/identity.h"
#include "daemon/redis/own_reply.h"
#include "daemon/redis/own_rows.h"
#include "daemon/redis/subcommand.h"
#include "daemon/request/request.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/redis/row.h"
#include "protocol/refusal.h"
#include "protocol/reply.h"
#include "protocol/verb.h"

static void run_time(struct request *r, const struct call *call) {
    struct timeval now;
    char seconds[24], micros[24];
    (void)call;
    gettimeofday(&now, NULL);
    snprintf(seconds, sizeof(seconds), "%" PRId64, (int64_t)now.tv_sec);
    snprintf(micros, sizeof(micros), "%" PRId64, (int64_t)now.tv_usec);
    reply_array(request_out(r), 2);
    own_text(r, seconds);
    own_text(r, micros);
    request_finish(r);
}

static void run_role(struct request *r, const struct call *call) {
    (void)call;
    reply_array(request_out(r), 3);
    own_text(r, "master");
    reply_integer(request_out(r), 0);
    reply_array(request_out(r), 0);
    request_finish(r);
}

static void run_lolwut(struct request *r, const struct call *call) {
    struct bytes text = {0};
    (void)call;
    bytes_append_literal(&text, "cachesd " CACHESD_VERSION ", Redis ver. " REDIS_VERSION "\n");
    own_finish_verbatim(r, &text);
}

// No replica is known, and nothing is ever saved.
static void run_zero(struct request *r, const struct call *call) {
    (void)call;
    own_finish_integer(r, 0);
}

static void run_cluster(struct request *r, const struct call *call) {
    (void)call;
    request_fail(r, REPLY_ARGS, "This instance has cluster support disabled");
}

// --- ACL --------------------------------------------------------------------------------------

static void run_whoami(struct request *r, const struct call *call) {
    const struct user_conf *user = r->session->identity.user;
    (void)call;
    own_text(r, user ? user->name : "default");
    request_finish(r);
}

static const struct subcommand of_acl[] = {
    {"WHOAMI", NULL, "The user that the connection authenticated as.", 0, 0, run_whoami},
    {.name = "CAT"},
    {.name = "DELUSER"},
    {.name = "DRYRUN"},
    {.name = "GENPASS"},
    {.name = "GETUSER"},
    {.name = "LIST"},
    {.name = "LOAD"},
    {.name = "LOG"},
    {.name = "SAVE"},
    {.name = "SETUSER"},
    {.name = "USERS"},
    {0},
};

static void run_acl(struct request *r, const struct call *call) { subcommand_run(r, call, of_acl); }

const struct redis_row own_server[] = {
    {
        .name = "TIME",
        .syntax = "",
        .summary = "seconds since 1970, and microseconds",
        .run = run_time,
    },
    {.name = "ROLE", .syntax = "", .summary = "master, without replicas", .run = run_role},
    {
        .name = "LOLWUT",
        .syntax = "[word ...]",
        .summary = "the versions of cachesd and of what it speaks",
        .run = run_lolwut,
    },
    {.name = "LASTSAVE", .syntax = "", .summary = "0: nothing is saved", .run = run_zero},
    {
        .name = "WAIT",
        .syntax = "count n",
        .summary = "0: no replica is known",
        .run = run_zero,
    },
    {
        .name = "CLUSTER",
        .syntax = "word [word ...]",
        .summary = "an error, since clients see one server",
        .run = run_cluster,
    },
    {
        .name = "ACL",
        .syntax = "word [word ...]",
        .summary = "WHOAMI: the user that the connection authenticated as",
        .run = run_acl,
    },
    {0},
};
