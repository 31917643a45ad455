// Verbs for a key of any collection.
#include <assert.h>

#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/command.h"
#include "protocol/memo.h"
#include "protocol/verb.h"

// PERSIST answers 0 for a key without a ttl, so EXISTS has to tell whether the key is there.
static void build_touch(struct command *c, const struct call *call) {
    if (call->stale_ms > 0) {
        memo_build_touch(c, call);
        return;
    }
    if (call->ttl_rule == TTL_PERSIST) {
        command_write_begin(c, call);
        command_plain(c, call, SLICE("EXISTS"));
        command_write_end(c, call);
        return;
    }
    assert(call->ttl_rule == TTL_SET); // by VERB_NEW_TTL; otherwise PEXPIRE 0 would delete the key
    command_begin(c, SLICE("PEXPIRE"), 3);
    command_key(c, call, call->args[0]);
    command_integer(c, call->ttl_ms);
}

const struct verb any_verbs[] = {
    {
        .name = "del",
        .flags = VERB_WRITE | VERB_REMOVES,
        .syntax = "N K [K ...]",
        .summary = "removes keys; replies how many existed",
        .redis = REDIS("UNLINK"),
        .render = render_integer,
    },
    {
        .name = "exists",
        .flags = VERB_READ | VERB_NEAR,
        .syntax = "N K",
        .summary = "1 if the key exists, else 0",
        .redis = REDIS("EXISTS"),
        .render = render_integer,
        .miss = MISS_ZERO,
    },
    {
        .name = "ttl",
        .flags = VERB_READ,
        .syntax = "N K",
        .summary = "seconds left; -1 never expires, -2 no such key",
        .redis = REDIS("TTL"),
        .render = render_integer,
        .miss = MISS_NO_KEY,
    },
    {
        .name = "pttl",
        .flags = VERB_READ,
        .syntax = "N K",
        .summary = "milliseconds left; -1 never expires, -2 no such key",
        .redis = REDIS("PTTL"),
        .render = render_integer,
        .miss = MISS_NO_KEY,
    },
    {
        .name = "touch",
        .flags = VERB_WRITE | VERB_NEW_TTL | VERB_MEMO,
        .syntax = "[ttl=] N K",
        .summary = "restarts the key's ttl; 1, or 0 if there is no such key",
        .build = build_touch,
        .render = render_integer,
    },
    {0},
};
