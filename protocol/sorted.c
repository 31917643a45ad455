// Verbs of the collection `sorted`: members by score (a Redis sorted set).
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/command.h"
#include "protocol/verb.h"

static const struct slice add_conditions[] = {
    [ADD_IF_ABSENT] = {"NX", 2},
    [ADD_IF_PRESENT] = {"XX", 2},
    [ADD_IF_GREATER] = {"GT", 2},
    [ADD_IF_LESS] = {"LT", 2},
};

static void build_add(struct command *c, const struct call *call) {
    bool is_conditional = call->add_if != ADD_ALWAYS;
    command_write_begin(c, call);
    command_begin(c, SLICE("ZADD"), 1 + call->argc + is_conditional);
    command_key(c, call, call->args[0]);
    if (is_conditional)
        command_word(c, add_conditions[call->add_if]);
    command_args(c, call, 1);
    command_write_end(c, call);
}

static void build_incr(struct command *c, const struct call *call) {
    command_write_begin(c, call);
    command_begin(c, SLICE("ZINCRBY"), 4);
    command_key(c, call, call->args[0]);
    command_word(c, call->argc > 2 ? call->args[2] : SLICE("1"));
    command_word(c, call->args[1]);
    command_write_end(c, call);
}

static void build_rank(struct command *c, const struct call *call) {
    command_plain(c, call, call->is_descending ? SLICE("ZREVRANK") : SLICE("ZRANK"));
}

// ZRANGE key start stop [REV] WITHSCORES
static void build_range(struct command *c, const struct call *call) {
    command_begin(c, SLICE("ZRANGE"), 5 + call->is_descending);
    command_key(c, call, call->args[0]);
    command_args(c, call, 1);
    if (call->is_descending)
        command_word(c, SLICE("REV"));
    command_word(c, SLICE("WITHSCORES"));
}

// ZRANGE key min max BYSCORE [REV] [LIMIT 0 n] WITHSCORES. With REV Redis wants max before min.
static void build_between(struct command *c, const struct call *call) {
    bool is_descending = call->is_descending;
    bool is_limited = call->options & 1u << OPTION_LIMIT;
    command_begin(c, SLICE("ZRANGE"), 6 + is_descending + (is_limited ? 3 : 0));
    command_key(c, call, call->args[0]);
    command_word(c, call->args[is_descending ? 2 : 1]);
    command_word(c, call->args[is_descending ? 1 : 2]);
    command_word(c, SLICE("BYSCORE"));
    if (is_descending)
        command_word(c, SLICE("REV"));
    if (is_limited) {
        command_word(c, SLICE("LIMIT"));
        command_word(c, SLICE("0"));
        command_integer(c, call->limit);
    }
    command_word(c, SLICE("WITHSCORES"));
}

const struct verb sorted_verbs[] = {
    {
        .name = "sorted.add",
        .flags = VERB_WRITE,
        .syntax = "[ttl=] [if=absent|present|greater|less] N K score M [score M ...]",
        .summary = "adds members or sets their scores; replies how many are new",
        .build = build_add,
        .render = render_integer,
    },
    {
        .name = "sorted.incr",
        .flags = VERB_WRITE,
        .syntax = "[ttl=] N K M [score]",
        .summary = "adds to the member's score (1); replies the new one",
        .build = build_incr,
        .render = render_text,
    },
    {
        .name = "sorted.del",
        .flags = VERB_WRITE,
        .syntax = "N K M [M ...]",
        .summary = "removes members; replies how many existed",
        .redis = REDIS("ZREM"),
        .render = render_integer,
    },
    {
        .name = "sorted.has",
        .flags = VERB_READ | VERB_NEAR,
        .syntax = "N K M",
        .summary = "1 if it is a member, else 0",
        .redis = REDIS("ZSCORE"),
        .render = render_is_there,
        .miss = MISS_ZERO,
    },
    {
        .name = "sorted.len",
        .flags = VERB_READ | VERB_NEAR,
        .syntax = "N K",
        .summary = "how many members",
        .redis = REDIS("ZCARD"),
        .render = render_integer,
        .miss = MISS_ZERO,
    },
    {
        .name = "sorted.score",
        .flags = VERB_READ | VERB_NEAR,
        .syntax = "N K M",
        .summary = "the member's score, or nil",
        .redis = REDIS("ZSCORE"),
        .render = render_text,
        .miss = MISS_NIL,
    },
    {
        .name = "sorted.rank",
        .flags = VERB_READ | VERB_NEAR,
        .syntax = "[order=asc|desc] N K M",
        .summary = "the member's rank from 0, or nil",
        .build = build_rank,
        .render = render_integer_or_nil,
        .miss = MISS_NIL,
    },
    {
        .name = "sorted.pop",
        .flags = VERB_WRITE | VERB_UNCUT,
        .syntax = "N K [count]",
        .summary =
            "removes and replies the lowest, as M score ...; an empty array when there is none",
        .redis = REDIS("ZPOPMIN"),
        .render = render_pairs,
    },
    {
        .name = "sorted.rpop",
        .flags = VERB_WRITE | VERB_UNCUT,
        .syntax = "N K [count]",
        .summary =
            "removes and replies the highest, as M score ...; an empty array when there is none",
        .redis = REDIS("ZPOPMAX"),
        .render = render_pairs,
    },
    {
        .name = "sorted.range",
        .flags = VERB_READ | VERB_NEAR | VERB_LONG,
        .syntax = "[order=asc|desc] N K start stop",
        .summary = "members by rank, both ends included, -1 the last, as M score ...",
        .build = build_range,
        .render = render_pairs,
        .miss = MISS_EMPTY,
    },
    {
        .name = "sorted.between",
        .flags = VERB_READ | VERB_NEAR | VERB_LONG,
        .syntax = "[order=asc|desc] [limit=] N K min max",
        .summary =
            "members by score, both ends included, \"(5\" without 5, -inf and +inf, as M score ...",
        .build = build_between,
        .render = render_pairs,
        .miss = MISS_EMPTY,
    },
    {
        .name = "sorted.scan",
        .flags = VERB_READ | VERB_LONG,
        .syntax = "[count=] N K cursor",
        .summary = "a step of an iteration: the next cursor (0: done) and an array of M score ...",
        .redis = REDIS("ZSCAN"),
        .render = render_scan_step,
        .miss = MISS_SCAN,
    },
    {0},
};
