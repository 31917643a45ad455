// Verbs for a key of any collection.
#include <assert.h>

#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/command.h"
#include "protocol/memo.h"
#include "protocol/reply.h"
#include "protocol/scan.h"
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

// Redis's own word for a list, and where no collection of the daemon's has such a value.
static struct slice collection_of(struct slice type) {
    static const char *const names[][2] = {
        {"string", "key"}, {"hash", "dict"}, {"set", "set"}, {"zset", "sorted"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (slice_equal(type, slice_of(names[i][0])))
            return slice_of(names[i][1]);
    return type;
}

static void render_type(struct answer *a, const struct event *e) {
    if (e->type == EVENT_END)
        return;
    if (e->type != EVENT_STATUS || e->depth > 0)
        answer_fail_unknown(a);
    else if (slice_equal(e->text, SLICE("none")))
        reply_nil(a->out);
    else
        reply_bulk(a->out, collection_of(e->text));
}

static void build_scan(struct command *c, const struct call *call) {
    bool has_count = call->options & 1u << OPTION_COUNT;
    bool has_match = call->options & 1u << OPTION_MATCH;
    int64_t count = has_count ? call->count : SCAN_USUAL_KEYS;
    scan_write(c, scan_cursor(call->args[0]), call->prefix, has_match ? call->match : SLICE("*"),
               count < SCAN_MOST_KEYS ? count : SCAN_MOST_KEYS);
    c->limit = (int64_t)call->prefix.len;
}

const struct verb any_verbs[] = {
    {
        .name = "del",
        .flags = VERB_WRITE | VERB_REMOVES | VERB_EACH_KEY,
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
        .name = "type",
        .flags = VERB_READ,
        .syntax = "N K",
        .summary = "the collection that the key holds: key, dict, set, sorted or list; or nil",
        .redis = REDIS("TYPE"),
        .render = render_type,
        .miss = MISS_NIL,
    },
    {
        .name = "scan",
        .flags = VERB_READ,
        .syntax = "[count=] [match=] N cursor",
        .summary = "a step of an iteration: the next cursor (0: done) and an array of keys",
        .build = build_scan,
        .render = render_keys,
        .miss = MISS_SCAN,
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
