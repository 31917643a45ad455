// Redis table: the commands of the Redis dialect, found by name.
#pragma once

#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/redis/row.h"
#include "protocol/refusal.h"
#include "protocol/syntax.h"
#include "protocol/verb_table.h"

struct redis_table;

// Returns a table of all groups' rows. The verbs that rows have of their own are added to `verbs`,
// which must outlive the table.
struct redis_table *redis_table_new(struct verb_table *verbs);
// Adds further rows, which end with a row without a name.
void redis_table_add(struct redis_table *table, struct verb_table *verbs,
                     const struct redis_row *rows);
void redis_table_free(struct redis_table *table);

// Returns the command of that name, in upper or lower case; NULL when there is none.
const struct redis_command *redis_find(const struct redis_table *table, struct slice name);

// Returns the command at that place, variants included, in the order of the rows; NULL past the
// end.
const struct redis_command *redis_at(const struct redis_table *table, size_t place);

// For redis_read_call() alone, when the row has a reader, or does not take so many words.
bool redis_read_by_row(const struct redis_command **command, struct slice *words, size_t count,
                       struct call *call, struct refusal *refusal)
    __attribute__((warn_unused_result));

// Reads the words behind the name into `call`, and may move them. *command becomes the variant that
// they mean. Returns false with a refusal. Always inlined, because each request is read.
static inline __attribute__((always_inline, warn_unused_result)) bool
redis_read_call(const struct redis_command **command, struct slice *words, size_t count,
                struct call *call, struct refusal *refusal) {
    const struct redis_command *c = *command;
    call_begin(call, c->entry.verb, c);
    call->args = words;
    call->argc = count;
    call->key_at = c->row->key_at;
    return (!c->row->read && signature_fits(&c->entry.signature, count)) ||
           redis_read_by_row(command, words, count, call, refusal);
}
