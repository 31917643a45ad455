// Commands of Redis's bitmaps and HyperLogLogs: they are strings, of the collection `key`.
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/number.h"
#include "protocol/redis/groups.h"
#include "protocol/redis/row.h"
#include "protocol/verb.h"

enum { BITS = 8, WIDEST = 64 };

// Returns how many bytes a value has at least that holds the bits before `end`.
static int64_t bytes_of(int64_t end) { return end / BITS + (end % BITS > 0); }

// SETBIT key offset value. What is no offset is left to Redis.
static bool read_setbit(struct redis_reading *r) {
    int64_t offset;
    r->call->reaches = 0;
    if (r->count != 3)
        return redis_refuse_count(r);
    if (number_parse_int(r->words[1], &offset) && offset >= 0 && offset < INT64_MAX)
        r->call->reaches = bytes_of(offset + 1);
    return true;
}

// Returns the last byte that a part of BITFIELD writes: "u8" and an offset, "#2" for two times its
// width. What is none is left to Redis.
static int64_t end_of_field(struct slice type, struct slice place) {
    bool is_multiple = place.len > 0 && *place.data == '#';
    int64_t width, offset;
    if (type.len < 2 || !number_parse_int((struct slice){type.data + 1, type.len - 1}, &width) ||
        width < 1 || width > WIDEST)
        return 0;
    place = (struct slice){place.data + is_multiple, place.len - is_multiple};
    if (!number_parse_int(place, &offset) || offset < 0 ||
        __builtin_mul_overflow(offset, is_multiple ? width : 1, &offset) ||
        __builtin_add_overflow(offset, width, &offset))
        return 0;
    return bytes_of(offset);
}

enum { FIELD_WRITES, FIELD_READS };

// BITFIELD key [GET type offset] [SET type offset value] [INCRBY type offset n] [OVERFLOW how] …
static bool read_bitfield(struct redis_reading *r) {
    bool writes = false;
    r->call->reaches = 0;
    for (size_t i = 1; i < r->count;) {
        bool is_get = redis_is(r->words[i], "GET");
        bool is_write = redis_is(r->words[i], "SET") || redis_is(r->words[i], "INCRBY");
        size_t words = is_get ? 3 : is_write ? 4 : redis_is(r->words[i], "OVERFLOW") ? 2 : 0;
        if (words == 0 || words > r->count - i)
            return redis_refuse_syntax(r);
        int64_t end = is_write ? end_of_field(r->words[i + 1], r->words[i + 2]) : 0;
        r->call->reaches = end > r->call->reaches ? end : r->call->reaches;
        writes |= is_write;
        i += words;
    }
    if (!writes)
        r->command += FIELD_READS;
    return true;
}

enum { COUNT_OF_ONE, COUNT_OF_MANY };

static bool read_pfcount(struct redis_reading *r) {
    if (r->count > 1)
        r->command += COUNT_OF_MANY;
    return true;
}

#define NEAR_READ .collection = "key", .flags = VERB_READ | VERB_NEAR
#define WRITE                                                                                      \
    .collection = "key", .flags = VERB_WRITE, .creates = CREATES_FIRST, .writes_part = true

const struct redis_row redis_bits[] = {
    {.name = "GETBIT",
     NEAR_READ,
     .syntax = "K n",
     .summary = "a bit of the value",
     .render = render_integer,
     .miss = MISS_ZERO},
    {.name = "SETBIT",
     WRITE,
     .syntax = "K n bit",
     .summary = "sets a bit of the value; replies the old one",
     .read = read_setbit,
     .render = render_integer},
    {.name = "BITCOUNT",
     .collection = "key",
     .flags = VERB_READ | VERB_NEAR | VERB_LONG,
     .syntax = "K [option ...]",
     .summary = "how many bits are set",
     .render = render_integer,
     .miss = MISS_ZERO},
    {.name = "BITPOS",
     .collection = "key",
     .flags = VERB_READ | VERB_NEAR | VERB_LONG,
     .syntax = "K bit [option ...]",
     .summary = "the place of the first bit that is set, or is not",
     .render = render_integer},
    {.name = "BITOP",
     .collection = "key",
     .flags = VERB_WRITE | VERB_LONG,
     .syntax = "operation K K [K ...]",
     .key_at = 1,
     .summary = "stores AND, OR, XOR or NOT of values; replies the length",
     .creates = CREATES_FIRST,
     .writes_part = true,
     .read = redis_read_part,
     .render = render_integer},
    {.name = "BITFIELD_RO",
     NEAR_READ,
     .syntax = "K [option ...]",
     .summary = "numbers of any width out of the value",
     .render = render_as_is},
    {.name = "BITFIELD",
     .may_only_read = true,
     WRITE,
     .syntax = "K [option ...]",
     .summary = "reads and writes numbers of any width in the value",
     .read = read_bitfield,
     .render = render_as_is},
    {.name = "BITFIELD",
     .is_variant = true,
     .verb = "redis.bitfield_ro",
     .syntax = "K [option ...]"},
    {.name = "PFADD",
     WRITE,
     .syntax = "K [M ...]",
     .summary = "counts members in: 1 if the count may have changed, else 0",
     .read = redis_read_part,
     .render = render_integer},
    {.name = "PFCOUNT",
     NEAR_READ,
     .syntax = "K [K ...]",
     .summary = "about how many different members were counted in",
     .read = read_pfcount,
     .render = render_integer,
     .miss = MISS_ZERO},
    {.name = "PFCOUNT", .is_variant = true, .syntax = "K [K ...]", .flags = VERB_READ},
    {.name = "PFMERGE",
     WRITE,
     .syntax = "K [K ...]",
     .summary = "counts in what other keys have counted",
     .read = redis_read_part,
     .render = render_status},
    {0},
};
