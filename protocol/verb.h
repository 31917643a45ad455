// Verb: the table of all verbs. One row says all there is to say about a verb; arity, options,
// checks, help and documents follow from its `syntax`.
//
// To add a verb to a collection, add a row to its file (dict.c, …) and a .session to
// tests/integration/verbs; the tests and PROTOCOL.md's table fail until help, test and document
// exist.
#pragma once

#include "answer.h"
#include "bytes.h"
#include "command.h"
#include "rights.h"

enum collection {
    COLLECTION_ANY, // del, exists, …: whatever the key holds
    COLLECTION_KEY,
    COLLECTION_DICT,
    COLLECTION_SET,
    COLLECTION_SORTED,
    COLLECTION_COUNTER,
    COLLECTION_MEMO,
    COLLECTION_NONE, // connection and daemon: no namespace
    COLLECTION_COUNT,
};

const char *collection_name(enum collection collection);

enum verb_flags {
    VERB_READ = 1 << 0,          // needs `read`
    VERB_WRITE = 1 << 1,         // needs `write`
    VERB_ADMIN = 1 << 2,         // needs `admin`
    VERB_OPEN = 1 << 3,          // may be said before auth
    VERB_IN_TURN = 1 << 4,       // waits for the client's earlier requests: its reply tells of them
    VERB_REMOVES = 1 << 5,       // leaves no key: there is no ttl to decide
    VERB_OWN_TTL = VERB_REMOVES, // nor is there where the verb has a ttl of its own
    VERB_NEAR = 1 << 7,   // a read whose answer is a function of what one key holds: the near cache
                          // may keep it
    VERB_ASKS = 1 << 8,   // its answer may call for another step: the daemon's waits.h
    VERB_TAKES = 1 << 9,  // a write whose reply holds what was stored: it must not be cut
    VERB_TOKEN = 1 << 10, // brings a token, which may have to wait until it is looked at
    VERB_MEMO = 1 << 10,  // needs what the namespace says of memos
    VERB_NEW_TTL = 1 << 6, // replaces the value, or restarts the ttl: a new ttl in any ttl_mode
};

enum option {
    OPTION_TTL,
    OPTION_IF,
    OPTION_ORDER,
    OPTION_LIMIT,
    OPTION_COUNT,
    OPTION_WAIT,
    OPTIONS,
};

// The reply of a read whose key is not there; no more is needed to make up that reply without
// a backend.
enum miss {
    MISS_NONE,   // no read
    MISS_NIL,    // $-1
    MISS_ZERO,   // :0
    MISS_NO_KEY, // :-2
    MISS_EMPTY,  // *0
    MISS_NILS,   // a nil for each argument that repeats
    MISS_RANDOM, // nil, or *0 when a count is asked for
    MISS_SCAN,   // the iteration is over: cursor 0, *0
    MISS_MEMO,   // MISS, nil, nil
};

enum add_if { ADD_ALWAYS, ADD_IF_ABSENT, ADD_IF_PRESENT, ADD_IF_GREATER, ADD_IF_LESS };

// The meaning of a word of a syntax. The order is that of verb.c's table.
enum arg_kind {
    ARG_KEY,     // K
    ARG_FIELD,   // F
    ARG_MEMBER,  // M
    ARG_VALUE,   // V
    ARG_INTEGER, // n, start, stop: a whole number
    ARG_COUNT,   // count: a whole number, not negative
    ARG_SCORE,   // score: a double
    ARG_BOUND,   // min, max: a double, "(" before it leaves it out
    ARG_CURSOR,  // cursor
    ARG_TEXT,    // anything else
};

struct verb;
struct request; // the daemon's: opaque here

// A request as the builders see it: everything is checked and decided.
struct call {
    const struct verb *verb;
    struct slice prefix;      // of the namespace
    const struct slice *args; // behind the namespace: the key first
    size_t argc;
    enum ttl_rule ttl_rule;
    int64_t ttl_ms;      // for TTL_SET and TTL_SET_IF_NONE
    struct slice ttl_px; // "PX" and ttl_ms as words of a command, where they are written already
    enum ttl_reason ttl_reason;
    unsigned options; // bit per enum option: which were given
    int64_t ttl_asked_ms;
    enum add_if add_if;
    bool is_descending;
    int64_t limit;
    int64_t count;
    int64_t wait_ms;
    int64_t json_bytes; // of values that must be JSON: beyond JSON_AT_ONCE nobody has looked yet
    // For VERB_MEMO alone, as the namespace says; otherwise not set:
    int64_t stale_ms, lease_ms, null_ttl_ms;
    double early_factor; // -ln(random) * beta of XFetch: memo.c; 0: no early refresh
};

struct verb {
    const char *name;
    enum collection collection;
    unsigned flags;
    const char *syntax;  // "[ttl=] N K F V [F V ...]": options, then arguments
    const char *summary; // one line, as help prints it
    void (*build)(struct command *c, const struct call *call);
    answer_render *render;
    enum miss miss;
    // The daemon's own verbs: answers at once, instead of a backend.
    void (*run)(struct request *request, const struct call *call);
};

enum { VERBS_MOST = 128, SIGNATURE_KINDS = 8 };

// The content of a row's syntax, read once.
struct signature {
    bool has_namespace;
    unsigned options;               // bit per enum option
    unsigned has_kinds;             // bit per enum arg_kind
    uint8_t kinds[SIGNATURE_KINDS]; // of the words behind the namespace, the repeating group last
    uint32_t fixed;                 // how many of them are there once, optional ones included
    uint32_t least;                 // words that must be there
    uint32_t group;                 // how many repeat; 0: none
    uint32_t most;
};

struct verb_entry {
    const struct verb *verb;
    struct slice name;
    struct signature signature;
    uint32_t id;       // 0, 1, 2 … in the order of the table
    uint64_t commands; // that it may send: bits of the table's rights
};

struct verb_table;

// The verbs of all collections, and `more` rows of the daemon's.
struct verb_table *verb_table_new(const struct verb *more, size_t count);
// Further rows, behind the others.
void verb_table_add(struct verb_table *table, const struct verb *more, size_t count);
void verb_table_free(struct verb_table *table);
const struct verb_entry *verb_find(const struct verb_table *table, struct slice name);
const struct verb_entry *verb_at(const struct verb_table *table, size_t id); // NULL past the end
const struct rights *verb_rights(const struct verb_table *table);

// The verb that `name` was meant to be, for a message; NULL when none is near. A search of the
// whole table: not for each request of a flood.
const struct verb *verb_nearest(const struct verb_table *table, struct slice name);

// Reads `words` (behind the verb's name) into `call`: options first, then *name gets the
// namespace if the verb takes one, the rest are arguments. False: *out got the ARGS error.
bool verb_read_call(const struct verb_entry *entry, const struct slice *words, size_t count,
                    struct call *call, struct slice *name, struct bytes *out);

// Whether several keys may be named.
static inline bool signature_repeats_key(const struct signature *s) {
    return s->group > 0 && s->kinds[s->fixed] == ARG_KEY;
}

// The kind of the argument at `index`, counted behind the namespace.
static inline enum arg_kind signature_kind(const struct signature *s, size_t index) {
    if (index >= s->fixed && s->group > 0)
        index = s->fixed + (index - s->fixed) % s->group;
    return (enum arg_kind)s->kinds[index];
}

// The reply of a read with `argc` arguments whose key is not there.
void verb_append_miss(struct bytes *out, const struct verb_entry *entry, size_t argc);

// "name syntax — summary"
void verb_append_help(struct bytes *out, const struct verb *verb);
// The letters and marks of a syntax, below a list of verbs.
void verb_append_legend(struct bytes *out);
// "name syntax" in whole words, for an error: "key.get NAMESPACE KEY".
void verb_append_use(struct bytes *out, const struct verb *verb);

// The rows of each collection, ended by one without a name.
extern const struct verb any_verbs[], key_verbs[], dict_verbs[], set_verbs[], sorted_verbs[],
    counter_verbs[], memo_verbs[];
