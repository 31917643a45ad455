#include "protocol/redis/table.h"

#include <assert.h>
#include <stdio.h>

#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/command.h"
#include "protocol/mem.h"
#include "protocol/name_table.h"
#include "protocol/redis/groups.h"
#include "protocol/redis/passed.h"
#include "protocol/refusal.h"
#include "protocol/rights.h"
#include "protocol/syntax.h"
#include "protocol/verb.h"

enum { COMMANDS_MOST = 384, LONGEST_NAME = 32, OWN_NAME = 40 };

struct redis_table {
    struct redis_command commands[COMMANDS_MOST];
    char own_names[COMMANDS_MOST][OWN_NAME]; // of verbs: "redis.lpush"
    size_t count;
    struct name_table numbers; // of the commands, by their names in lower and upper case
    char lower_names[COMMANDS_MOST][LONGEST_NAME];
};

// --- table ------------------------------------------------------------------------------------

static void name_own_verb(char *name, const char *command) {
    size_t len = (size_t)snprintf(name, OWN_NAME, "redis.%s", command);
    for (size_t i = 0; i < len; i++)
        name[i] = slice_lower(name[i]);
}

static void fill_verb(struct verb *verb, const struct redis_row *row) {
    verb->flags = row->flags;
    verb->syntax = row->syntax;
    verb->summary = row->summary;
    verb->collection = row->collection;
    verb->render = row->render;
    verb->miss = row->miss;
    verb->run = row->run;
    verb->credentials = row->credentials;
}

// The entry of a row that is a verb, or counts as one.
static void fill_entry_of_verb(struct redis_command *command, const struct verb_entry *counted) {
    const struct redis_row *row = command->row;
    struct verb_entry *entry = &command->entry;
    *entry = *counted;
    command->verb = *counted->verb;
    if (row->syntax)
        command->verb.syntax = row->syntax;
    if (row->flags)
        command->verb.flags = row->flags | (counted->verb->flags & VERB_DIALECT);
    if (row->render)
        command->verb.render = row->render;
    if (row->miss)
        command->verb.miss = row->miss;
    if (row->credentials)
        command->verb.credentials = row->credentials;
    if (row->run || row->build)
        command->verb.run = row->run;
    if (row->build)
        entry->build = row->build;
    entry->verb = &command->verb;
}

static const struct verb_entry *add_own_verb(struct redis_table *table, struct verb_table *verbs,
                                             struct redis_command *command) {
    char *name = table->own_names[table->count];
    name_own_verb(name, command->row->own_verb ? command->row->own_verb : command->row->name);
    fill_verb(&command->verb, command->row);
    command->verb.name = name;
    command->verb.flags |= VERB_DIALECT;
    if (!command->verb.collection && command->row->flags & (VERB_READ | VERB_WRITE))
        command->verb.collection = "any";
    verb_table_add(verbs, &command->verb, 1);
    return verb_find(verbs, slice_of(name));
}

static void add_names(struct redis_table *table, const struct redis_row *row) {
    char *lower = table->lower_names[table->count];
    for (size_t i = 0; row->name[i]; i++)
        lower[i] = slice_lower(row->name[i]);
    name_table_add(&table->numbers, slice_of(row->name), (uint32_t)table->count);
    name_table_add(&table->numbers, slice_of(lower), (uint32_t)table->count);
}

static uint64_t commands_of_scripts(const struct verb_table *verbs) {
    struct bytes bytes = {0};
    struct command c = {.out = &bytes};
    command_begin(&c, SLICE("EVAL"), 2);
    command_word(&c, SLICE(""));
    command_begin(&c, SLICE("PEXPIRE"), 1);
    uint64_t commands = rights_sent(verb_rights(verbs), &bytes);
    bytes_deinit(&bytes);
    return commands;
}

// Returns the verb that the command is, or counts as.
static const struct verb_entry *verb_of(struct redis_table *table, struct verb_table *verbs,
                                        struct redis_command *command) {
    const struct redis_row *row = command->row;
    if (row->verb)
        return verb_find(verbs, slice_of(row->verb));
    if (row->is_variant && !row->own_verb) {
        const struct redis_command *main = command - 1;
        while (main->row->is_variant)
            main--;
        return verb_find(verbs, main->entry.name);
    }
    return add_own_verb(table, verbs, command);
}

// A refused command needs no verb: it is only found.
static void add_refused(struct redis_table *table, struct redis_command *command) {
    command->verb.name = command->row->name;
    command->verb.syntax = "";
    command->entry.verb = &command->verb;
    command->entry.name = command->name;
    command->entry.collection = COLLECTION_NONE;
    add_names(table, command->row);
    table->count++;
}

// Returns whether the keys of the command say in which namespace it runs. What the daemon itself
// runs and is no script, as SCAN, finds its namespaces without a key.
static bool is_of_namespace(const struct redis_command *command) {
    bool is_local = command->row->run && !(command->verb.flags & VERB_SCRIPT);
    return !is_local && command->verb.flags & (VERB_READ | VERB_WRITE);
}

static void add(struct redis_table *table, struct verb_table *verbs, const struct redis_row *row) {
    struct redis_command *command = &table->commands[table->count];
    assert(table->count < COMMANDS_MOST && strlen(row->name) < LONGEST_NAME);
    command->row = row;
    command->name = slice_of(row->name);
    if (row->refused) {
        add_refused(table, command);
        return;
    }
    const struct verb_entry *verb = verb_of(table, verbs, command);
    assert(verb);
    fill_entry_of_verb(command, verb);
    struct verb_entry *entry = &command->entry;
    entry->shape = (uint8_t)row->shape;
    if (row->syntax) {
        entry->signature = syntax_read(row->syntax);
        entry->signature.has_namespace = is_of_namespace(command);
        entry->signature.has_more_keys |= row->has_patterns;
        // Redis itself refuses what the account may not run. A script's writes stay when a later
        // command in it is refused, so that one must know before.
        entry->commands = row->flags & VERB_SCRIPT ? commands_of_scripts(verbs) : 0;
        entry->build = passed_build;
        if (row->run || (row->build && row->creates == CREATES_NONE))
            entry->build = row->build;
    }
    if (!row->is_variant)
        add_names(table, row);
    table->count++;
}

void redis_table_add(struct redis_table *table, struct verb_table *verbs,
                     const struct redis_row *rows) {
    for (; rows->name; rows++)
        add(table, verbs, rows);
}

struct redis_table *redis_table_new(struct verb_table *verbs) {
    struct redis_table *table = mem_new(sizeof(*table));
    name_table_init(&table->numbers, 2 * COMMANDS_MOST);
#define X(group) redis_table_add(table, verbs, redis_##group);
    REDIS_GROUPS(X)
#undef X
    verb_set_redis(verbs, table);
    return table;
}

void redis_table_free(struct redis_table *table) {
    name_table_deinit(&table->numbers);
    mem_free(table);
}

const struct redis_command *redis_find(const struct redis_table *table, struct slice name) {
    char upper[LONGEST_NAME];
    uint32_t number = name_table_find(&table->numbers, name);
    if (number == NAME_TABLE_NONE && name.len < LONGEST_NAME) { // neither GET nor get, but Get
        for (size_t i = 0; i < name.len; i++)
            upper[i] = slice_lower(name.data[i]);
        number = name_table_find(&table->numbers, (struct slice){upper, name.len});
    }
    return number == NAME_TABLE_NONE ? NULL : &table->commands[number];
}

const struct redis_command *redis_at(const struct redis_table *table, size_t place) {
    return place < table->count ? &table->commands[place] : NULL;
}

// --- reading ----------------------------------------------------------------------------------

bool redis_read_by_row(const struct redis_command **command, struct slice *words, size_t count,
                       struct call *call, struct refusal *refusal) {
    const struct redis_command *c = *command;
    struct redis_reading r = {c, words, count, call, refusal};
    if (!c->row->read || count < c->entry.signature.least)
        return redis_refuse_count(&r);
    bool is_good = c->row->read(&r);
    if (r.command != c) {
        *command = r.command;
        call->verb = r.command->entry.verb;
        call->redis = r.command;
    }
    return is_good;
}
