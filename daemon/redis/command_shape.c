#include "daemon/redis/command_shape.h"

#include <stdio.h>

#include "daemon/redis/command_words.h"
#include "daemon/redis/own_reply.h"
#include "protocol/collection.h"
#include "protocol/reply.h"
#include "protocol/syntax.h"
#include "protocol/verb.h"

enum { WORDS_MOST = 8 };

// A list of constant words.
struct words {
    const char *items[WORDS_MOST];
    size_t count;
};

static void add(struct words *words, bool is_so, const char *word) {
    if (is_so)
        words->items[words->count++] = word;
}

static void write_set(struct request *r, const struct words *words) {
    own_set(r, words->count);
    for (size_t i = 0; i < words->count; i++)
        reply_status(request_out(r), words->items[i]);
}

void command_lower_name(char *name, const struct redis_command *command) {
    size_t len =
        command->name.len < COMMAND_NAME_SIZE - 1 ? command->name.len : COMMAND_NAME_SIZE - 1;
    for (size_t i = 0; i < len; i++)
        name[i] = slice_lower(command->name.data[i]);
    name[len] = '\0';
}

// --- groups -----------------------------------------------------------------------------------

static bool is_local(const struct redis_command *command) { return command->row->run != NULL; }

static bool is_script(const struct redis_command *command) {
    return command->entry.verb->flags & VERB_SCRIPT;
}

// Redis's own name for the collection, and for a category of its ACL.
static const char *group_of(const struct redis_command *command) {
    static const char *const names[][2] = {{"key", "string"},
                                           {"dict", "hash"},
                                           {"list", "list"},
                                           {"set", "set"},
                                           {"sorted", "sorted-set"}};
    const char *collection = collection_name(command->entry.collection);
    if (is_script(command))
        return "scripting";
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strcmp(collection, names[i][0]) == 0)
            return names[i][1];
    return is_local(command) ? "connection" : "generic";
}

static const char *category_of(const struct redis_command *command) {
    static const char *const names[][2] = {
        {"string", "@string"},
        {"hash", "@hash"},
        {"list", "@list"},
        {"set", "@set"},
        {"sorted-set", "@sortedset"},
        {"scripting", "@scripting"},
        {"connection", "@connection"},
        {"generic", "@keyspace"},
    };
    size_t i = 0;
    while (strcmp(group_of(command), names[i][0]) != 0)
        i++;
    return names[i][1];
}

static struct words categories_of(const struct redis_command *command) {
    unsigned flags = command->entry.verb->flags;
    struct words words = {0};
    add(&words, flags & VERB_WRITE && !is_script(command), "@write");
    add(&words, flags & VERB_READ && !is_script(command), "@read");
    add(&words, true, category_of(command));
    add(&words, flags & VERB_LONG, "@slow");
    add(&words, !(flags & VERB_LONG), "@fast");
    return words;
}

bool command_has_category(const struct redis_command *command, struct slice category) {
    struct words words = categories_of(command);
    bool has_mark = category.len > 0 && *category.data == '@';
    for (size_t i = 0; i < words.count; i++)
        if (slice_equal_nocase(category, slice_of(words.items[i] + !has_mark)))
            return true;
    return false;
}

// --- how it is written ------------------------------------------------------------------------

static int64_t arity_of(const struct redis_command *command) {
    const struct signature *s = &command->entry.signature;
    int64_t least = 1 + (int64_t)s->least;
    return s->most > s->least || command->row->read ? -least : least;
}

struct key_range {
    int64_t first, last, step; // 0: it is not known which words are keys, or none is
};

static struct key_range keys_of(const struct redis_command *command) {
    const struct signature *s = &command->entry.signature;
    struct key_range keys = {0};
    if (!s->has_namespace)
        return keys;
    for (size_t i = 0; i < s->fixed + s->group; i++) {
        if (signature_kind(s, i) != ARG_KEY)
            continue;
        if (keys.first == 0)
            keys = (struct key_range){(int64_t)i + 1, (int64_t)i + 1, 1};
        if (i < s->fixed)
            keys.last = (int64_t)i + 1;
        else
            keys = (struct key_range){keys.first, -1, s->group};
    }
    return keys;
}

static bool has_movable_keys(const struct redis_command *command) {
    return command->entry.signature.has_namespace &&
           (keys_of(command).first == 0 || command->row->creates == CREATES_MORE);
}

static struct words flags_of(const struct redis_command *command) {
    unsigned flags = command->entry.verb->flags;
    struct words words = {0};
    add(&words, flags & VERB_WRITE && !is_script(command), "write");
    add(&words, flags & VERB_READ && !is_script(command), "readonly");
    add(&words, command->row->creates != CREATES_NONE, "denyoom");
    add(&words, is_local(command) || is_script(command), "noscript");
    add(&words, is_local(command), "loading");
    add(&words, is_local(command), "stale");
    add(&words, flags & VERB_NO_AUTH, "no_auth");
    add(&words, has_movable_keys(command), "movablekeys");
    return words;
}

void command_write_key_flags(struct request *r, const struct redis_command *command) {
    bool is_write = command->entry.verb->flags & VERB_WRITE;
    bool removes = command->entry.verb->flags & VERB_REMOVES;
    struct words words = {0};
    add(&words, is_write, removes ? "RM" : "RW");
    add(&words, !is_write, "RO");
    add(&words, !is_write, "access");
    add(&words, is_write, removes ? "delete" : "update");
    write_set(r, &words);
}

static void write_name_and_number(struct request *r, const char *name, int64_t number) {
    own_text(r, name);
    reply_integer(request_out(r), number);
}

static void write_key_specs(struct request *r, const struct redis_command *command) {
    struct key_range keys = keys_of(command);
    reply_array(request_out(r), keys.first > 0);
    if (keys.first == 0)
        return;
    own_map(r, 3);
    own_text(r, "flags");
    command_write_key_flags(r, command);
    own_text(r, "begin_search");
    own_map(r, 2);
    own_text(r, "type");
    own_text(r, "index");
    own_text(r, "spec");
    own_map(r, 1);
    write_name_and_number(r, "index", keys.first);
    own_text(r, "find_keys");
    own_map(r, 2);
    own_text(r, "type");
    own_text(r, "range");
    own_text(r, "spec");
    own_map(r, 3);
    // Counted from the first key.
    write_name_and_number(r, "lastkey", keys.last < 0 ? keys.last : keys.last - keys.first);
    write_name_and_number(r, "keystep", keys.step);
    write_name_and_number(r, "limit", 0);
}

void command_write_shape(struct request *r, const struct redis_command *command) {
    struct bytes *out = request_out(r);
    struct key_range keys = keys_of(command);
    struct words flags = flags_of(command), categories = categories_of(command), tips = {0};
    char name[COMMAND_NAME_SIZE];
    command_lower_name(name, command);
    reply_array(out, 10);
    own_text(r, name);
    reply_integer(out, arity_of(command));
    write_set(r, &flags);
    reply_integer(out, keys.first);
    reply_integer(out, keys.last);
    reply_integer(out, keys.step);
    write_set(r, &categories);
    write_set(r, &tips);
    write_key_specs(r, command);
    reply_array(out, 0); // subcommands
}

// --- what it does -----------------------------------------------------------------------------

// A row that counts as a verb may have none of its own.
static const char *summary_of(const struct redis_command *command) {
    return command->row->summary ? command->row->summary : command->entry.verb->summary;
}

// The daemon's own version, since all commands have come with it.
void command_write_docs(struct request *r, const struct redis_command *command) {
    char name[COMMAND_NAME_SIZE];
    command_lower_name(name, command);
    own_text(r, name);
    own_map(r, 4);
    own_text(r, "summary");
    own_text(r, summary_of(command));
    own_text(r, "since");
    own_text(r, CACHESD_VERSION);
    own_text(r, "group");
    own_text(r, group_of(command));
    own_text(r, "arguments");
    command_write_words(r, command);
}
