// Commands: all commands of the Redis dialect, with those that the daemon answers itself.
#pragma once

struct redis_table;
struct verb_table;

// Returns the table of all commands, whose own verbs are added to `verbs`.
struct redis_table *commands_new(struct verb_table *verbs);
// Frees the table, and what its commands share. No request may be under way any more.
void commands_free(struct redis_table *table);
