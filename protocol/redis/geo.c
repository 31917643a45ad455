// Commands of Redis's places on the earth: they are sorted sets.
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/redis/groups.h"
#include "protocol/redis/resp3.h"
#include "protocol/redis/row.h"
#include "protocol/verb.h"

// GEOADD key [NX|XX] [CH] longitude latitude member [longitude latitude member ...]
static bool read_add(struct redis_reading *r) {
    size_t options = 0;
    while (options + 1 < r->count &&
           (redis_is(r->words[1 + options], "NX") || redis_is(r->words[1 + options], "XX") ||
            redis_is(r->words[1 + options], "CH")))
        options++;
    size_t others = r->count - 1 - options;
    if (others == 0 || others % 3 != 0)
        return redis_refuse_syntax(r);
    redis_take_head(r, options);
    return true;
}

// The forms of a search: plain, with places, and with a key to store the result in.
enum { SEARCH_PLAIN, SEARCH_PLACES, SEARCH_STORE };

static bool read_search(struct redis_reading *r) {
    if (redis_has(r, 1, "WITHCOORD"))
        r->command += SEARCH_PLACES;
    return true;
}

// GEORADIUS key longitude latitude radius unit … [STORE key] [STOREDIST key]
// GEORADIUSBYMEMBER key member radius unit …
static bool read_radius(struct redis_reading *r) {
    for (size_t i = r->command->entry.signature.least; i + 1 < r->count; i++) {
        if (!redis_is(r->words[i], "STORE") && !redis_is(r->words[i], "STOREDIST"))
            continue;
        if (r->call->more_keys_end > 0)
            return redis_refuse_syntax(r);
        r->call->more_keys = (uint32_t)++i;
        r->call->more_keys_end = (uint32_t)(i + 1);
    }
    if (r->call->more_keys_end == 0)
        return read_search(r);
    r->command += SEARCH_STORE;
    return true;
}

#define NEAR_READ .collection = "sorted", .flags = VERB_READ | VERB_NEAR
#define SEARCH                                                                                     \
    .collection = "sorted", .flags = VERB_READ | VERB_NEAR | VERB_LONG, .render = render_as_is,    \
    .miss = MISS_EMPTY
#define PLACES .is_variant = true, .shape = SHAPE_GEO
#define STORE                                                                                      \
    .is_variant = true, .collection = "sorted", .flags = VERB_WRITE | VERB_LONG,                   \
    .creates = CREATES_MORE, .render = render_integer
#define AROUND    .syntax = "K longitude latitude radius unit [option ...]"
#define OF_MEMBER .syntax = "K member radius unit [option ...]"
#define WITHIN    .syntax = "K from what by what unit [option ...]"

const struct redis_row redis_geo[] = {
    {.name = "GEOADD",
     .collection = "sorted",
     .flags = VERB_WRITE,
     .syntax = "K longitude latitude M [longitude latitude M ...]",
     .summary = "adds members with their places; replies how many are new",
     .creates = CREATES_FIRST,
     .read = read_add,
     .render = render_integer},
    {.name = "GEODIST",
     NEAR_READ,
     .syntax = "K M M [option ...]",
     .summary = "how far two members are from each other, or nil",
     .render = render_text,
     .miss = MISS_NIL},
    {.name = "GEOHASH",
     NEAR_READ,
     .syntax = "K [M ...]",
     .summary = "an array of the members' places as geohashes, nil for the missing",
     .render = render_texts,
     .miss = MISS_NILS},
    {.name = "GEOPOS",
     NEAR_READ,
     .syntax = "K [M ...]",
     .summary = "an array of the members' places, nil for the missing",
     .shape = SHAPE_POSITIONS,
     .render = render_as_is,
     .miss = MISS_NILS},
    {.name = "GEOSEARCH",
     SEARCH,
     WITHIN,
     .summary = "the members within a circle or a box",
     .read = read_search},
    {.name = "GEOSEARCH", PLACES, WITHIN},
    {.name = "GEOSEARCHSTORE",
     .collection = "sorted",
     .flags = VERB_WRITE | VERB_LONG,
     .syntax = "K K from what by what unit [option ...]",
     .summary = "stores what GEOSEARCH would reply; replies how many",
     .creates = CREATES_FIRST,
     .render = render_integer},
    {.name = "GEORADIUS",
     SEARCH,
     AROUND,
     .summary = "the members within a circle",
     .read = read_radius},
    {.name = "GEORADIUS", PLACES, AROUND},
    {.name = "GEORADIUS",
     STORE,
     AROUND,
     .own_verb = "georadius_store",
     .summary = "GEORADIUS with STORE or STOREDIST"},
    {.name = "GEORADIUSBYMEMBER",
     SEARCH,
     OF_MEMBER,
     .summary = "the members within a circle around a member",
     .read = read_radius},
    {.name = "GEORADIUSBYMEMBER", PLACES, OF_MEMBER},
    {.name = "GEORADIUSBYMEMBER",
     STORE,
     OF_MEMBER,
     .own_verb = "georadiusbymember_store",
     .summary = "GEORADIUSBYMEMBER with STORE or STOREDIST"},
    {.name = "GEORADIUS_RO",
     SEARCH,
     AROUND,
     .summary = "the members within a circle",
     .read = read_search},
    {.name = "GEORADIUS_RO", PLACES, AROUND},
    {.name = "GEORADIUSBYMEMBER_RO",
     SEARCH,
     OF_MEMBER,
     .summary = "the members within a circle around a member",
     .read = read_search},
    {.name = "GEORADIUSBYMEMBER_RO", PLACES, OF_MEMBER},
    {0},
};
