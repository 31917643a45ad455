// Wrapper: the text that clients' scripts are sent to Redis as. Before each script stands
// wrapper.lua, which keeps the policy of the script's namespace inside it.
//
// All functions are pure: what they make depends on their arguments alone, so that two daemons with
// one configuration send one text, and Redis keeps it once.
#pragma once

#include "protocol/bytes.h"

// Terms are what scripts of a namespace may do.
struct wrapper_terms {
    struct slice name;   // of the namespace
    struct slice prefix; // of its keys
    bool is_bound;       // the script's keys lack the prefix
    int64_t ttl_ms;      // DURATION_FOREVER: none
    int64_t max_ttl_ms;  // DURATION_FOREVER: none
    bool rejects_ttl;    // a longer ttl is refused, not cut
    bool brings_ttl;     // the last of ARGV is the ttl, which differs from run to run
    int64_t max_key;
    int64_t max_value;
    // Returns whether scripts may use the command, whose name is in lower case.
    bool (*allows)(const void *owner, struct slice command);
    const void *owner;
};

// One wrapper for all scripts of a namespace.
struct wrapper {
    struct bytes text;  // wrapper.lua with the values of the namespace
    struct bytes codes; // " get=1 set=6 ... "
    bool brings_ttl;
};

void wrapper_init(struct wrapper *wrapper, const struct wrapper_terms *terms);
void wrapper_deinit(struct wrapper *wrapper);

// Appends the script in its wrapper.
void wrapper_append(const struct wrapper *wrapper, struct bytes *out, struct slice script);

// wrapper.lua, in one line.
extern const char wrapper_text[];
extern const size_t wrapper_text_len;
