// Commands of Redis's lists.
#include "protocol/answer.h"
#include "protocol/redis/groups.h"
#include "protocol/redis/passed.h"
#include "protocol/redis/row.h"
#include "protocol/verb.h"

#define NEAR_READ .collection = "list", .flags = VERB_READ | VERB_NEAR
#define PUSH      .collection = "list", .flags = VERB_WRITE
#define KEEPS     .collection = "list", .flags = VERB_WRITE | VERB_OWN_TTL
#define POP       .collection = "list", .flags = VERB_WRITE | VERB_OWN_TTL | VERB_UNCUT
#define MOVE      .collection = "list", .flags = VERB_WRITE | VERB_UNCUT

// LMPOP numkeys key [key ...] LEFT|RIGHT [COUNT count]
static bool read_mpop(struct redis_reading *r) {
    return redis_read_keys(r, 0, "numkeys should be greater than 0");
}

enum { PLACE_ONE, PLACE_MANY };

static bool read_pos(struct redis_reading *r) {
    if (redis_has(r, 2, "COUNT"))
        r->command += PLACE_MANY;
    return true;
}

const struct redis_row redis_lists[] = {
    {.name = "LPUSH",
     PUSH,
     .syntax = "K V [V ...]",
     .summary = "puts values before the list; replies its length",
     .creates = CREATES_FIRST,
     .render = render_integer},
    {.name = "RPUSH",
     PUSH,
     .syntax = "K V [V ...]",
     .summary = "puts values behind the list; replies its length",
     .creates = CREATES_FIRST,
     .render = render_integer},
    {.name = "LPUSHX",
     KEEPS,
     .syntax = "K V [V ...]",
     .summary = "puts values before a list that is there; replies its length, or 0",
     .render = render_integer},
    {.name = "RPUSHX",
     KEEPS,
     .syntax = "K V [V ...]",
     .summary = "puts values behind a list that is there; replies its length, or 0",
     .render = render_integer},
    {.name = "LPOP",
     POP,
     .syntax = "K [count]",
     .summary = "removes and replies the first value, or nil; with count an array",
     .render = render_text_or_texts},
    {.name = "RPOP",
     POP,
     .syntax = "K [count]",
     .summary = "removes and replies the last value, or nil; with count an array",
     .render = render_text_or_texts},
    {.name = "LMPOP",
     POP,
     .syntax = "count key end [option ...]",
     .summary = "removes values of the first of these lists that has any",
     .key_at = 1,
     .read = read_mpop,
     .render = render_popped},
    {.name = "LLEN",
     NEAR_READ,
     .syntax = "K",
     .summary = "how many values",
     .render = render_integer,
     .miss = MISS_ZERO},
    {.name = "LINDEX",
     NEAR_READ,
     .syntax = "K n",
     .summary = "the value at a place, or nil; -1 is the last",
     .render = render_text,
     .miss = MISS_NIL},
    {.name = "LRANGE",
     .collection = "list",
     .flags = VERB_READ | VERB_NEAR | VERB_LONG,
     .syntax = "K start stop",
     .summary = "an array of values, both ends included; -1 is the last",
     .render = render_texts,
     .miss = MISS_EMPTY},
    {.name = "LPOS",
     NEAR_READ,
     .syntax = "K M [option ...]",
     .summary = "the place of a value, or nil; with COUNT an array",
     .read = read_pos,
     .render = render_as_is,
     .miss = MISS_NIL},
    {.name = "LPOS", .is_variant = true, .syntax = "K M [option ...]", .miss = MISS_EMPTY},
    {.name = "LSET",
     KEEPS,
     .syntax = "K n V",
     .summary = "replaces the value at a place",
     .render = render_status},
    {.name = "LINSERT",
     KEEPS,
     .syntax = "K place M V",
     .summary = "puts a value BEFORE or AFTER another; replies the list's length",
     .render = render_integer},
    {.name = "LREM",
     KEEPS,
     .syntax = "K n value",
     .summary = "removes values that are equal to this one; replies how many",
     .render = render_integer},
    {.name = "LTRIM",
     KEEPS,
     .syntax = "K start stop",
     .summary = "removes all values but these",
     .render = render_status},
    {.name = "LMOVE",
     MOVE,
     .syntax = "K K from to",
     .summary = "moves a value from one end of a list to one of another; replies it, or nil",
     .creates = CREATES_SECOND,
     .render = render_text},
    {.name = "RPOPLPUSH",
     MOVE,
     .syntax = "K K",
     .summary = "moves the last value of a list before another; replies it, or nil",
     .creates = CREATES_SECOND,
     .render = render_text},
    {0},
};
