// Commands of Redis's sorted sets, but for those that make one of several (many_sorted_sets.c).
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/redis/groups.h"
#include "protocol/redis/resp3.h"
#include "protocol/redis/row.h"
#include "protocol/verb.h"

#define NEAR_READ .collection = "sorted", .flags = VERB_READ | VERB_NEAR
#define NEAR_LONG .collection = "sorted", .flags = VERB_READ | VERB_NEAR | VERB_LONG
#define REMOVES   .collection = "sorted", .flags = VERB_WRITE | VERB_OWN_TTL

// --- ZADD -------------------------------------------------------------------------------------

enum { ADD_PLAIN, ADD_INCR };

static bool is_add_option(struct slice word) {
    return redis_is(word, "NX") || redis_is(word, "XX") || redis_is(word, "GT") ||
           redis_is(word, "LT") || redis_is(word, "CH") || redis_is(word, "INCR");
}

// ZADD key [NX|XX] [GT|LT] [CH] [INCR] score member [score member ...]
static bool read_add(struct redis_reading *r) {
    size_t options = 0;
    while (options + 1 < r->count && is_add_option(r->words[1 + options])) {
        if (redis_is(r->words[1 + options], "INCR"))
            r->command = r->command->row->is_variant ? r->command : r->command + ADD_INCR;
        options++;
    }
    size_t others = r->count - 1 - options;
    if (others == 0 || others % 2 != 0)
        return redis_refuse_syntax(r);
    redis_take_head(r, options);
    return true;
}

// --- ranges -----------------------------------------------------------------------------------

// The forms of a range: as the client wrote it; the same with scores; or just what a verb of
// cachesd's own writes, so that both share what the near cache keeps.
enum { RANGE_PASSED, RANGE_SCORES, RANGE_VERB };

static void be_descending(struct redis_reading *r) {
    r->call->is_descending = true;
    r->call->options |= 1u << OPTION_ORDER;
}

static bool read_range_of(struct redis_reading *r, bool is_descending) {
    if (!redis_has(r, 3, "WITHSCORES"))
        return true;
    bool is_verb = r->count == 4;
    r->command += is_verb ? RANGE_VERB : RANGE_SCORES;
    if (is_verb)
        r->call->argc = 3;
    if (is_verb && is_descending)
        be_descending(r);
    return true;
}

static bool read_range(struct redis_reading *r) { return read_range_of(r, false); }
static bool read_rev_range(struct redis_reading *r) { return read_range_of(r, true); }

// ZREVRANGEBYSCORE key max min: the verb takes min first.
static bool read_rev_range_by_score(struct redis_reading *r) {
    if (r->count == 4 && redis_has(r, 3, "WITHSCORES")) {
        struct slice most = r->words[1];
        r->words[1] = r->words[2];
        r->words[2] = most;
    }
    return read_range_of(r, true);
}

// --- ranks, pops ------------------------------------------------------------------------------

enum { RANK_PLAIN, RANK_SCORE };

static bool read_rank_of(struct redis_reading *r, bool is_descending) {
    if (r->count > 2)
        r->command += RANK_SCORE;
    else if (is_descending)
        be_descending(r);
    return true;
}

static bool read_rank(struct redis_reading *r) { return read_rank_of(r, false); }
static bool read_rev_rank(struct redis_reading *r) { return read_rank_of(r, true); }

enum { POP_ONE, POP_MANY };

static bool read_pop(struct redis_reading *r) {
    if (r->count > 2)
        return redis_refuse_syntax(r);
    r->command += r->count == 2 ? POP_MANY : POP_ONE;
    return true;
}

enum { RANDOM_PLAIN, RANDOM_SCORES };

static bool read_random(struct redis_reading *r) {
    if (redis_has(r, 2, "WITHSCORES"))
        r->command += RANDOM_SCORES;
    return true;
}

#define POP .syntax = "K [count]", .flags = VERB_WRITE | VERB_OWN_TTL | VERB_UNCUT
#define RANGE                                                                                      \
    NEAR_LONG, .syntax = "K min max [option ...]", .miss = MISS_EMPTY, .render = render_texts
#define WITH_SCORES .is_variant = true, .syntax = "K min max [option ...]", .shape = SHAPE_PAIRS
#define AS_VERB     .is_variant = true, .shape = SHAPE_PAIRS

const struct redis_row redis_sorted_sets[] = {
    {.name = "ZADD",
     .verb = "sorted.add",
     .syntax = "K score M [score M ...]",
     .creates = CREATES_FIRST,
     .read = read_add},
    {.name = "ZADD",
     .is_variant = true,
     .verb = "sorted.add",
     .syntax = "K score M [score M ...]",
     .creates = CREATES_FIRST,
     .shape = SHAPE_DOUBLE,
     .render = render_text},
    {.name = "ZINCRBY",
     .verb = "sorted.incr",
     .syntax = "K score M",
     .creates = CREATES_FIRST,
     .shape = SHAPE_DOUBLE},
    {.name = "ZREM",
     .verb = "sorted.del",
     .syntax = "K M [M ...]",
     .flags = VERB_WRITE | VERB_OWN_TTL},
    {.name = "ZSCORE", .verb = "sorted.score", .shape = SHAPE_DOUBLE},
    {.name = "ZCARD", .verb = "sorted.len"},
    {.name = "ZSCAN", .verb = "sorted.scan", .syntax = "K cursor [option ...]"},
    {.name = "ZRANK", .verb = "sorted.rank", .read = read_rank},
    {.name = "ZRANK",
     .is_variant = true,
     .verb = "sorted.rank",
     .syntax = "K M option",
     .flags = VERB_READ,
     .shape = SHAPE_PAIR,
     .render = render_as_is},
    {.name = "ZREVRANK", .verb = "sorted.rank", .read = read_rev_rank},
    {.name = "ZREVRANK",
     .is_variant = true,
     .verb = "sorted.rank",
     .syntax = "K M option",
     .flags = VERB_READ,
     .shape = SHAPE_PAIR,
     .render = render_as_is},
    {.name = "ZPOPMIN", POP, .verb = "sorted.pop", .shape = SHAPE_PAIR, .read = read_pop},
    {.name = "ZPOPMIN", POP, .is_variant = true, .verb = "sorted.pop", .shape = SHAPE_PAIRS},
    {.name = "ZPOPMAX", POP, .verb = "sorted.rpop", .shape = SHAPE_PAIR, .read = read_pop},
    {.name = "ZPOPMAX", POP, .is_variant = true, .verb = "sorted.rpop", .shape = SHAPE_PAIRS},
    {.name = "ZRANGE",
     RANGE,
     .instead = "sorted.range",
     .summary = "members by rank, score or name",
     .read = read_range},
    {.name = "ZRANGE", WITH_SCORES},
    {.name = "ZRANGE", AS_VERB, .verb = "sorted.range"},
    {.name = "ZREVRANGE",
     RANGE,
     .instead = "sorted.range",
     .summary = "members by rank, the highest first",
     .read = read_rev_range},
    {.name = "ZREVRANGE", WITH_SCORES},
    {.name = "ZREVRANGE", AS_VERB, .verb = "sorted.range"},
    {.name = "ZRANGEBYSCORE",
     RANGE,
     .instead = "sorted.between",
     .summary = "members by score, the lowest first",
     .read = read_range},
    {.name = "ZRANGEBYSCORE", WITH_SCORES},
    {.name = "ZRANGEBYSCORE", AS_VERB, .verb = "sorted.between"},
    {.name = "ZREVRANGEBYSCORE",
     RANGE,
     .instead = "sorted.between",
     .summary = "members by score, the highest first",
     .read = read_rev_range_by_score},
    {.name = "ZREVRANGEBYSCORE", WITH_SCORES},
    {.name = "ZREVRANGEBYSCORE", AS_VERB, .verb = "sorted.between"},
    {.name = "ZRANGEBYLEX", RANGE, .summary = "members by name, where all have one score"},
    {.name = "ZREVRANGEBYLEX",
     RANGE,
     .summary = "members by name, the last first, where all have one score"},
    {.name = "ZCOUNT",
     NEAR_READ,
     .syntax = "K min max",
     .summary = "how many members have a score between these",
     .render = render_integer,
     .miss = MISS_ZERO},
    {.name = "ZLEXCOUNT",
     NEAR_READ,
     .syntax = "K min max",
     .summary = "how many members have a name between these",
     .render = render_integer,
     .miss = MISS_ZERO},
    {.name = "ZMSCORE",
     NEAR_READ,
     .syntax = "K M [M ...]",
     .summary = "an array of the members' scores, nil for the missing",
     .shape = SHAPE_DOUBLES,
     .render = render_texts,
     .miss = MISS_NILS},
    {.name = "ZRANDMEMBER",
     .collection = "sorted",
     .flags = VERB_READ,
     .syntax = "K [count] [option ...]",
     .summary = "any one member, or nil; with count an array",
     .read = read_random,
     .render = render_text_or_texts,
     .miss = MISS_RANDOM},
    {.name = "ZRANDMEMBER",
     .is_variant = true,
     .syntax = "K [count] [option ...]",
     .shape = SHAPE_PAIRS},
    {.name = "ZREMRANGEBYRANK",
     REMOVES,
     .syntax = "K start stop",
     .summary = "removes members by rank; replies how many",
     .render = render_integer},
    {.name = "ZREMRANGEBYSCORE",
     REMOVES,
     .syntax = "K min max",
     .summary = "removes members by score; replies how many",
     .render = render_integer},
    {.name = "ZREMRANGEBYLEX",
     REMOVES,
     .syntax = "K min max",
     .summary = "removes members by name; replies how many",
     .render = render_integer},
    {0},
};
