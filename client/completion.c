#include "client/completion.h"

#include "client/shape.h"
#include "protocol/mem.h"

// A word to be completed, and where the candidates go.
struct question {
    const struct words *words;
    struct slice begin;
    struct candidates *found;
};

static bool begins_nocase(struct slice text, struct slice begin) {
    return text.len >= begin.len && slice_equal_nocase((struct slice){text.data, begin.len}, begin);
}

static void add(struct question *q, struct candidate candidate) {
    struct candidates *c = q->found;
    if (!begins_nocase(bytes_slice(&candidate.text), q->begin)) {
        bytes_deinit(&candidate.text);
        return;
    }
    c->items = mem_grow(c->items, c->count, sizeof(*c->items));
    c->items[c->count++] = candidate;
}

static void add_text(struct question *q, struct slice text, struct slice summary) {
    struct candidate candidate = {.summary = summary};
    bytes_append_slice(&candidate.text, text);
    add(q, candidate);
}

static void add_verbs(struct question *q) {
    for (size_t i = 0; i < q->words->verb_count; i++)
        add_text(q, q->words->verbs[i].name, q->words->verbs[i].summary);
}

// Collections are the beginnings of verbs' names.
static void add_collections(struct question *q) {
    struct slice last = {0};
    for (size_t i = 0; i < q->words->verb_count; i++) {
        struct slice collection = words_collection(q->words, q->words->verbs[i].name);
        if (collection.len > 0 && !slice_equal(collection, last))
            add_text(q, collection, SLICE("the collection's verbs"));
        last = collection;
    }
}

// Adds the namespaces that take the verb, or all where none seems to.
static void add_namespaces(struct question *q, struct slice verb) {
    const struct words *w = q->words;
    struct slice collection = words_collection(w, verb);
    bool is_any = false;
    for (size_t i = 0; i < w->namespace_count; i++)
        is_any = is_any || words_allows(&w->namespaces[i], collection);
    for (size_t i = 0; i < w->namespace_count; i++)
        if (!is_any || words_allows(&w->namespaces[i], collection))
            add_text(q, w->namespaces[i].name, (struct slice){0});
}

static bool has_option(const struct shape *s, const struct shape_part *option,
                       const struct slice *words, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (shape_option(s, words[i]) == option)
            return true;
    return false;
}

static void add_options(struct question *q, const struct shape *s, const struct slice *words,
                        size_t count) {
    for (size_t i = 0; i < s->options; i++) {
        if (has_option(s, &s->parts[i], words, count))
            continue;
        struct candidate candidate = {.summary = s->parts[i].values, .is_open = true};
        bytes_append_slice(&candidate.text, s->parts[i].option);
        bytes_append_literal(&candidate.text, "=");
        add(q, candidate);
    }
}

// Adds "order=asc" and "order=desc" for the part "[order=asc|desc]".
static void add_values(struct question *q, const struct shape_part *part) {
    struct slice rest = part->values;
    while (rest.len > 0) {
        const char *bar = memchr(rest.data, '|', rest.len);
        size_t len = bar ? (size_t)(bar - rest.data) : rest.len;
        struct candidate candidate = {0};
        bytes_append_slice(&candidate.text, part->option);
        bytes_append_literal(&candidate.text, "=");
        bytes_append(&candidate.text, rest.data, len);
        add(q, candidate);
        len += bar != NULL;
        rest = (struct slice){rest.data + len, rest.len - len};
    }
}

// Adds, for an option whose values are names, "namespace=carts".
static void add_named_values(struct question *q, const struct shape_part *part) {
    struct candidates names = {0};
    struct question inner = {q->words, {0}, &names};
    if (slice_equal(part->option, SLICE("namespace")))
        add_namespaces(&inner, (struct slice){0});
    else if (slice_equal(part->option, SLICE("verb")))
        add_verbs(&inner);
    for (size_t i = 0; i < names.count; i++) {
        struct candidate candidate = {.summary = names.items[i].summary};
        bytes_append_slice(&candidate.text, part->option);
        bytes_append_literal(&candidate.text, "=");
        bytes_append_slice(&candidate.text, bytes_slice(&names.items[i].text));
        add(q, candidate);
    }
    candidates_deinit(&names);
}

static void add_for_name(struct question *q, struct slice name, struct slice verb) {
    if (slice_equal(name, SLICE("N")))
        add_namespaces(q, verb);
    else if (slice_equal_nocase(name, SLICE("VERB")))
        add_verbs(q);
    if (slice_equal(name, SLICE("verb"))) // of help, which takes collections, too
        add_collections(q);
}

static void add_arguments(struct question *q, const struct words_verb *verb,
                          const struct slice *words, size_t count) {
    struct shape s;
    shape_read(&s, verb->syntax);
    size_t options = shape_count_options(&s, words, count);
    const struct shape_part *part = shape_option(&s, q->begin);
    if (options == count && part) {
        add_values(q, part);
        add_named_values(q, part);
        return;
    }
    add_for_name(q, shape_name(&s, count - options), verb->name);
    if (options == count)
        add_options(q, &s, words, count);
}

void completion_find(const struct words *w, const struct slice *before, size_t count,
                     struct slice begin, struct candidates *found) {
    struct question q = {w, begin, found};
    *found = (struct candidates){0};
    // The words behind `explain` are a request.
    while (count > 0 && slice_equal_nocase(*before, SLICE("explain"))) {
        before++;
        count--;
    }
    if (count == 0) {
        add_verbs(&q);
        return;
    }
    const struct words_verb *verb = words_find(w, *before);
    if (verb)
        add_arguments(&q, verb, before + 1, count - 1);
}

void candidates_deinit(struct candidates *c) {
    for (size_t i = 0; i < c->count; i++)
        bytes_deinit(&c->items[i].text);
    mem_free(c->items);
    *c = (struct candidates){0};
}

struct slice candidates_common(const struct candidates *c) {
    if (c->count == 0)
        return (struct slice){0};
    struct slice common = bytes_slice(&c->items[0].text);
    for (size_t i = 1; i < c->count; i++) {
        struct slice other = bytes_slice(&c->items[i].text);
        size_t len = 0;
        while (len < common.len && len < other.len &&
               slice_lower(common.data[len]) == slice_lower(other.data[len]))
            len++;
        common.len = len;
    }
    return common;
}
