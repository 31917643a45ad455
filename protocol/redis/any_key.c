// Commands of Redis's for a key of any type.
#include <assert.h>

#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/command.h"
#include "protocol/number.h"
#include "protocol/redis/groups.h"
#include "protocol/redis/row.h"
#include "protocol/refusal.h"
#include "protocol/reply.h"
#include "protocol/verb.h"

enum { MS_S = 1000 };

// --- expiry -----------------------------------------------------------------------------------

// The commands that EXPIRE may become: a ttl of 0 or less removes the key.
enum { EXPIRE_TTL, EXPIRE_REMOVES };

// Redis would refuse NX beside another condition; written as LT it is not refused any more.
static bool check_conditions(struct redis_reading *r) {
    if (r->count > 3 && redis_has(r, 2, "NX"))
        return redis_refuse(r, "NX and XX, GT or LT options at the same time are not compatible");
    return true;
}

static bool read_expire_in(struct redis_reading *r, int64_t unit_ms) {
    int64_t number;
    if (!check_conditions(r) || !redis_read_integer(r, r->words[1], &number))
        return false;
    if (number <= 0 && number >= INT64_MIN / unit_ms) {
        r->command += EXPIRE_REMOVES;
        return true;
    }
    return redis_read_ttl(r, r->words[1], unit_ms);
}

static bool read_expire(struct redis_reading *r) { return read_expire_in(r, MS_S); }
static bool read_pexpire(struct redis_reading *r) { return read_expire_in(r, 1); }

static bool read_expire_at_in(struct redis_reading *r, int64_t unit_ms) {
    int64_t moment;
    if (!check_conditions(r) || !redis_read_integer(r, r->words[1], &moment))
        return false;
    if (moment > INT64_MAX / unit_ms || moment < INT64_MIN / unit_ms)
        return redis_refuse_expire(r);
    r->call->until_ms = moment * unit_ms;
    return true;
}

static bool read_expireat(struct redis_reading *r) { return read_expire_at_in(r, MS_S); }
static bool read_pexpireat(struct redis_reading *r) { return read_expire_at_in(r, 1); }

// Writes the conditions. Where each key has a ttl already, NX would never hold: "if the key lives
// longer" is what a counter's first EXPIRE means.
static void write_conditions(struct command *c, const struct call *call) {
    for (size_t i = 2; i < call->argc; i++)
        command_word(c, call->is_healed && redis_is(call->args[i], "NX") ? SLICE("LT")
                                                                         : call->args[i]);
}

static void build_expire(struct command *c, const struct call *call) {
    assert(call->ttl_rule == TTL_SET); // by VERB_NEW_TTL, and a ttl that is asked for has an end
    command_begin(c, SLICE("PEXPIRE"), 1 + call->argc);
    command_key(c, call, call->args[0]);
    command_integer(c, call->ttl_ms);
    write_conditions(c, call);
}

static void build_expire_at(struct command *c, const struct call *call) {
    command_begin(c, SLICE("PEXPIREAT"), 1 + call->argc);
    command_key(c, call, call->args[0]);
    command_integer(c, call->until_ms);
    write_conditions(c, call);
}

// PERSIST asks for a key without ttl; the policy may say what it gets instead.
static bool read_persist(struct redis_reading *r) {
    if (r->count != 1)
        return redis_refuse_count(r);
    r->call->ttl_asked_ms = DURATION_FOREVER;
    r->call->options |= 1u << OPTION_TTL;
    return true;
}

static void build_persist(struct command *c, const struct call *call) {
    bool has_ttl = call->ttl_rule == TTL_SET;
    command_begin(c, has_ttl ? SLICE("PEXPIRE") : SLICE("PERSIST"), has_ttl ? 3 : 2);
    command_key(c, call, call->args[0]);
    if (has_ttl)
        command_integer(c, call->ttl_ms);
}

// --- further readers --------------------------------------------------------------------------

enum { ONE_KEY, SEVERAL_KEYS };

static bool read_exists(struct redis_reading *r) {
    if (r->count > 1)
        r->command += SEVERAL_KEYS;
    return true;
}

static bool read_copy(struct redis_reading *r) {
    return !redis_has(r, 2, "DB") ||
           redis_refuse(r, "cachesd: there is only one database: leave out DB");
}

static bool read_object(struct redis_reading *r) {
    struct slice what = r->words[0];
    if (redis_is(what, "ENCODING") || redis_is(what, "IDLETIME") || redis_is(what, "FREQ") ||
        redis_is(what, "REFCOUNT"))
        return r->count == 2 || redis_refuse_count(r);
    return refusal_set(r->refusal, REPLY_ARGS, "unknown subcommand '%.*s'. Try OBJECT HELP.",
                       REPLY_WORD(what));
}

static bool read_memory(struct redis_reading *r) {
    return redis_is(r->words[0], "USAGE") ||
           refusal_set(r->refusal, REPLY_NOPERM,
                       "cachesd: 'MEMORY %.*s' is not allowed here: MEMORY USAGE alone is",
                       REPLY_WORD(r->words[0]));
}

// --- SORT -------------------------------------------------------------------------------------

enum { SORT_READS, SORT_STORES };
enum { PATTERNS_END = 64 }; // of call->patterns

// Notes the pattern at `at`. A word without '*' stands for no key: "nosort", or a GET of '#'.
static bool note_pattern(struct redis_reading *r, size_t at) {
    if (!memchr(r->words[at].data, '*', r->words[at].len))
        return true;
    if (at >= PATTERNS_END)
        return redis_refuse(r, "cachesd: too many words before a pattern of SORT");
    r->call->patterns |= UINT64_C(1) << at;
    return true;
}

static bool read_sort_option(struct redis_reading *r, size_t *at, bool may_store) {
    struct slice word = r->words[*at];
    if (redis_is(word, "ASC") || redis_is(word, "DESC") || redis_is(word, "ALPHA"))
        return true;
    if (*at + 1 < r->count && (redis_is(word, "BY") || redis_is(word, "GET")))
        return note_pattern(r, ++*at);
    if (*at + 2 < r->count && redis_is(word, "LIMIT")) {
        *at += 2;
        return true;
    }
    bool stores = may_store && *at + 1 < r->count && redis_is(word, "STORE");
    if (!stores || r->call->more_keys_end > 0)
        return redis_refuse_syntax(r);
    r->call->more_keys = (uint32_t)++ * at;
    r->call->more_keys_end = (uint32_t)(*at + 1);
    return true;
}

static bool read_sort_with(struct redis_reading *r, bool may_store) {
    for (size_t i = 1; i < r->count; i++)
        if (!read_sort_option(r, &i, may_store))
            return false;
    if (r->call->more_keys_end > 0)
        r->command += SORT_STORES;
    return true;
}

static bool read_sort(struct redis_reading *r) { return read_sort_with(r, true); }
static bool read_sort_ro(struct redis_reading *r) { return read_sort_with(r, false); }

#define EXPIRES                                                                                    \
    .syntax = "K n [option ...]", .flags = VERB_WRITE | VERB_NEW_TTL, .build = build_expire,       \
    .render = render_integer, .summary = "gives the key a ttl: 1, or 0"
#define EXPIRES_NOW                                                                                \
    .syntax = "K n [option ...]", .flags = VERB_WRITE | VERB_REMOVES, .is_variant = true
#define EXPIRES_AT                                                                                 \
    .syntax = "K n [option ...]", .flags = VERB_WRITE | VERB_OWN_TTL, .creates = CREATES_FIRST,    \
    .brings_ttl = true, .names_moment = true, .build = build_expire_at, .render = render_integer,  \
    .summary = "says when the key ends: 1, or 0"

const struct redis_row redis_any_key[] = {
    {.name = "DEL", .verb = "del"},
    {.name = "UNLINK", .verb = "del"},
    {.name = "EXISTS", .verb = "exists", .read = read_exists},
    {.name = "EXISTS",
     .verb = "exists",
     .is_variant = true,
     .syntax = "K [K ...]",
     .flags = VERB_READ | VERB_EACH_KEY},
    {.name = "TTL", .verb = "ttl"},
    {.name = "PTTL", .verb = "pttl"},
    {.name = "TYPE",
     .syntax = "K",
     .flags = VERB_READ | VERB_NEAR,
     .summary = "the type of what the key holds, in Redis's words",
     .render = render_as_is,
     .miss = MISS_TYPE},
    {.name = "EXPIRETIME",
     .syntax = "K",
     .flags = VERB_READ,
     .summary = "when the key ends, in seconds since 1970",
     .render = render_integer,
     .miss = MISS_NO_KEY},
    {.name = "PEXPIRETIME",
     .syntax = "K",
     .flags = VERB_READ,
     .summary = "when the key ends, in milliseconds since 1970",
     .render = render_integer,
     .miss = MISS_NO_KEY},
    {.name = "TOUCH",
     .syntax = "K [K ...]",
     .flags = VERB_READ | VERB_EACH_KEY,
     .summary = "how many of the keys exist; for Redis they count as used",
     .render = render_integer,
     .miss = MISS_ZERO},
    {.name = "EXPIRE", EXPIRES, .instead = "touch", .read = read_expire},
    {.name = "EXPIRE", EXPIRES_NOW},
    {.name = "PEXPIRE", EXPIRES, .instead = "touch", .read = read_pexpire},
    {.name = "PEXPIRE", EXPIRES_NOW},
    {.name = "EXPIREAT", EXPIRES_AT, .read = read_expireat},
    {.name = "PEXPIREAT", EXPIRES_AT, .read = read_pexpireat},
    {.name = "PERSIST",
     .syntax = "K",
     .flags = VERB_WRITE | VERB_NEW_TTL,
     .summary = "gives the key the longest ttl that is allowed: 1, or 0",
     .read = read_persist,
     .build = build_persist,
     .render = render_integer},
    {.name = "RENAME",
     .syntax = "K K",
     .flags = VERB_WRITE,
     .summary = "gives a key's value to another key",
     .creates = CREATES_SECOND,
     .brings_ttl = true,
     .render = render_status},
    {.name = "RENAMENX",
     .syntax = "K K",
     .flags = VERB_WRITE,
     .summary = "gives a key's value to another key that is absent: 1, or 0",
     .creates = CREATES_SECOND,
     .brings_ttl = true,
     .render = render_integer},
    {.name = "COPY",
     .syntax = "K K [option ...]",
     .flags = VERB_WRITE | VERB_LONG,
     .summary = "copies a key's value to another key: 1, or 0",
     .creates = CREATES_SECOND,
     .brings_ttl = true,
     .read = read_copy,
     .render = render_integer},
    {.name = "OBJECT",
     .syntax = "what K",
     .key_at = 1,
     .flags = VERB_READ,
     .summary = "the ENCODING, IDLETIME, FREQ or REFCOUNT of a key",
     .read = read_object,
     .render = render_as_is,
     .miss = MISS_NIL},
    {.name = "MEMORY",
     .syntax = "what K [option ...]",
     .key_at = 1,
     .flags = VERB_READ | VERB_LONG,
     .summary = "MEMORY USAGE: the bytes that a key takes",
     .read = read_memory,
     .render = render_integer_or_nil,
     .miss = MISS_NIL},
    {.name = "DUMP",
     .syntax = "K",
     .flags = VERB_READ,
     .summary = "what the key holds, in Redis's own form",
     .render = render_text,
     .miss = MISS_NIL},
    {.name = "SORT_RO",
     .syntax = "K [option ...]",
     .flags = VERB_READ | VERB_LONG,
     .summary = "the sorted values of a list, a set or a sorted set",
     .has_patterns = true,
     .read = read_sort_ro,
     .render = render_texts,
     .miss = MISS_EMPTY},
    {.name = "SORT",
     .syntax = "K [option ...]",
     .flags = VERB_READ | VERB_LONG,
     .summary = "the sorted values of a list, a set or a sorted set; with STORE, stores them",
     .has_patterns = true,
     .read = read_sort,
     .render = render_texts,
     .miss = MISS_EMPTY},
    {.name = "SORT",
     .is_variant = true,
     .own_verb = "sort_store",
     .syntax = "K [option ...]",
     .collection = "list",
     .flags = VERB_WRITE | VERB_LONG,
     .summary = "SORT with STORE",
     .creates = CREATES_MORE,
     .has_patterns = true,
     .render = render_integer},
    {0},
};
