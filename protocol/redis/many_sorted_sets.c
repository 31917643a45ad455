// Commands of Redis that make one sorted set of several, or store one.
#include "protocol/answer.h"
#include "protocol/redis/groups.h"
#include "protocol/redis/passed.h"
#include "protocol/redis/resp3.h"
#include "protocol/redis/row.h"
#include "protocol/verb.h"

enum { OF_MEMBERS, OF_SCORES };

// ZUNION numkeys key [key ...] [WEIGHTS …] [AGGREGATE …] [WITHSCORES]
static bool read_many(struct redis_reading *r) {
    if (!redis_read_keys(r, 0, NULL))
        return false;
    if (redis_has(r, r->call->more_keys_end, "WITHSCORES"))
        r->command += OF_SCORES;
    return true;
}

// ZUNIONSTORE key numkeys key [key ...] [WEIGHTS …] [AGGREGATE …]
static bool read_store(struct redis_reading *r) { return redis_read_keys(r, 1, NULL); }

// ZINTERCARD numkeys key [key ...] [LIMIT limit]
static bool read_card(struct redis_reading *r) { return redis_read_keys(r, 0, NULL); }

// ZMPOP numkeys key [key ...] MIN|MAX [COUNT count]
static bool read_mpop(struct redis_reading *r) {
    return redis_read_keys(r, 0, "numkeys should be greater than 0");
}

#define MANY                                                                                       \
    .syntax = "count key [option ...]", .key_at = 1, .collection = "sorted",                       \
    .flags = VERB_READ | VERB_LONG, .read = read_many, .render = render_texts, .miss = MISS_EMPTY
#define WITH_SCORES                                                                                \
    .is_variant = true, .syntax = "count key [option ...]", .key_at = 1, .shape = SHAPE_PAIRS
#define STORE                                                                                      \
    .syntax = "K count key [option ...]", .collection = "sorted", .flags = VERB_WRITE | VERB_LONG, \
    .creates = CREATES_FIRST, .read = read_store, .render = render_integer

const struct redis_row redis_many_sorted_sets[] = {
    {.name = "ZUNION", MANY, .summary = "the members that any of the sets has"},
    {.name = "ZUNION", WITH_SCORES},
    {.name = "ZINTER", MANY, .summary = "the members that all sets have"},
    {.name = "ZINTER", WITH_SCORES},
    {.name = "ZDIFF", MANY, .summary = "the members of the first set that no other has"},
    {.name = "ZDIFF", WITH_SCORES},
    {.name = "ZINTERCARD",
     .syntax = "count key [option ...]",
     .key_at = 1,
     .collection = "sorted",
     .flags = VERB_READ | VERB_LONG,
     .summary = "how many members all sets have",
     .read = read_card,
     .render = render_integer,
     .miss = MISS_ZERO},
    {.name = "ZUNIONSTORE", STORE, .summary = "stores what ZUNION would reply; replies how many"},
    {.name = "ZINTERSTORE", STORE, .summary = "stores what ZINTER would reply; replies how many"},
    {.name = "ZDIFFSTORE", STORE, .summary = "stores what ZDIFF would reply; replies how many"},
    {.name = "ZRANGESTORE",
     .syntax = "K K min max [option ...]",
     .collection = "sorted",
     .flags = VERB_WRITE | VERB_LONG,
     .creates = CREATES_FIRST,
     .summary = "stores what ZRANGE would reply; replies how many",
     .render = render_integer},
    {.name = "ZMPOP",
     .syntax = "count key end [option ...]",
     .key_at = 1,
     .collection = "sorted",
     .flags = VERB_WRITE | VERB_OWN_TTL | VERB_UNCUT,
     .summary = "removes members of the first of these sets that has any",
     .shape = SHAPE_MPOP,
     .read = read_mpop,
     .render = render_popped},
    {0},
};
