// Call: a checked request, with all decisions made, as the builders of Redis's commands need it.
#pragma once

#include "protocol/bytes.h"

enum call_option {
    OPTION_TTL,
    OPTION_IF,
    OPTION_ORDER,
    OPTION_LIMIT,
    OPTION_COUNT,
    OPTION_MATCH,
    OPTION_WAIT,
    OPTIONS,
};

_Static_assert(OPTIONS <= 32, "a call holds the options that were given as bits of 32");

enum add_if { ADD_ALWAYS, ADD_IF_ABSENT, ADD_IF_PRESENT, ADD_IF_GREATER, ADD_IF_LESS };

// The effect of a write on the ttl of its key.
enum ttl_rule {
    TTL_KEEP,        // changes nothing: a forever key under ttl_mode = fixed, or no write at all
    TTL_SET,         // starts a new ttl
    TTL_SET_IF_NONE, // starts a ttl only when the key has none: ttl_mode = fixed
    TTL_PERSIST,     // takes the ttl away: the policy says forever
};

// Where the ttl of a write comes from.
enum ttl_reason { TTL_DEFAULT, TTL_ASKED, TTL_CLAMPED };

struct redis_command;
struct scripting;
struct verb;

// A real key in two pieces.
struct split_key {
    struct slice prefix, rest;
};

// A key part is what the policy says of one of several keys that belong to several namespaces.
struct call_key_part {
    struct slice prefix;
    int64_t heal_ms; // the ttl of a key that has none; 0: forever
    int64_t cap_ms;  // the longest ttl; 0: forever
};

// The commands of a client's MULTI, for its EXEC.
struct call_block {
    const struct call *calls;
    size_t count;
};

struct call {
    const struct verb *verb;
    const struct redis_command *redis; // in the Redis dialect (redis/row.h); otherwise NULL
    // From here to `prefix`, all members are zero when a call is begun.
    enum ttl_rule ttl_rule;
    enum ttl_reason ttl_reason;
    uint32_t options; // bit per enum call_option: the given ones
    enum add_if add_if;
    int64_t wait_ms;
    int64_t json_bytes; // of values that must be JSON: beyond JSON_AT_ONCE they are not checked yet
    int64_t stale_ms;   // for VERB_MEMO alone, as the namespace says
    // In the Redis dialect alone:
    int64_t cap_ms;                    // the ttl that the client's own may not exceed; 0: none
    const struct call_key_part *parts; // of each key, in their order; NULL: one namespace has all
    const struct call_block *block;    // of EXEC alone
    struct scripting *scripting;       // of VERB_SCRIPT: what the script is sent as (the daemon's)
    uint64_t patterns;                 // bit per argument: it is a pattern that stands for keys
    uint32_t head;   // words between the first key and the others: they stand at args[-head]
    uint32_t key_at; // the index of the first key among the arguments
    uint32_t more_keys, more_keys_end; // further arguments that are keys: from, to (exclusive)
    bool has_whole_keys;               // the client's keys begin with the prefix already
    bool is_descending;
    // None of the members below is set when a call is begun.
    struct slice prefix;      // of the namespace
    const struct slice *args; // behind the namespace: the key first
    size_t argc;
    // For TTL_SET and TTL_SET_IF_NONE alone:
    int64_t ttl_ms;
    struct slice ttl_px; // "PX" and ttl_ms as words of a command, if they are written already
    // Each is set when its option is given:
    int64_t ttl_asked_ms, limit, count;
    struct slice match;
    // In the Redis dialect alone:
    int64_t reaches;  // for rows with writes_part: bytes that the value has then, at least
    int64_t until_ms; // for rows with names_moment: when the key ends, in ms since 1970
    bool is_healed;   // of a write: the namespace gives each key a ttl
    // For VERB_MEMO alone, as the namespace says:
    int64_t lease_ms, null_ttl_ms;
    double early_factor; // -ln(random) * beta of XFetch: memo.c; 0: no early refresh
};

// Begins a call without arguments. The memory is cleared in pieces for which the compiler writes
// stores.
static inline void call_begin(struct call *call, const struct verb *verb,
                              const struct redis_command *redis) {
    enum {
        START = offsetof(struct call, ttl_rule),
        MIDDLE = offsetof(struct call, cap_ms),
        END = offsetof(struct call, prefix)
    };
    call->verb = verb;
    call->redis = redis;
    memset((char *)call + START, 0, MIDDLE - START);
    memset((char *)call + MIDDLE, 0, END - MIDDLE);
}

// Returns the first key of a call that has a key.
static inline struct split_key call_key(const struct call *call) {
    return (struct split_key){call->prefix, call->args[call->key_at]};
}

// Returns the prefix of the call's key with that number, in the order of the keys.
static inline struct slice call_prefix(const struct call *call, size_t number) {
    return call->parts ? call->parts[number].prefix : call->prefix;
}
