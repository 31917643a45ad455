// Verb table: the verbs of all collections and of the daemon, found by name.
#pragma once

#include "protocol/bytes.h"
#include "protocol/collection.h"
#include "protocol/rights.h"
#include "protocol/syntax.h"
#include "protocol/verb.h"

enum { VERBS_MOST = 256 };

struct verb_entry {
    const struct verb *verb;
    struct slice name;
    verb_build *build; // NULL: the daemon answers
    struct signature signature;
    enum collection collection;
    uint32_t id;       // 0, 1, 2 … in the order of the table
    uint8_t shape;     // enum shape: how a client of RESP3 gets the reply (redis/resp3.h)
    uint64_t commands; // the commands that it may send: bits of the table's rights
};

struct redis_table;
struct verb_table;

// Returns a table of the verbs of all collections and of `count` rows `more`, which are the
// daemon's.
struct verb_table *verb_table_new(const struct verb *more, size_t count);
// Adds further rows after the others.
void verb_table_add(struct verb_table *table, const struct verb *more, size_t count);
void verb_table_free(struct verb_table *table);
const struct verb_entry *verb_find(const struct verb_table *table, struct slice name);
const struct verb_entry *verb_at(const struct verb_table *table, size_t id); // NULL past the end
const struct rights *verb_rights(const struct verb_table *table);

// The commands of the Redis dialect, which count as verbs of this table: set by redis_table_new().
const struct redis_table *verb_redis(const struct verb_table *table); // NULL: not set
void verb_set_redis(struct verb_table *table, const struct redis_table *redis);

// Returns the verb that `name` was probably meant to be, for a message; NULL when none is near.
// This searches the whole table, so it must not be called for each request of a flood.
const struct verb *verb_nearest(const struct verb_table *table, struct slice name);

// Appends the reply of a read with `argc` arguments whose key does not exist.
void verb_append_miss(struct bytes *out, const struct verb_entry *entry, size_t argc);

// Appends "name syntax — summary".
void verb_append_help(struct bytes *out, const struct verb *verb);
// Appends an explanation of the letters and marks of a syntax, for the end of a list of verbs.
void verb_append_legend(struct bytes *out);
// Appends "name syntax", spelled out, for an error: "key.get NAMESPACE KEY".
void verb_append_use(struct bytes *out, const struct verb *verb);
