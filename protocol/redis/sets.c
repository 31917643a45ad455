// Commands of Redis's sets.
#include "protocol/answer.h"
#include "protocol/number.h"
#include "protocol/redis/groups.h"
#include "protocol/redis/resp3.h"
#include "protocol/redis/row.h"
#include "protocol/verb.h"

#define MANY_READ .collection = "set", .flags = VERB_READ | VERB_LONG
#define STORE     .collection = "set", .flags = VERB_WRITE | VERB_LONG, .creates = CREATES_FIRST

enum { POP_ONE, POP_MANY };

static bool read_pop(struct redis_reading *r) {
    if (r->count > 2)
        return redis_refuse_syntax(r);
    r->command += r->count == 2 ? POP_MANY : POP_ONE;
    return true;
}

static bool read_random(struct redis_reading *r) { return r->count <= 2 || redis_refuse_syntax(r); }

// SINTERCARD numkeys key [key ...] [LIMIT limit]
static bool read_card(struct redis_reading *r) {
    int64_t keys;
    if (number_parse_int(r->words[0], &keys) && keys > (int64_t)r->count - 1)
        return redis_refuse(r, "Number of keys can't be greater than number of args");
    return redis_read_keys(r, 0, "numkeys should be greater than 0");
}

const struct redis_row redis_sets[] = {
    {.name = "SADD", .verb = "set.add", .syntax = "K M [M ...]", .creates = CREATES_FIRST},
    {.name = "SREM",
     .verb = "set.del",
     .syntax = "K M [M ...]",
     .flags = VERB_WRITE | VERB_OWN_TTL},
    {.name = "SISMEMBER", .verb = "set.has"},
    {.name = "SCARD", .verb = "set.len"},
    {.name = "SMEMBERS", .verb = "set.members", .shape = SHAPE_SET},
    {.name = "SPOP",
     .verb = "set.pop",
     .syntax = "K [count]",
     .flags = VERB_WRITE | VERB_OWN_TTL | VERB_UNCUT,
     .read = read_pop},
    {.name = "SPOP",
     .is_variant = true,
     .verb = "set.pop",
     .syntax = "K [count]",
     .flags = VERB_WRITE | VERB_OWN_TTL | VERB_UNCUT,
     .shape = SHAPE_SET},
    {.name = "SRANDMEMBER", .verb = "set.random", .read = read_random},
    {.name = "SSCAN", .verb = "set.scan", .syntax = "K cursor [option ...]"},
    {.name = "SMISMEMBER",
     .instead = "set.has",
     .collection = "set",
     .flags = VERB_READ | VERB_NEAR,
     .syntax = "K M [M ...]",
     .summary = "an array of 1 for each that is a member, and 0 for the others",
     .render = render_as_is,
     .miss = MISS_ZEROS},
    {.name = "SMOVE",
     .collection = "set",
     .flags = VERB_WRITE,
     .syntax = "K K M",
     .summary = "moves a member from one set to another: 1, or 0 if it was no member",
     .creates = CREATES_SECOND,
     .render = render_integer},
    {.name = "SINTER",
     MANY_READ,
     .syntax = "K [K ...]",
     .summary = "the members that all sets have",
     .shape = SHAPE_SET,
     .render = render_texts,
     .miss = MISS_EMPTY},
    {.name = "SUNION",
     MANY_READ,
     .syntax = "K [K ...]",
     .summary = "the members that any of the sets has",
     .shape = SHAPE_SET,
     .render = render_texts,
     .miss = MISS_EMPTY},
    {.name = "SDIFF",
     MANY_READ,
     .syntax = "K [K ...]",
     .summary = "the members of the first set that no other has",
     .shape = SHAPE_SET,
     .render = render_texts,
     .miss = MISS_EMPTY},
    {.name = "SINTERCARD",
     MANY_READ,
     .syntax = "count key [option ...]",
     .summary = "how many members all sets have",
     .key_at = 1,
     .read = read_card,
     .render = render_integer,
     .miss = MISS_ZERO},
    {.name = "SINTERSTORE",
     STORE,
     .syntax = "K K [K ...]",
     .summary = "stores what SINTER would reply; replies how many",
     .render = render_integer},
    {.name = "SUNIONSTORE",
     STORE,
     .syntax = "K K [K ...]",
     .summary = "stores what SUNION would reply; replies how many",
     .render = render_integer},
    {.name = "SDIFFSTORE",
     STORE,
     .syntax = "K K [K ...]",
     .summary = "stores what SDIFF would reply; replies how many",
     .render = render_integer},
    {0},
};
