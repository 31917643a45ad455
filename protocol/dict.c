// Verbs of the collection `dict`: fields to values (a Redis hash).
#include "verb.h"

static void build_get(struct command *c, const struct call *call) {
    command_plain(c, call, SLICE("HGET"));
}

static void build_mget(struct command *c, const struct call *call) {
    command_plain(c, call, SLICE("HMGET"));
}

static void build_set(struct command *c, const struct call *call) {
    command_write(c, call, SLICE("HSET"));
}

static void build_add(struct command *c, const struct call *call) {
    command_write(c, call, SLICE("HSETNX"));
}

static void build_del(struct command *c, const struct call *call) {
    command_write(c, call, SLICE("HDEL"));
}

static void build_has(struct command *c, const struct call *call) {
    command_plain(c, call, SLICE("HEXISTS"));
}

static void build_len(struct command *c, const struct call *call) {
    command_plain(c, call, SLICE("HLEN"));
}

static void build_keys(struct command *c, const struct call *call) {
    command_plain(c, call, SLICE("HKEYS"));
}

static void build_values(struct command *c, const struct call *call) {
    command_plain(c, call, SLICE("HVALS"));
}

static void build_items(struct command *c, const struct call *call) {
    command_plain(c, call, SLICE("HGETALL"));
}

static void build_incr(struct command *c, const struct call *call) {
    command_increment(c, call, SLICE("HINCRBY"));
}

// One transaction: the client's answer is HGET's, the first of EXEC's.
static void build_pop(struct command *c, const struct call *call) {
    command_transaction_begin(c);
    command_plain(c, call, SLICE("HGET"));
    command_plain(c, call, SLICE("HDEL"));
    command_write_end(c, call);
}

// Which field it will be is known only once it is drawn, so no transaction can name it.
static const char popitem_script[] =
    "local reply = redis.call('HRANDFIELD', KEYS[1], 1, 'WITHVALUES')\n"
    "if reply[1] then redis.call('HDEL', KEYS[1], reply[1]) end\n";

static void build_popitem(struct command *c, const struct call *call) {
    command_script(c, call, slice_of(popitem_script));
}

static void build_scan(struct command *c, const struct call *call) {
    command_scan(c, call, SLICE("HSCAN"));
}

const struct verb dict_verbs[] = {
    {
        .name = "dict.get",
        .flags = VERB_READ | VERB_NEAR,
        .syntax = "N K F",
        .summary = "the field's value, or nil",
        .build = build_get,
        .render = render_text,
        .miss = MISS_NIL,
    },
    {
        .name = "dict.mget",
        .flags = VERB_READ | VERB_NEAR,
        .syntax = "N K F [F ...]",
        .summary = "an array of values, nil for the missing",
        .build = build_mget,
        .render = render_texts,
        .miss = MISS_NILS,
    },
    {
        .name = "dict.set",
        .flags = VERB_WRITE,
        .syntax = "[ttl=] N K F V [F V ...]",
        .summary = "stores fields; replies how many are new",
        .build = build_set,
        .render = render_integer,
    },
    {
        .name = "dict.add",
        .flags = VERB_WRITE,
        .syntax = "[ttl=] N K F V",
        .summary = "stores the value only if the field is absent: 1, else 0",
        .build = build_add,
        .render = render_integer,
    },
    {
        .name = "dict.del",
        .flags = VERB_WRITE,
        .syntax = "N K F [F ...]",
        .summary = "removes fields; replies how many existed",
        .build = build_del,
        .render = render_integer,
    },
    {
        .name = "dict.has",
        .flags = VERB_READ | VERB_NEAR,
        .syntax = "N K F",
        .summary = "1 if the field exists, else 0",
        .build = build_has,
        .render = render_integer,
        .miss = MISS_ZERO,
    },
    {
        .name = "dict.len",
        .flags = VERB_READ | VERB_NEAR,
        .syntax = "N K",
        .summary = "how many fields",
        .build = build_len,
        .render = render_integer,
        .miss = MISS_ZERO,
    },
    {
        .name = "dict.keys",
        .flags = VERB_READ | VERB_NEAR,
        .syntax = "N K",
        .summary = "an array of the fields",
        .build = build_keys,
        .render = render_texts,
        .miss = MISS_EMPTY,
    },
    {
        .name = "dict.values",
        .flags = VERB_READ | VERB_NEAR,
        .syntax = "N K",
        .summary = "an array of the values",
        .build = build_values,
        .render = render_texts,
        .miss = MISS_EMPTY,
    },
    {
        .name = "dict.items",
        .flags = VERB_READ | VERB_NEAR,
        .syntax = "N K",
        .summary = "an array of F V F V ...",
        .build = build_items,
        .render = render_pairs,
        .miss = MISS_EMPTY,
    },
    {
        .name = "dict.incr",
        .flags = VERB_WRITE,
        .syntax = "[ttl=] N K F [n]",
        .summary = "adds n (1) to the field's number; replies the new one",
        .build = build_incr,
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
        .flags = VERB_READ,
        .syntax = "[count=] N K cursor",
        .summary = "a step of an iteration: the next cursor (0: done) and an array of F V ...",
        .build = build_scan,
        .render = render_scan_step,
        .miss = MISS_SCAN,
    },
    {0},
};
