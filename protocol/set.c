// Verbs of the collection `set`: members without order.
#include "verb.h"

static void build_add(struct command *c, const struct call *call) {
    command_write(c, call, SLICE("SADD"));
}

static void build_del(struct command *c, const struct call *call) {
    command_write(c, call, SLICE("SREM"));
}

static void build_has(struct command *c, const struct call *call) {
    command_plain(c, call, SLICE("SISMEMBER"));
}

static void build_len(struct command *c, const struct call *call) {
    command_plain(c, call, SLICE("SCARD"));
}

static void build_members(struct command *c, const struct call *call) {
    command_plain(c, call, SLICE("SMEMBERS"));
}

static void build_pop(struct command *c, const struct call *call) {
    command_write(c, call, SLICE("SPOP"));
}

static void build_random(struct command *c, const struct call *call) {
    command_plain(c, call, SLICE("SRANDMEMBER"));
}

static void build_scan(struct command *c, const struct call *call) {
    command_scan(c, call, SLICE("SSCAN"));
}

const struct verb set_verbs[] = {
    {
        .name = "set.add",
        .flags = VERB_WRITE,
        .syntax = "[ttl=] N K M [M ...]",
        .summary = "adds members; replies how many are new",
        .build = build_add,
        .render = render_integer,
    },
    {
        .name = "set.del",
        .flags = VERB_WRITE,
        .syntax = "N K M [M ...]",
        .summary = "removes members; replies how many existed",
        .build = build_del,
        .render = render_integer,
    },
    {
        .name = "set.has",
        .flags = VERB_READ | VERB_NEAR,
        .syntax = "N K M",
        .summary = "1 if it is a member, else 0",
        .build = build_has,
        .render = render_integer,
        .miss = MISS_ZERO,
    },
    {
        .name = "set.len",
        .flags = VERB_READ | VERB_NEAR,
        .syntax = "N K",
        .summary = "how many members",
        .build = build_len,
        .render = render_integer,
        .miss = MISS_ZERO,
    },
    {
        .name = "set.members",
        .flags = VERB_READ | VERB_NEAR,
        .syntax = "N K",
        .summary = "an array of the members",
        .build = build_members,
        .render = render_texts,
        .miss = MISS_EMPTY,
    },
    {
        .name = "set.pop",
        .flags = VERB_WRITE | VERB_UNCUT,
        .syntax = "N K [count]",
        .summary = "removes and replies any one member, or nil; with count an array",
        .build = build_pop,
        .render = render_text_or_texts,
    },
    {
        .name = "set.random",
        .flags = VERB_READ,
        .syntax = "N K [count]",
        .summary = "any one member, or nil; with count an array of as many different ones",
        .build = build_random,
        .render = render_text_or_texts,
        .miss = MISS_RANDOM,
    },
    {
        .name = "set.scan",
        .flags = VERB_READ,
        .syntax = "[count=] N K cursor",
        .summary = "a step of an iteration: the next cursor (0: done) and an array of members",
        .build = build_scan,
        .render = render_scan_step,
        .miss = MISS_SCAN,
    },
    {0},
};
