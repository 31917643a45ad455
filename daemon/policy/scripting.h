// Scripting: what the scripts of one namespace are sent to Redis as: in a wrapper that keeps the
// namespace's policy inside them (protocol/redis/wrapper.h).
//
// A namespace has one for each mapping of keys, made when the first script comes. It ends with the
// policy that it was made of, so it never needs to be made anew.
#pragma once

#include <stdint.h>

#include "conf/sections.h"
#include "protocol/redis/wrapper.h"

struct redis_table;

enum {
    SCRIPT_SHA_SIZE = 20,
    SCRIPT_HEX_SIZE = 40,
    SCRIPTING_SETS = 128,
    SCRIPTING_WAYS = 4,
    SCRIPTING_CONNS = 4,
};

struct scripting {
    struct wrapper wrapper;
    // The names that wrapped scripts have at Redis, so that a script need not be wrapped to be
    // called: in sets by the first byte of the script's own SHA-1, each in the order of the last
    // use.
    struct scripting_name {
        bool is_set;
        uint8_t script[SCRIPT_SHA_SIZE];
        char sent[SCRIPT_HEX_SIZE];
        uint64_t conns[SCRIPTING_CONNS]; // ids of connections that have carried the whole; 0: none
        unsigned next_conn;              // of these, is taken for the next
    } names[SCRIPTING_SETS][SCRIPTING_WAYS];
};

// `allowed` has the verbs that the namespace allows; `is_bound` says that the keys of the scripts
// lack the prefix.
struct scripting *scripting_new(const struct namespace_conf *conf, const struct verb_set *allowed,
                                const struct redis_table *commands, bool is_bound);
void scripting_free(struct scripting *scripting); // NULL: no effect
