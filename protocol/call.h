// Call: a checked request, with all decisions made, as the builders of Redis's commands need it.
#pragma once

#include "protocol/bytes.h"

enum option {
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

struct verb;

// A real key in two pieces.
struct split_key {
    struct slice prefix, rest;
};

struct call {
    const struct verb *verb;
    struct slice prefix;      // of the namespace; otherwise not set
    const struct slice *args; // behind the namespace: the key first
    size_t argc;
    enum ttl_rule ttl_rule;
    // For TTL_SET and TTL_SET_IF_NONE alone; otherwise not set:
    int64_t ttl_ms;
    struct slice ttl_px; // "PX" and ttl_ms as words of a command, if they are written already
    enum ttl_reason ttl_reason;
    uint32_t options; // bit per enum option: the given ones
    enum add_if add_if;
    bool is_descending;
    int64_t wait_ms;
    // Each is set when its option is given:
    int64_t ttl_asked_ms, limit, count;
    struct slice match;
    int64_t json_bytes; // of values that must be JSON: beyond JSON_AT_ONCE they are not checked yet
    // For VERB_MEMO alone, as the namespace says; otherwise not set:
    int64_t stale_ms, lease_ms, null_ttl_ms;
    double early_factor; // -ln(random) * beta of XFetch: memo.c; 0: no early refresh
};

// Returns the first key of a call that has a key.
static inline struct split_key call_key(const struct call *call) {
    return (struct split_key){call->prefix, call->args[0]};
}
