#include "client/words.h"

#include "client/table.h"
#include "protocol/mem.h"
#include "protocol/spelling.h"

void words_deinit(struct words *w) {
    mem_free(w->verbs);
    mem_free(w->namespaces);
    bytes_deinit(&w->help);
    bytes_deinit(&w->namespace_lines);
    *w = (struct words){0};
}

static void add_verb(struct words *w, struct words_verb verb) {
    w->verbs = mem_grow(w->verbs, w->verb_count, sizeof(*w->verbs));
    w->verbs[w->verb_count++] = verb;
}

void words_add(struct words *w, const char *name, const char *syntax, const char *summary) {
    struct words_verb verb = {slice_of(name), slice_of(syntax), slice_of(summary), true};
    add_verb(w, verb);
    memmove(w->verbs + w->own_count + 1, w->verbs + w->own_count,
            (w->verb_count - 1 - w->own_count) * sizeof(*w->verbs));
    w->verbs[w->own_count++] = verb;
}

static struct slice without_indent(struct slice s) {
    while (s.len > 0 && *s.data == ' ')
        s = (struct slice){s.data + 1, s.len - 1};
    return s;
}

static struct words_verb verb_of(struct slice line) {
    const char *space = memchr(line.data, ' ', line.len);
    size_t len = space ? (size_t)(space - line.data) : line.len;
    struct slice rest = {line.data + len, line.len - len};
    return (struct words_verb){.name = {line.data, len}, .syntax = without_indent(rest)};
}

static bool is_own_name(const struct words *w, struct slice name) {
    for (size_t i = 0; i < w->own_count; i++)
        if (slice_equal_nocase(w->verbs[i].name, name))
            return true;
    return false;
}

// A verb's line is followed by its summary, indented. The legend behind the verbs begins with an
// empty line.
void words_take_help(struct words *w, struct slice text) {
    struct slice line;
    bool is_last_taken = false;
    w->verb_count = w->own_count;
    bytes_deinit(&w->help);
    bytes_append_slice(&w->help, text);
    for (text = bytes_slice(&w->help); table_next_line(&text, &line) && line.len > 0;) {
        if (*line.data == ' ') {
            if (is_last_taken)
                w->verbs[w->verb_count - 1].summary = without_indent(line);
            continue;
        }
        struct words_verb verb = verb_of(line);
        is_last_taken = !is_own_name(w, verb.name);
        if (is_last_taken)
            add_verb(w, verb);
    }
}

void words_take_namespaces(struct words *w, struct slice text) {
    struct slice line, name, value;
    struct bytes unquoted = {0};
    w->namespace_count = 0;
    bytes_deinit(&w->namespace_lines);
    bytes_append_slice(&w->namespace_lines, text);
    for (text = bytes_slice(&w->namespace_lines); table_next_line(&text, &line);) {
        struct words_namespace n = {{0}, {0}};
        while (table_next_pair(&line, &name, &value, &unquoted)) {
            if (slice_equal(name, SLICE("name")))
                n.name = value;
            else if (slice_equal(name, SLICE("collections")))
                n.collections = value;
        }
        if (n.name.len == 0)
            continue;
        w->namespaces = mem_grow(w->namespaces, w->namespace_count, sizeof(*w->namespaces));
        w->namespaces[w->namespace_count++] = n;
    }
    bytes_deinit(&unquoted);
}

const struct words_verb *words_find(const struct words *w, struct slice name) {
    for (size_t i = 0; i < w->verb_count; i++)
        if (slice_equal_nocase(w->verbs[i].name, name))
            return &w->verbs[i];
    return NULL;
}

// Returns "set" of "dict.set".
static struct slice behind_dot(struct slice name) {
    const char *dot = name.len > 0 ? memchr(name.data, '.', name.len) : NULL;
    if (!dot)
        return (struct slice){0};
    size_t skip = (size_t)(dot - name.data) + 1;
    return (struct slice){name.data + skip, name.len - skip};
}

const struct words_verb *words_guess(const struct words *w, struct slice name) {
    const struct words_verb *nearest = NULL;
    size_t limit = spelling_guess_limit(name) + 1;
    for (size_t i = 0; i < w->verb_count; i++) {
        size_t distance = spelling_distance_below(limit, w->verbs[i].name, name);
        if (distance < limit) {
            limit = distance;
            nearest = &w->verbs[i];
        }
    }
    for (size_t i = 0; i < w->verb_count && !nearest; i++)
        if (name.len > 0 && slice_equal_nocase(behind_dot(w->verbs[i].name), name))
            nearest = &w->verbs[i];
    return nearest;
}

struct slice words_collection(const struct words *w, struct slice verb) {
    const char *dot = verb.len > 0 ? memchr(verb.data, '.', verb.len) : NULL;
    struct slice begin = {verb.data, dot ? (size_t)(dot - verb.data) : 0};
    return words_find(w, begin) ? (struct slice){0} : begin;
}

bool words_allows(const struct words_namespace *n, struct slice collection) {
    struct slice rest = n->collections;
    if (rest.len == 0 || collection.len == 0)
        return true;
    while (rest.len > 0) {
        const char *comma = memchr(rest.data, ',', rest.len);
        size_t len = comma ? (size_t)(comma - rest.data) : rest.len;
        if (slice_equal_nocase((struct slice){rest.data, len}, collection))
            return true;
        len += comma != NULL;
        rest = (struct slice){rest.data + len, rest.len - len};
    }
    return false;
}
