#include "verb_table.h"

#include <assert.h>
#include <stdlib.h>

#include "builder.h"
#include "mem.h"
#include "name_table.h"
#include "number.h"
#include "spelling.h"

enum { LONGEST_NAME = 16, LONGEST_WAIT_MS = 24 * 3600 * 1000 };

struct verb_table {
    struct verb_entry entries[VERBS_MOST];
    size_t count;
    struct name_table numbers; // of the entries, by name, in lower case as the rows have it
    struct rights rights;
};

// --- table ------------------------------------------------------------------------------------

// "dict.get" is one of dict, "del" of any collection, and "ping" of none.
static enum collection collection_of(const struct verb *verb, const struct signature *signature) {
    const char *dot = strchr(verb->name, '.');
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
    if (number == NAME_TABLE_NONE && name.len <= LONGEST_NAME) { // few write it in upper case
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

const struct verb *verb_nearest(const struct verb_table *table, struct slice name) {
    const struct verb *nearest = NULL;
    size_t least = spelling_guess_limit(name) + 1;
    for (size_t i = 0; i < table->count; i++) {
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

// --- calls ------------------------------------------------------------------------------------

static bool is_one_of(struct slice value, const char *const *names, size_t count, size_t *index) {
    for (*index = 0; *index < count; ++*index)
        if (slice_equal(value, slice_of(names[*index])))
            return true;
    return false;
}

// Reads one option's value into `call`; returns what would have been right, or NULL.
static const char *read_option(struct call *call, int option, struct slice value) {
    static const char *const conditions[] = {"always", "absent", "present", "greater", "less"};
    static const char *const orders[] = {"asc", "desc"};
    size_t index;
    switch (option) {
    case OPTION_TTL:
        return number_parse_duration(value, &call->ttl_asked_ms) && call->ttl_asked_ms > 0
                   ? NULL
                   : "a duration above 0, as 90, 1500ms, 2h or forever (36500d at most)";
    case OPTION_WAIT:
        return number_parse_duration(value, &call->wait_ms) && call->wait_ms <= LONGEST_WAIT_MS
                   ? NULL
                   : "a duration, as 2s or 1500ms (1d at most)";
    case OPTION_IF:
        if (!is_one_of(value, conditions + 1, 4, &index))
            return "absent, present, greater or less";
        call->add_if = (enum add_if)(index + 1);
        return NULL;
    case OPTION_ORDER:
        if (!is_one_of(value, orders, 2, &index))
            return "asc or desc";
        call->is_descending = index == 1;
        return NULL;
    case OPTION_LIMIT:
        return number_parse_int(value, &call->limit) && call->limit >= 0
                   ? NULL
                   : "a whole number, not negative";
    default:
        return number_parse_int(value, &call->count) && call->count > 0 ? NULL
                                                                        : "a whole number above 0";
    }
}

static bool fail_usage(const struct verb *verb, struct bytes *out, const char *problem) {
    struct bytes use = {0};
    verb_append_use(&use, verb);
    reply_error(out, REPLY_ARGS, "%s: use %.*s", problem, (int)use.len, use.data);
    bytes_deinit(&use);
    return false;
}

// Reads the word as an option of the verb. False: *out got the error.
static bool take_option(const struct verb_entry *entry, struct slice word, size_t equals,
                        struct call *call, struct bytes *out) {
    struct slice name = {word.data, equals},
                 value = {word.data + equals + 1, word.len - equals - 1};
    int option = syntax_option(name);
    if (option < 0 || !(entry->signature.options & 1u << option)) {
        struct bytes use = {0};
        verb_append_use(&use, entry->verb);
        reply_error(out, REPLY_ARGS, "%s takes no option '%.*s': use %.*s", entry->verb->name,
                    REPLY_WORD(name), (int)use.len, use.data);
        bytes_deinit(&use);
        return false;
    }
    if (call->options & 1u << option) {
        reply_error(out, REPLY_ARGS, "%s= is given twice",
                    syntax_option_name((enum option)option).data);
        return false;
    }
    call->options |= 1u << option;
    const char *right = read_option(call, option, value);
    if (right)
        reply_error(out, REPLY_ARGS, "%s=%.*s: use %s",
                    syntax_option_name((enum option)option).data, REPLY_WORD(value), right);
    return !right;
}

// The kinds of which check_argument() may find one wrong.
enum {
    CHECKED_KINDS =
        1u << ARG_INTEGER | 1u << ARG_COUNT | 1u << ARG_SCORE | 1u << ARG_BOUND | 1u << ARG_CURSOR
};

static const char *check_argument(enum arg_kind kind, struct slice arg) {
    int64_t integer;
    uint64_t cursor;
    double number;
    switch (kind) {
    case ARG_INTEGER:
        return number_parse_int(arg, &integer) ? NULL : "is not a whole number of 64 bits";
    case ARG_COUNT:
        return number_parse_int(arg, &integer) && integer >= 0
                   ? NULL
                   : "is not a whole number of 64 bits, not negative";
    case ARG_SCORE: return number_parse_double(arg, &number) ? NULL : "is not a number";
    case ARG_BOUND:
        if (arg.len > 0 && arg.data[0] == '(')
            arg = (struct slice){arg.data + 1, arg.len - 1};
        return number_parse_double(arg, &number)
                   ? NULL
                   : "is not a score: use a number, (number, -inf or +inf";
    case ARG_CURSOR:
        return number_parse_unsigned(arg, &cursor) ? NULL
                                                   : "is not a cursor: use 0, then the one replied";
    default: return NULL;
    }
}

static bool check_arguments(const struct verb_entry *entry, const struct call *call,
                            struct bytes *out) {
    const struct signature *s = &entry->signature;
    size_t rest = call->argc > s->fixed ? call->argc - s->fixed : 0;
    if (call->argc < s->least || call->argc > s->most || (s->group > 0 && rest % s->group != 0))
        return fail_usage(entry->verb, out, "wrong number of arguments");
    if (!(s->has_kinds & CHECKED_KINDS))
        return true;
    for (size_t i = 0; i < call->argc; i++) {
        const char *problem = check_argument(signature_kind(s, i), call->args[i]);
        if (problem) {
            reply_error(out, REPLY_ARGS, "'%.*s' %s", REPLY_WORD(call->args[i]), problem);
            return false;
        }
    }
    return true;
}

// Field by field, as in answer_begin().
static void begin_call(struct call *call, const struct verb *verb) {
    call->verb = verb;
    call->prefix = (struct slice){0};
    call->ttl_rule = TTL_KEEP;
    call->ttl_ms = 0;
    call->ttl_px = (struct slice){0};
    call->ttl_reason = TTL_DEFAULT;
    call->options = 0;
    call->ttl_asked_ms = 0;
    call->add_if = ADD_ALWAYS;
    call->is_descending = false;
    call->limit = call->count = call->wait_ms = call->json_bytes = call->stale_ms = 0;
}

bool verb_read_call(const struct verb_entry *entry, const struct slice *words, size_t count,
                    struct call *call, struct slice *name, struct bytes *out) {
    size_t at = 0;
    begin_call(call, entry->verb);
    *name = (struct slice){0};
    if (entry->signature.has_namespace) {
        for (; at < count; at++) {
            const char *equals = words[at].len > 0 ? memchr(words[at].data, '=', words[at].len) : 0;
            if (!equals)
                break;
            if (!take_option(entry, words[at], (size_t)(equals - words[at].data), call, out))
                return false;
        }
        if (at == count)
            return fail_usage(entry->verb, out, "no namespace");
        *name = words[at++];
    }
    call->args = words + at;
    call->argc = count - at;
    return check_arguments(entry, call, out);
}

void verb_append_miss(struct bytes *out, const struct verb_entry *entry, size_t argc) {
    const struct signature *s = &entry->signature;
    switch (entry->verb->miss) {
    case MISS_ZERO: reply_integer(out, 0); break;
    case MISS_NO_KEY: reply_integer(out, -2); break;
    case MISS_EMPTY: reply_array(out, 0); break;
    case MISS_NILS:
        reply_array(out, argc - (s->least - s->group));
        for (size_t i = s->least - s->group; i < argc; i++)
            reply_nil(out);
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
