// Redis row: one command of the Redis dialect, as a client of Redis writes it.
//
// A row is one of these:
//
//   it is a verb        {"HGET", .verb = "dict.get"}: the verb's builder, renderer and syntax
//   it counts as one    {"SETNX", .verb = "key.add", .syntax = …}: the verb's name in `deny`, its
//                       collection and its statistics; all else is the row's own
//   it is its own verb  {"LPUSH", .syntax = …}: a verb "redis.lpush"; a variant is its row's verb
//   it is refused       {"WATCH", .refused = …}
//
// Each command is exactly one command for Redis, besides the repairs of its keys' ttls (passed.h),
// so that a client's MULTI can be sent as one block.
//
// To add a command, add a row to the file of its group; `ctest -R every_command` says which tests
// and documents it needs besides.
#pragma once

#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/redis/resp3.h"
#include "protocol/refusal.h"
#include "protocol/verb.h"
#include "protocol/verb_table.h"

// The keys that a command may create, so that they need a ttl when they have none.
enum redis_creates {
    CREATES_NONE,
    CREATES_FIRST,  // its first key
    CREATES_SECOND, // its second key
    CREATES_ALL,    // all of its keys
    CREATES_MORE,   // those from call->more_keys on: the key behind STORE
};

struct redis_row;

// One command while its words are read.
struct redis_reading {
    // The command that the words mean: a reader may put a variant of it here, by its place behind
    // the main row.
    const struct redis_command *command;
    struct slice *words; // behind the command's name; they may be moved among each other
    size_t count;
    struct call *call;
    struct refusal *refusal;
};

// Reads the words into r->call, which is begun, and has all of them as its arguments. Returns false
// with a refusal in Redis's own words.
typedef bool redis_read(struct redis_reading *r);

struct redis_row {
    const char *name;    // in upper case, as Redis's documents have it
    const char *verb;    // that it is or counts as; NULL: its own
    const char *instead; // the verb that does this in the native protocol, for a hint; NULL: `verb`
    // What its own verb's name has behind "redis.". NULL: the name; a variant is its row's verb
    // then.
    const char *own_verb;
    // Of the words behind the name, by the letters of a verb's syntax: "K V [V ...]". Words that
    // are a K are keys. NULL: that of the verb, which the row is, but for what else is given here.
    const char *syntax;
    const char *summary;    // of its own verb, as help prints it
    const char *collection; // of its own verb; NULL: any collection
    unsigned flags;         // of enum verb_flags; 0: those of the verb that it is or counts as
    enum redis_creates creates;
    bool brings_ttl;    // the keys that it creates may have a longer ttl than is allowed: it is cut
    bool names_moment;  // its reader sets call->until_ms
    bool writes_part;   // the value that it leaves is not checked; its reader sets call->reaches
    bool has_patterns;  // its reader may set call->patterns
    bool may_only_read; // a write with a variant that reads: who may not write may say that one
    bool is_variant;    // of the row before that is none: no word finds it
    uint8_t key_at;     // the index of the first key among the words
    enum shape shape;   // of the reply, for a client of RESP3
    enum miss miss;     // MISS_NONE: that of the verb
    // NULL: the words are the arguments, and their number is checked. Otherwise only that they are
    // not too few.
    redis_read *read;
    verb_build *build;     // NULL: the command is passed as the client wrote it (passed.h)
    answer_render *render; // NULL: that of the verb
    const struct slice *(*credentials)(const struct call *call); // as in struct verb
    void (*run)(struct request *request, const struct call *call);
    const char *refused; // why there is no such command here; NULL: there is
};

// A row at work.
struct redis_command {
    const struct redis_row *row;
    struct slice name;       // of the row
    struct verb verb;        // of a row that is no verb
    struct verb_entry entry; // as in the table of verbs, for a verb of which this is the command
};

// Returns the command of an entry that redis_table gave.
static inline const struct redis_command *redis_command_of(const struct verb_entry *entry) {
    return (const struct redis_command *)(const void *)((const char *)entry -
                                                        offsetof(struct redis_command, entry));
}

// For readers. Takes the words between the key, which is first, and the `skipped` words behind it
// for options that stand before the other arguments: they become call->head.
void redis_take_head(struct redis_reading *r, size_t skipped);

// Reads the number of keys at `at`, behind which the keys follow; `few` is the error when it is not
// above 0 or no number, NULL for Redis's usual two. Returns false with a refusal.
bool redis_read_keys(struct redis_reading *r, size_t at, const char *few);

// Returns whether the word is this option, in any case.
static inline bool redis_is(struct slice word, const char *option) {
    return slice_equal_nocase(word, slice_of(option));
}

// Returns whether one of the words from `from` on is this option.
bool redis_has(const struct redis_reading *r, size_t from, const char *option);

// For readers: refuse in Redis's own words. Each returns false.
bool redis_refuse(struct redis_reading *r, const char *text);
bool redis_refuse_count(struct redis_reading *r);   // wrong number of arguments for 'get' command
bool redis_refuse_syntax(struct redis_reading *r);  // syntax error
bool redis_refuse_integer(struct redis_reading *r); // value is not an integer or out of range
bool redis_refuse_expire(struct redis_reading *r);  // invalid expire time in 'set' command

// Reads a row with writes_part that writes no more than its arguments.
bool redis_read_part(struct redis_reading *r);

// Reads a whole number of 64 bits. Returns false with a refusal.
bool redis_read_integer(struct redis_reading *r, struct slice word, int64_t *number);

// Takes a ttl that the client asks for, in units of `unit_ms` milliseconds. Returns false with a
// refusal when it is not above 0, or too large.
bool redis_read_ttl(struct redis_reading *r, struct slice word, int64_t unit_ms);
