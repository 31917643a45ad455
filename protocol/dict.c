// Verbs of the collection `dict`: maps fields to values (a Redis hash).
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/command.h"
#include "protocol/verb.h"

// One transaction reads and removes the field. The client's reply is the answer to HGET, which is
// the first element of EXEC's.
static void build_pop(struct command *c, const struct call *call) {
    command_transaction_begin(c);
    command_plain(c, call, SLICE("HGET"));
    command_plain(c, call, SLICE("HDEL"));
    command_write_end(c, call);
}

// This is a script because a transaction cannot name a field that is known only once it is drawn.
static const char popitem_script[] =
    "local reply = redis.call('HRANDFIELD', KEYS[1], 1, 'WITHVALUES')\n"
    "if reply[1] then redis.call('HDEL', KEYS[1], reply[1]) end\n";

static void build_popitem(struct command *c, const struct call *call) {
    command_script(c, call, slice_of(popitem_script));
}

const struct verb dict_verbs[] = {
    {
        .name = "dict.get",
        .flags = VERB_READ | VERB_NEAR,
        .syntax = "N K F",
        .summary = "the field's value, or nil",
        .redis = REDIS("HGET"),
        .render = render_text,
        .miss = MISS_NIL,
    },
    {
        .name = "dict.mget",
        .flags = VERB_READ | VERB_NEAR,
        .syntax = "N K F [F ...]",
        .summary = "an array of values, nil for the missing",
        .redis = REDIS("HMGET"),
        .render = render_texts,
        .miss = MISS_NILS,
    },
    {
        .name = "dict.set",
        .flags = VERB_WRITE,
        .syntax = "[ttl=] N K F V [F V ...]",
        .summary = "stores fields; replies how many are new",
        .redis = REDIS("HSET"),
        .render = render_integer,
    },
    {
        .name = "dict.add",
        .flags = VERB_WRITE,
        .syntax = "[ttl=] N K F V",
        .summary = "stores the value only if the field is absent: 1, else 0",
        .redis = REDIS("HSETNX"),
        .render = render_integer,
    },
    {
        .name = "dict.del",
        .flags = VERB_WRITE,
        .syntax = "N K F [F ...]",
        .summary = "removes fields; replies how many existed",
        .redis = REDIS("HDEL"),
        .render = render_integer,
    },
    {
        .name = "dict.has",
        .flags = VERB_READ | VERB_NEAR,
        .syntax = "N K F",
        .summary = "1 if the field exists, else 0",
        .redis = REDIS("HEXISTS"),
        .render = render_integer,
        .miss = MISS_ZERO,
    },
    {
        .name = "dict.len",
        .flags = VERB_READ | VERB_NEAR,
        .syntax = "N K",
        .summary = "how many fields",
        .redis = REDIS("HLEN"),
        .render = render_integer,
        .miss = MISS_ZERO,
    },
    {
        .name = "dict.keys",
        .flags = VERB_READ | VERB_NEAR | VERB_LONG,
        .syntax = "N K",
        .summary = "an array of the fields",
        .redis = REDIS("HKEYS"),
        .render = render_texts,
        .miss = MISS_EMPTY,
    },
    {
        .name = "dict.values",
        .flags = VERB_READ | VERB_NEAR | VERB_LONG,
        .syntax = "N K",
        .summary = "an array of the values",
        .redis = REDIS("HVALS"),
        .render = render_texts,
        .miss = MISS_EMPTY,
    },
    {
        .name = "dict.items",
        .flags = VERB_READ | VERB_NEAR | VERB_LONG,
        .syntax = "N K",
        .summary = "an array of F V F V ...",
        .redis = REDIS("HGETALL"),
        .render = render_pairs,
        .miss = MISS_EMPTY,
    },
    {
        .name = "dict.incr",
        .flags = VERB_WRITE,
        .syntax = "[ttl=] N K F [n]",
        .summary = "adds n (1) to the field's number; replies the new one",
        .redis = REDIS("HINCRBY"),
        .render = render_integer,
    },
    {
        .name = "dict.pop",
        .flags = VERB_WRITE | VERB_UNCUT,
        .syntax = "N K F",
        .summary = "the field's value, or nil; and the field is gone",
        .build = build_pop,
        .render = render_text,
    },
    {
        .name = "dict.popitem",
        .flags = VERB_WRITE | VERB_UNCUT,
        .syntax = "N K",
        .summary = "any one F V, and it is gone; an empty array when there is none",
        .build = build_popitem,
        .render = render_pairs,
    },
    {
        .name = "dict.scan",
        .flags = VERB_READ | VERB_LONG,
        .syntax = "[count=] N K cursor",
        .summary = "a step of an iteration: the next cursor (0: done) and an array of F V ...",
        .redis = REDIS("HSCAN"),
        .render = render_scan_step,
        .miss = MISS_SCAN,
    },
    {0},
};
