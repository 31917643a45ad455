#include "protocol/verb_table.h"

#include <assert.h>
#include <stdlib.h>

#include "protocol/builder.h"
#include "protocol/mem.h"
#include "protocol/name_table.h"
#include "protocol/reply.h"
#include "protocol/spelling.h"

enum { LONGEST_NAME = 32 };

struct verb_table {
    struct verb_entry entries[VERBS_MOST];
    size_t count;
    struct name_table numbers; // of the entries, by their names, which are in lower case
    struct rights rights;
    const struct redis_table *redis;
};

// --- table ------------------------------------------------------------------------------------

// "dict.get" belongs to the collection dict, "del" to any collection, and "ping" to none.
static enum collection collection_of(const struct verb *verb, const struct signature *signature) {
    const char *dot = strchr(verb->name, '.');
    if (verb->collection && strcmp(verb->collection, collection_name(COLLECTION_ANY)) == 0)
        return COLLECTION_ANY;
    if (verb->collection)
        return collection_find(slice_of(verb->collection));
    if (!dot)
        return signature->has_namespace ? COLLECTION_ANY : COLLECTION_NONE;
    return collection_find((struct slice){verb->name, (size_t)(dot - verb->name)});
}

void verb_table_add(struct verb_table *table, const struct verb *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct verb_entry *entry = &table->entries[table->count];
        assert(strlen(rows[i].name) <= LONGEST_NAME && table->count < VERBS_MOST);
        entry->verb = &rows[i];
        entry->name = slice_of(rows[i].name);
        entry->signature = syntax_read(rows[i].syntax);
        entry->collection = collection_of(&rows[i], &entry->signature);
        entry->id = (uint32_t)table->count;
        entry->build = builder_of(&rows[i], &entry->signature);
        entry->commands = rights_learn(&table->rights, &rows[i], entry->build, &entry->signature);
        name_table_add(&table->numbers, entry->name, (uint32_t)table->count++);
    }
}

struct verb_table *verb_table_new(const struct verb *more, size_t count) {
    struct verb_table *table = mem_new(sizeof(*table));
    name_table_init(&table->numbers, VERBS_MOST);
    for (int i = 0; i < COLLECTION_COUNT; i++) {
        const struct verb *rows = collection_verbs((enum collection)i);
        for (; rows && rows->name; rows++)
            verb_table_add(table, rows, 1);
    }
    verb_table_add(table, more, count);
    return table;
}

void verb_table_free(struct verb_table *table) {
    name_table_deinit(&table->numbers);
    rights_deinit(&table->rights);
    mem_free(table);
}

const struct verb_entry *verb_find(const struct verb_table *table, struct slice name) {
    char lower[LONGEST_NAME];
    uint32_t number = name_table_find(&table->numbers, name);
    if (number == NAME_TABLE_NONE && name.len <= LONGEST_NAME) { // few clients use upper case
        for (size_t i = 0; i < name.len; i++)
            lower[i] = slice_lower(name.data[i]);
        number = name_table_find(&table->numbers, (struct slice){lower, name.len});
    }
    return number == NAME_TABLE_NONE ? NULL : &table->entries[number];
}

const struct verb_entry *verb_at(const struct verb_table *table, size_t id) {
    return id < table->count ? &table->entries[id] : NULL;
}

const struct rights *verb_rights(const struct verb_table *table) { return &table->rights; }

const struct redis_table *verb_redis(const struct verb_table *table) { return table->redis; }

void verb_set_redis(struct verb_table *table, const struct redis_table *redis) {
    table->redis = redis;
}

const struct verb *verb_nearest(const struct verb_table *table, struct slice name) {
    const struct verb *nearest = NULL;
    size_t least = spelling_guess_limit(name) + 1;
    for (size_t i = 0; i < table->count; i++) {
        if (table->entries[i].verb->flags & VERB_DIALECT)
            continue;
        struct slice full = slice_of(table->entries[i].verb->name);
        const char *dot = strchr(full.data, '.');
        size_t distance = spelling_distance_below(least, name, full);
        size_t without = dot ? spelling_distance_below(least, name, slice_of(dot + 1)) : SIZE_MAX;
        if (without < distance)
            distance = without;
        if (distance < least) {
            least = distance;
            nearest = table->entries[i].verb;
        }
    }
    return nearest;
}

// --- text -------------------------------------------------------------------------------------

// Returns the index of the first of the arguments that repeat: the first M of "K M [M ...]".
static size_t first_repeated(const struct signature *s) {
    bool is_there_before =
        s->fixed >= s->group && s->kinds[s->fixed - s->group] == s->kinds[s->fixed];
    return is_there_before ? s->fixed - s->group : s->fixed;
}

void verb_append_miss(struct bytes *out, const struct verb_entry *entry, size_t argc) {
    const struct signature *s = &entry->signature;
    switch (entry->verb->miss) {
    case MISS_ZERO: reply_integer(out, 0); break;
    case MISS_NO_KEY: reply_integer(out, -2); break;
    case MISS_EMPTY: reply_array(out, 0); break;
    case MISS_BLANK: reply_bulk(out, SLICE("")); break;
    case MISS_TYPE: reply_status(out, "none"); break;
    case MISS_NILS:
    case MISS_ZEROS:
        reply_array(out, argc - first_repeated(s));
        for (size_t i = first_repeated(s); i < argc; i++)
            (entry->verb->miss == MISS_NILS) ? reply_nil(out) : reply_integer(out, 0);
        break;
    case MISS_MEMO:
        reply_array(out, 3);
        reply_bulk(out, SLICE("MISS"));
        reply_nil(out);
        reply_nil(out);
        break;
    case MISS_SCAN:
        reply_array(out, 2);
        reply_bulk(out, SLICE("0"));
        reply_array(out, 0);
        break;
    case MISS_RANDOM:
        if (argc > s->least)
            reply_array(out, 0);
        else
            reply_nil(out);
        break;
    default: reply_nil(out);
    }
}

void verb_append_use(struct bytes *out, const struct verb *verb) {
    bytes_append_slice(out, slice_of(verb->name));
    syntax_append_whole(out, verb->syntax);
}

void verb_append_legend(struct bytes *out) {
    bytes_printf(out,
                 "\nN namespace, K key, F field, V value, M member, n a whole number;\n"
                 "[x] may be left out, ... repeats. help VERB, or help COLLECTION: %s, %s, ...\n",
                 collection_name(COLLECTION_FIRST), collection_name(COLLECTION_FIRST + 1));
}

void verb_append_help(struct bytes *out, const struct verb *verb) {
    bytes_printf(out, "%s%s%s\n    %s\n", verb->name, *verb->syntax ? " " : "", verb->syntax,
                 verb->summary);
}
