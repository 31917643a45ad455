// Commands of Redis's hashes: the collection `dict`.
#include "protocol/answer.h"
#include "protocol/redis/groups.h"
#include "protocol/redis/resp3.h"
#include "protocol/redis/row.h"
#include "protocol/verb.h"

enum { RANDOM_ONE, RANDOM_WITH_VALUES };

static bool read_random(struct redis_reading *r) {
    if (redis_has(r, 2, "WITHVALUES"))
        r->command += RANDOM_WITH_VALUES;
    return true;
}

// A command about the ttls of fields: Redis 7.4, Valkey 9. A field lives no longer than its key.
#define OF_FIELDS .syntax = "K [option ...]", .collection = "dict", .render = render_as_is
#define READ_OF_FIELDS                                                                             \
    OF_FIELDS, .flags = VERB_READ, .summary = "the ttls of fields (Redis 7.4, Valkey 9)"
#define WRITE_OF_FIELDS                                                                            \
    OF_FIELDS, .flags = VERB_WRITE | VERB_OWN_TTL,                                                 \
               .summary = "sets the ttls of fields (Redis 7.4, Valkey 9)"

const struct redis_row redis_hashes[] = {
    {.name = "HGET", .verb = "dict.get"},
    {.name = "HMGET", .verb = "dict.mget"},
    {.name = "HGETALL", .verb = "dict.items", .shape = SHAPE_MAP},
    {.name = "HEXISTS", .verb = "dict.has"},
    {.name = "HLEN", .verb = "dict.len"},
    {.name = "HKEYS", .verb = "dict.keys"},
    {.name = "HVALS", .verb = "dict.values"},
    {.name = "HSCAN", .verb = "dict.scan", .syntax = "K cursor [option ...]"},
    {.name = "HSET", .verb = "dict.set", .syntax = "K F V [F V ...]", .creates = CREATES_FIRST},
    {.name = "HMSET",
     .verb = "dict.set",
     .syntax = "K F V [F V ...]",
     .creates = CREATES_FIRST,
     .render = render_status},
    {.name = "HSETNX", .verb = "dict.add", .syntax = "K F V", .creates = CREATES_FIRST},
    {.name = "HDEL",
     .verb = "dict.del",
     .syntax = "K F [F ...]",
     .flags = VERB_WRITE | VERB_OWN_TTL},
    {.name = "HINCRBY", .verb = "dict.incr", .syntax = "K F n", .creates = CREATES_FIRST},
    {.name = "HINCRBYFLOAT",
     .syntax = "K F increment",
     .collection = "dict",
     .flags = VERB_WRITE,
     .summary = "adds to the field's number, which may have a fraction; replies the new one",
     .creates = CREATES_FIRST,
     .writes_part = true,
     .read = redis_read_part,
     .render = render_text},
    {.name = "HSTRLEN",
     .syntax = "K F",
     .collection = "dict",
     .flags = VERB_READ | VERB_NEAR,
     .summary = "the length of the field's value",
     .render = render_integer,
     .miss = MISS_ZERO},
    {.name = "HRANDFIELD",
     .syntax = "K [count] [option ...]",
     .collection = "dict",
     .flags = VERB_READ,
     .summary = "any one field, or nil; with count an array",
     .read = read_random,
     .render = render_as_is,
     .miss = MISS_RANDOM},
    {.name = "HRANDFIELD",
     .is_variant = true,
     .syntax = "K [count] [option ...]",
     .shape = SHAPE_PAIRS_TEXT},
    {.name = "HTTL", READ_OF_FIELDS},
    {.name = "HPTTL", READ_OF_FIELDS},
    {.name = "HEXPIRETIME", READ_OF_FIELDS},
    {.name = "HPEXPIRETIME", READ_OF_FIELDS},
    {.name = "HEXPIRE", WRITE_OF_FIELDS},
    {.name = "HPEXPIRE", WRITE_OF_FIELDS},
    {.name = "HEXPIREAT", WRITE_OF_FIELDS},
    {.name = "HPEXPIREAT", WRITE_OF_FIELDS},
    {.name = "HPERSIST", WRITE_OF_FIELDS},
    {.name = "HGETDEL", WRITE_OF_FIELDS},
    {.name = "HGETEX", WRITE_OF_FIELDS},
    {.name = "HSETEX",
     .syntax = "K [option ...]",
     .collection = "dict",
     .flags = VERB_WRITE,
     .summary = "stores fields with ttls of their own (Redis 8.0, Valkey 9)",
     .creates = CREATES_FIRST,
     .writes_part = true,
     .read = redis_read_part,
     .render = render_as_is},
    {0},
};
