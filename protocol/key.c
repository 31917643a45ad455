// Verbs of the collection `key`: one value (a Redis string).
#include "protocol/key.h"

#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/command.h"
#include "protocol/memo.h"
#include "protocol/verb.h"

// A quick check, which most values fail, before memo_look().
static bool may_be_memo(struct slice value) { return value.len > 0 && *value.data == *MEMO_MAGIC; }

// SET writes the value and its ttl in one command (redis.io/commands/set). Without PX it takes an
// old ttl away, which is what a namespace without ttl wants.
static void build_set_with(struct command *c, const struct call *call, struct slice condition) {
    command_begin(c, SLICE("SET"), 3 + (condition.len > 0) + command_ttl_words(call));
    command_key(c, call, call->args[0]);
    if (may_be_memo(call->args[1]))
        memo_write_value(c, call->args[1]);
    else
        command_word(c, call->args[1]);
    if (condition.len > 0)
        command_word(c, condition);
    command_ttl(c, call);
}

static void build_set(struct command *c, const struct call *call) {
    build_set_with(c, call, SLICE(""));
}

static void build_add(struct command *c, const struct call *call) {
    build_set_with(c, call, SLICE("NX"));
}

static void build_replace(struct command *c, const struct call *call) {
    build_set_with(c, call, SLICE("XX"));
}

static void build_swap(struct command *c, const struct call *call) {
    build_set_with(c, call, SLICE("GET"));
}

// Of a memo only the value is shown; its lease and "nothing" count as no value, because a client
// that may only read must not get hold of a lease.
static __attribute__((noinline)) void render_memo(struct answer *a, struct event e) {
    enum memo_content content = memo_look(&e.text, e.rest);
    if (content == MEMO_NO_VALUE)
        e.type = EVENT_NIL;
    a->is_miss = a->is_miss || (content == MEMO_NO_VALUE && e.depth == 0);
    (e.depth == 0 ? render_text : render_texts)(a, &e);
}

void render_value(struct answer *a, const struct event *e) {
    if (e->type == EVENT_BULK && may_be_memo(e->text) && e->depth == 0)
        render_memo(a, *e);
    else
        render_text(a, e);
}

static void render_values(struct answer *a, const struct event *e) {
    if (e->type == EVENT_BULK && may_be_memo(e->text) && e->depth == 1)
        render_memo(a, *e);
    else
        render_texts(a, e);
}

const struct verb key_verbs[] = {
    {
        .name = "key.get",
        .flags = VERB_READ | VERB_NEAR,
        .syntax = "N K",
        .summary = "the value, or nil",
        .redis = REDIS("GET"),
        .render = render_value,
        .miss = MISS_NIL,
    },
    {
        .name = "key.mget",
        .flags = VERB_READ | VERB_LONG | VERB_EACH_KEY,
        .syntax = "N K [K ...]",
        .summary = "an array of values, nil for the missing",
        .redis = REDIS("MGET"),
        .render = render_values,
        .miss = MISS_NILS,
    },
    {
        .name = "key.set",
        .flags = VERB_WRITE | VERB_NEW_TTL,
        .syntax = "[ttl=] N K V",
        .summary = "stores the value",
        .build = build_set,
        .render = render_status,
    },
    {
        .name = "key.add",
        .flags = VERB_WRITE | VERB_NEW_TTL,
        .syntax = "[ttl=] N K V",
        .summary = "stores the value only if the key is absent: 1, else 0 (a once-only gate)",
        .build = build_add,
        .render = render_is_there,
    },
    {
        .name = "key.replace",
        .flags = VERB_WRITE | VERB_NEW_TTL,
        .syntax = "[ttl=] N K V",
        .summary = "stores the value only if the key is present: 1, else 0",
        .build = build_replace,
        .render = render_is_there,
    },
    {
        .name = "key.swap",
        .flags = VERB_WRITE | VERB_UNCUT | VERB_NEW_TTL,
        .syntax = "[ttl=] N K V",
        .summary = "stores the value; replies the old one, or nil",
        .build = build_swap,
        .render = render_value,
    },
    {
        .name = "key.take",
        .flags = VERB_WRITE | VERB_UNCUT | VERB_REMOVES,
        .syntax = "N K",
        .summary = "the value, or nil; and it is gone",
        .redis = REDIS("GETDEL"),
        .render = render_value,
    },
    {
        .name = "key.incr",
        .flags = VERB_WRITE,
        .syntax = "[ttl=] N K [n]",
        .summary = "adds n (1) to the number; replies the new one",
        .redis = REDIS("INCRBY"),
        .render = render_integer,
    },
    {0},
};
