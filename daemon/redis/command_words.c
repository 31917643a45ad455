#include "daemon/redis/command_words.h"

#include "daemon/redis/own_reply.h"
#include "protocol/bytes.h"
#include "protocol/reply.h"
#include "protocol/verb.h"

enum { GROUP_MOST = 4, ITEMS_MOST = 10 };

// A word of a syntax, or a group of them in brackets: "K", "[F V ...]".
struct item {
    struct slice words[GROUP_MOST];
    size_t count;
    bool is_optional, is_multiple;
};

struct items {
    struct item list[ITEMS_MOST];
    size_t count;
};

// --- reading ----------------------------------------------------------------------------------

static struct slice take_word(struct slice *rest) {
    size_t len = 0;
    while (rest->len > 0 && *rest->data == ' ')
        *rest = (struct slice){rest->data + 1, rest->len - 1};
    while (len < rest->len && rest->data[len] != ' ')
        len++;
    struct slice word = {rest->data, len};
    *rest = (struct slice){rest->data + len, rest->len - len};
    return word;
}

static void read_words(struct item *item, struct slice text) {
    for (struct slice word = take_word(&text); word.len > 0; word = take_word(&text)) {
        if (slice_equal(word, SLICE("...")))
            item->is_multiple = true;
        else if (item->count < GROUP_MOST)
            item->words[item->count++] = word;
    }
}

// Returns false at the end of the syntax.
static bool read_item(struct item *item, const char **at) {
    *item = (struct item){0};
    while (**at == ' ')
        (*at)++;
    item->is_optional = **at == '[';
    const char *start = *at + item->is_optional;
    size_t len = strcspn(start, item->is_optional ? "]" : " ");
    read_words(item, (struct slice){start, len});
    *at = start + len + item->is_optional;
    return len > 0;
}

// Options and namespaces are words of cachesd's own dialect alone.
static bool is_native(const struct item *item) {
    struct slice word = item->words[0];
    return slice_equal(word, SLICE("N")) || memchr(word.data, '=', word.len) != NULL;
}

static void read_syntax(struct items *items, const struct redis_command *command) {
    const char *at = command->entry.verb->syntax;
    struct item item;
    while (read_item(&item, &at))
        if (!is_native(&item) && items->count < ITEMS_MOST - 1)
            items->list[items->count++] = item;
    // The syntax is the verb's, and the command's own options are only known to its reader.
    if (command->row->read && !command->row->syntax)
        items->list[items->count++] = (struct item){
            .words = {SLICE("option")}, .count = 1, .is_optional = true, .is_multiple = true};
}

// --- writing ----------------------------------------------------------------------------------

struct meaning {
    const char *word, *name, *type;
};

static struct meaning meaning_of(struct slice word) {
    static const struct meaning meanings[] = {
        {"K", "key", "key"},       {"F", "field", "string"},   {"M", "member", "string"},
        {"V", "value", "string"},  {"n", "number", "integer"}, {"start", NULL, "integer"},
        {"stop", NULL, "integer"}, {"count", NULL, "integer"}, {"cursor", NULL, "integer"},
        {"score", NULL, "double"}, {"min", NULL, "string"},    {"max", NULL, "string"},
    };
    for (size_t i = 0; i < sizeof(meanings) / sizeof(*meanings); i++)
        if (slice_equal(word, slice_of(meanings[i].word)))
            return meanings[i];
    return (struct meaning){NULL, NULL, "string"};
}

static void write_name_and_type(struct request *r, struct slice word) {
    struct meaning meaning = meaning_of(word);
    own_text(r, "name");
    reply_bulk(request_out(r), meaning.name ? slice_of(meaning.name) : word);
    own_text(r, "type");
    own_text(r, meaning.type);
}

static void write_flags(struct request *r, const struct item *item) {
    struct bytes *out = request_out(r);
    own_text(r, "flags");
    own_set(r, (size_t)item->is_optional + item->is_multiple);
    if (item->is_optional)
        reply_status(out, "optional");
    if (item->is_multiple)
        reply_status(out, "multiple");
}

static void write_group(struct request *r, const struct item *item) {
    own_text(r, "name");
    own_text(r, "group");
    own_text(r, "type");
    own_text(r, "block");
    write_flags(r, item);
    own_text(r, "arguments");
    reply_array(request_out(r), item->count);
    for (size_t i = 0; i < item->count; i++) {
        own_map(r, 2);
        write_name_and_type(r, item->words[i]);
    }
}

static void write_item(struct request *r, const struct item *item) {
    bool has_flags = item->is_optional || item->is_multiple;
    if (item->count > 1) {
        own_map(r, 4);
        write_group(r, item);
        return;
    }
    own_map(r, has_flags ? 3 : 2);
    write_name_and_type(r, item->words[0]);
    if (has_flags)
        write_flags(r, item);
}

void command_write_words(struct request *r, const struct redis_command *command) {
    struct items items = {0};
    read_syntax(&items, command);
    reply_array(request_out(r), items.count);
    for (size_t i = 0; i < items.count; i++)
        write_item(r, &items.list[i]);
}
