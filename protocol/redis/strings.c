// Commands of Redis's strings: the collection `key`.
#include <assert.h>

#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/command.h"
#include "protocol/key.h"
#include "protocol/number.h"
#include "protocol/redis/groups.h"
#include "protocol/redis/passed.h"
#include "protocol/redis/resp3.h"
#include "protocol/redis/row.h"
#include "protocol/verb.h"

enum { MS_S = 1000 };

// --- SET --------------------------------------------------------------------------------------

// Why SET may store nothing, or what else it answers.
enum set_form { SET_ALWAYS, SET_NX, SET_XX, SET_GET, SET_FORMS };

// Where its ttl comes from. The variants of SET stand in this order: those of each source in the
// order of the forms, and then the last two.
enum set_ttl { SET_TTL, SET_UNTIL, SET_KEEPS, SET_SOURCES };
enum { SET_GET_IF = SET_SOURCES * SET_FORMS, SET_IF_EQUAL };

struct set_options {
    size_t kept; // how many words stay: those of a ttl in the client's own units do not
    bool has_condition, has_ttl, has_get, is_compared;
    enum set_form condition;
    enum set_ttl ttl;
};

static bool take_condition(struct set_options *o, struct slice word) {
    if (o->has_condition || !(redis_is(word, "NX") || redis_is(word, "XX")))
        return false;
    o->has_condition = true;
    o->condition = redis_is(word, "NX") ? SET_NX : SET_XX;
    return true;
}

static void keep_word(struct redis_reading *r, struct set_options *o, struct slice word) {
    r->words[o->kept++] = word;
}

// Reads the moment behind EXAT or PXAT. The words stay.
static bool read_moment(struct redis_reading *r, struct slice word, int64_t unit_ms) {
    int64_t moment;
    if (!redis_read_integer(r, word, &moment))
        return false;
    if (moment <= 0 || moment > INT64_MAX / unit_ms)
        return redis_refuse_expire(r);
    r->call->until_ms = moment * unit_ms;
    return true;
}

// Reads an option with which the key's ttl begins or stays. Returns false with a refusal.
static bool read_set_ttl(struct redis_reading *r, size_t *at, struct set_options *o) {
    struct slice word = r->words[*at];
    bool is_s = redis_is(word, "EX"), is_ms = redis_is(word, "PX");
    bool is_at_s = redis_is(word, "EXAT"), is_at_ms = redis_is(word, "PXAT");
    bool keeps = redis_is(word, "KEEPTTL"), takes_word = is_s || is_ms || is_at_s || is_at_ms;
    if (o->has_ttl || !(keeps || takes_word) || (takes_word && *at + 1 == r->count))
        return redis_refuse_syntax(r);
    o->has_ttl = true;
    if (is_s || is_ms)
        return redis_read_ttl(r, r->words[++*at], is_s ? MS_S : 1);
    o->ttl = keeps ? SET_KEEPS : SET_UNTIL;
    keep_word(r, o, word);
    if (keeps)
        return true;
    keep_word(r, o, r->words[++*at]);
    return read_moment(r, r->words[*at], is_at_s ? MS_S : 1);
}

static bool read_set_option(struct redis_reading *r, size_t *at, struct set_options *o) {
    struct slice word = r->words[*at];
    if (redis_is(word, "IFEQ") && !o->has_condition && *at + 1 < r->count) {
        o->has_condition = o->is_compared = true;
        keep_word(r, o, word);
        keep_word(r, o, r->words[++*at]);
        return true;
    }
    bool is_get = redis_is(word, "GET");
    if (!is_get && !take_condition(o, word))
        return read_set_ttl(r, at, o);
    o->has_get |= is_get;
    keep_word(r, o, word);
    return true;
}

static bool read_set(struct redis_reading *r) {
    struct set_options o = {.kept = 2};
    for (size_t i = 2; i < r->count; i++)
        if (!read_set_option(r, &i, &o))
            return false;
    bool is_native = o.ttl == SET_TTL && !o.is_compared && !(o.has_get && o.has_condition);
    r->call->argc = is_native ? 2 : o.kept;
    if (is_native || o.ttl != SET_TTL)
        r->command += (size_t)o.ttl * SET_FORMS + (o.has_get ? SET_GET : o.condition);
    else
        r->command += o.has_get ? SET_GET_IF : SET_IF_EQUAL;
    return true;
}

// SET with options, and the ttl behind them.
static void build_set(struct command *c, const struct call *call) {
    command_begin(c, SLICE("SET"), 1 + call->argc + command_ttl_words(call));
    command_key(c, call, call->args[0]);
    passed_value(c, call->args[1]);
    command_args(c, call, 2);
    command_ttl(c, call);
}

// SETEX key ttl value
static bool read_set_for(struct redis_reading *r, int64_t unit_ms) {
    if (r->count != 3)
        return redis_refuse_count(r);
    if (!redis_read_ttl(r, r->words[1], unit_ms))
        return false;
    r->words[1] = r->words[2];
    r->call->argc = 2;
    return true;
}

static bool read_setex(struct redis_reading *r) { return read_set_for(r, MS_S); }
static bool read_psetex(struct redis_reading *r) { return read_set_for(r, 1); }

// --- MGET -------------------------------------------------------------------------------------

enum { MGET_SEVERAL, MGET_ONE };

// Some libraries read every value by an MGET of one key, so the near cache keeps its answer, too.
static bool read_mget(struct redis_reading *r) {
    if (r->count == 1)
        r->command += MGET_ONE;
    return true;
}

// --- GETEX ------------------------------------------------------------------------------------

enum { GETEX_TTL, GETEX_UNTIL, GETEX_READ };

static bool read_getex(struct redis_reading *r) {
    struct slice option = r->count > 1 ? r->words[1] : SLICE("");
    bool is_ms = r->count == 3 && redis_is(option, "PX");
    bool is_at_ms = r->count == 3 && redis_is(option, "PXAT");
    if (r->count == 1) {
        r->command += GETEX_READ;
    } else if (r->count == 2 && redis_is(option, "PERSIST")) {
        r->call->ttl_asked_ms = DURATION_FOREVER;
        r->call->options |= 1u << OPTION_TTL;
    } else if (is_ms || (r->count == 3 && redis_is(option, "EX"))) {
        return redis_read_ttl(r, r->words[2], is_ms ? 1 : MS_S);
    } else if (is_at_ms || (r->count == 3 && redis_is(option, "EXAT"))) {
        r->command += GETEX_UNTIL;
        return read_moment(r, r->words[2], is_at_ms ? 1 : MS_S);
    } else {
        return redis_refuse_syntax(r);
    }
    return true;
}

static void build_getex(struct command *c, const struct call *call) {
    bool has_ttl = command_ttl_words(call) > 0;
    command_begin(c, SLICE("GETEX"), has_ttl ? 4 : 3);
    command_key(c, call, call->args[0]);
    if (has_ttl)
        command_ttl(c, call);
    else
        command_word(c, SLICE("PERSIST"));
}

// --- parts ------------------------------------------------------------------------------------

// SETRANGE key offset value. What is no offset is left to Redis.
static bool read_setrange(struct redis_reading *r) {
    int64_t offset;
    if (r->count != 3)
        return redis_refuse_count(r);
    r->call->reaches = (int64_t)r->words[2].len;
    if (r->words[2].len > 0 && number_parse_int(r->words[1], &offset) && offset > 0 &&
        __builtin_add_overflow(r->call->reaches, offset, &r->call->reaches))
        r->call->reaches = INT64_MAX;
    return true;
}

// --- several keys -----------------------------------------------------------------------------

enum { LCS_TEXT, LCS_LEN, LCS_IDX };

static bool read_lcs(struct redis_reading *r) {
    if (redis_has(r, 2, "IDX"))
        r->command += LCS_IDX;
    else if (redis_has(r, 2, "LEN"))
        r->command += LCS_LEN;
    return true;
}

// A SET that keeps its words: with a moment, or without a new ttl.
#define SET_WORDS .name = "SET", .syntax = "K V [option ...]", .is_variant = true
#define SET_WITH_MOMENT                                                                            \
    SET_WORDS, .flags = VERB_WRITE | VERB_OWN_TTL | VERB_UNCUT, .creates = CREATES_FIRST,          \
               .brings_ttl = true, .names_moment = true
#define SET_THAT_KEEPS SET_WORDS, .flags = VERB_WRITE | VERB_UNCUT, .creates = CREATES_FIRST

const struct redis_row redis_strings[] = {
    {.name = "GET", .verb = "key.get"},
    {.name = "SET", .verb = "key.set", .read = read_set},
    {.name = "SET", .verb = "key.add", .is_variant = true, .render = render_as_is},
    {.name = "SET", .verb = "key.replace", .is_variant = true, .render = render_as_is},
    {.name = "SET", .verb = "key.swap", .is_variant = true},
    {SET_WITH_MOMENT, .verb = "key.set"},
    {SET_WITH_MOMENT, .verb = "key.add", .render = render_as_is},
    {SET_WITH_MOMENT, .verb = "key.replace", .render = render_as_is},
    {SET_WITH_MOMENT, .verb = "key.swap"},
    {SET_THAT_KEEPS, .verb = "key.set"},
    {SET_THAT_KEEPS, .verb = "key.add", .render = render_as_is},
    {SET_THAT_KEEPS, .verb = "key.replace", .render = render_as_is},
    {SET_THAT_KEEPS, .verb = "key.swap"},
    {SET_WORDS, .verb = "key.swap", .build = build_set},
    {SET_WORDS, .verb = "key.replace", .build = build_set, .render = render_as_is},
    {.name = "SETNX", .verb = "key.add"},
    {.name = "SETEX", .verb = "key.set", .read = read_setex},
    {.name = "PSETEX", .verb = "key.set", .read = read_psetex},
    {.name = "GETSET", .verb = "key.swap"},
    {.name = "GETDEL", .verb = "key.take"},
    {.name = "GETEX",
     .may_only_read = true,
     .syntax = "K [option ...]",
     .collection = "key",
     .flags = VERB_WRITE | VERB_NEW_TTL | VERB_UNCUT,
     .summary = "the value, or nil; the key gets the ttl that is asked for",
     .read = read_getex,
     .build = build_getex,
     .render = render_value},
    {.name = "GETEX",
     .is_variant = true,
     .syntax = "K [option ...]",
     .flags = VERB_WRITE | VERB_OWN_TTL | VERB_UNCUT,
     .creates = CREATES_FIRST,
     .brings_ttl = true,
     .names_moment = true},
    {.name = "GETEX", .is_variant = true, .verb = "key.get"},
    {.name = "MGET", .verb = "key.mget", .read = read_mget},
    {
        .name = "MGET",
        .verb = "key.mget",
        .is_variant = true,
        .flags = VERB_READ | VERB_NEAR | VERB_EACH_KEY,
    },
    {.name = "MSET",
     .verb = "key.set",
     .syntax = "K V [K V ...]",
     .flags = VERB_WRITE,
     .creates = CREATES_ALL},
    {.name = "MSETNX",
     .verb = "key.add",
     .syntax = "K V [K V ...]",
     .flags = VERB_WRITE,
     .creates = CREATES_ALL,
     .render = render_integer},
    {.name = "INCR", .verb = "key.incr", .syntax = "K", .creates = CREATES_FIRST},
    {.name = "INCRBY", .verb = "key.incr", .syntax = "K n", .creates = CREATES_FIRST},
    {.name = "DECR", .verb = "key.incr", .syntax = "K", .creates = CREATES_FIRST},
    {.name = "DECRBY", .verb = "key.incr", .syntax = "K n", .creates = CREATES_FIRST},
    {.name = "INCRBYFLOAT",
     .syntax = "K increment",
     .collection = "key",
     .flags = VERB_WRITE,
     .summary = "adds to the number, which may have a fraction; replies the new one",
     .creates = CREATES_FIRST,
     .writes_part = true,
     .read = redis_read_part,
     .render = render_text},
    {.name = "APPEND",
     .syntax = "K M",
     .collection = "key",
     .flags = VERB_WRITE,
     .summary = "appends to the value; replies its length",
     .creates = CREATES_FIRST,
     .writes_part = true,
     .read = redis_read_part,
     .render = render_integer},
    {.name = "SETRANGE",
     .syntax = "K n M",
     .collection = "key",
     .flags = VERB_WRITE,
     .summary = "writes over a part of the value; replies its length",
     .creates = CREATES_FIRST,
     .writes_part = true,
     .read = read_setrange,
     .render = render_integer},
    {.name = "STRLEN",
     .syntax = "K",
     .collection = "key",
     .flags = VERB_READ | VERB_NEAR,
     .summary = "the length of the value",
     .render = render_integer,
     .miss = MISS_ZERO},
    {.name = "GETRANGE",
     .syntax = "K start stop",
     .collection = "key",
     .flags = VERB_READ | VERB_NEAR,
     .summary = "a part of the value, both ends included",
     .render = render_text,
     .miss = MISS_BLANK},
    {.name = "SUBSTR",
     .syntax = "K start stop",
     .collection = "key",
     .flags = VERB_READ | VERB_NEAR,
     .summary = "as GETRANGE, its old name",
     .render = render_text,
     .miss = MISS_BLANK},
    {.name = "LCS",
     .syntax = "K K [option ...]",
     .collection = "key",
     .flags = VERB_READ | VERB_LONG,
     .summary = "the longest text that is part of two values",
     .read = read_lcs,
     .render = render_as_is},
    {.name = "LCS",
     .is_variant = true,
     .syntax = "K K [option ...]",
     .render = render_integer,
     .miss = MISS_ZERO},
    {.name = "LCS", .is_variant = true, .syntax = "K K [option ...]", .shape = SHAPE_MAP},
    {.name = "DELIFEQ",
     .syntax = "K M",
     .collection = "key",
     .flags = VERB_WRITE | VERB_REMOVES,
     .summary = "removes the key if it holds this value (Valkey 9)",
     .render = render_integer},
    {.name = "DELEX",
     .syntax = "K [option ...]",
     .collection = "key",
     .flags = VERB_WRITE | VERB_REMOVES,
     .summary = "removes the key if its value is as the options say (Redis 8.4)",
     .render = render_integer},
    {0},
};
