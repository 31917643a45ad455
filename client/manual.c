#include "client/manual.h"

#include "client/columns.h"
#include "client/listing.h"
#include "protocol/mem.h"

enum { INDENT = 12 };

static const char letters[] = "N namespace, K key, F field, V value, M member, n a whole number; "
                              "[x] may be left out, ... repeats";

static void append_verb(struct bytes *out, const struct words_verb *verb) {
    bytes_append_slice(out, verb->name);
    if (verb->syntax.len > 0)
        bytes_append_literal(out, " ");
    bytes_append_slice(out, verb->syntax);
    bytes_append_literal(out, "\n    ");
    bytes_append_slice(out, verb->summary);
    bytes_append_literal(out, "\n");
}

// Returns the index behind the last verb from `first` on that is of the same collection.
static size_t group_end(const struct words *w, size_t first) {
    struct slice collection = words_collection(w, w->verbs[first].name);
    size_t end = first + 1;
    while (end < w->verb_count && !w->verbs[end].is_own &&
           slice_equal(words_collection(w, w->verbs[end].name), collection))
        end++;
    return end;
}

// Appends "dict        dict.get    dict.set", over as many lines as that takes.
static void append_group(struct bytes *out, const struct words *w, size_t first, size_t end,
                         size_t columns) {
    struct slice *names = mem_new((end - first) * sizeof(*names));
    struct slice collection = words_collection(w, w->verbs[first].name);
    size_t begin = out->len;
    for (size_t i = first; i < end; i++)
        names[i - first] = w->verbs[i].name;
    listing_append_columns(out, names, end - first, INDENT, columns);
    // The heading stands in the room that the first line leaves before its names.
    size_t len = collection.len < INDENT ? collection.len : INDENT - 1;
    memcpy(out->data + begin, collection.data, len);
    mem_free(names);
}

void manual_append_overview(struct bytes *out, const struct words *w, size_t columns) {
    for (size_t i = w->own_count; i < w->verb_count; i = group_end(w, i))
        append_group(out, w, i, group_end(w, i), columns);
    bytes_append_literal(out, "\nHere, and not at the daemon:\n");
    for (size_t i = 0; i < w->own_count; i++) {
        struct bytes line = {0};
        bytes_append_slice(&line, w->verbs[i].name);
        bytes_append_slice(&line, w->verbs[i].syntax.len > 0 ? SLICE(" ") : SLICE(""));
        bytes_append_slice(&line, w->verbs[i].syntax);
        columns_append_left(out, bytes_slice(&line), INDENT + 4);
        bytes_append_slice(out, w->verbs[i].summary);
        bytes_append_literal(out, "\n");
        bytes_deinit(&line);
    }
    bytes_printf(
        out,
        "\n%s.\nhelp dict, help dict.set: what they do; explain dict.set ...: what that very "
        "request would do.\nTab completes, Ctrl-R searches what was typed, Ctrl-D ends.\n",
        letters);
}

bool manual_append_topic(struct bytes *out, const struct words *w, struct slice topic) {
    const struct words_verb *verb = words_find(w, topic);
    size_t before = out->len;
    if (verb)
        append_verb(out, verb);
    for (size_t i = w->own_count; i < w->verb_count && !verb; i++)
        if (slice_equal_nocase(words_collection(w, w->verbs[i].name), topic))
            append_verb(out, &w->verbs[i]);
    if (out->len == before)
        return false;
    bytes_printf(out, "\n%s\n", letters);
    return true;
}
