#include "client/listing.h"

#include "client/columns.h"
#include "client/completion.h"
#include "client/draft.h"
#include "protocol/mem.h"

enum { GAP = 2, FEW = 16 };

static size_t widest(const struct slice *names, size_t count) {
    size_t most = 0;
    for (size_t i = 0; i < count; i++) {
        size_t width = columns_of(names[i]);
        most = width > most ? width : most;
    }
    return most;
}

void listing_append_columns(struct bytes *out, const struct slice *names, size_t count,
                            size_t indent, size_t columns) {
    size_t width = widest(names, count) + GAP;
    size_t room = columns > indent + width ? columns - indent : width;
    size_t in_line = room / width, lines = (count + in_line - 1) / in_line;
    for (size_t line = 0; line < lines; line++) {
        columns_append_left(out, SLICE(""), indent);
        for (size_t i = line; i < count; i += lines)
            if (i + lines < count)
                columns_append_left(out, names[i], width);
            else
                bytes_append_slice(out, names[i]);
        bytes_append_literal(out, "\n");
    }
}

// A few are listed with what they do, a line each.
static void append_with_summaries(struct bytes *out, const struct candidates *c,
                                  const struct slice *names, size_t columns) {
    size_t width = widest(names, c->count);
    for (size_t i = 0; i < c->count; i++) {
        struct bytes line = {0};
        columns_append_left(&line, names[i], width + GAP);
        bytes_append_slice(&line, c->items[i].summary);
        struct slice shown = columns_cut(bytes_slice(&line), columns - 1);
        while (shown.len > 0 && shown.data[shown.len - 1] == ' ')
            shown.len--;
        bytes_append_slice(out, shown);
        bytes_append_literal(out, "\n");
        bytes_deinit(&line);
    }
}

static void append_list(struct bytes *out, const struct candidates *c, size_t columns) {
    struct slice *names = mem_new(c->count * sizeof(*names));
    bool has_summaries = false;
    for (size_t i = 0; i < c->count; i++) {
        names[i] = bytes_slice(&c->items[i].text);
        has_summaries = has_summaries || c->items[i].summary.len > 0;
    }
    if (has_summaries && c->count <= FEW)
        append_with_summaries(out, c, names, columns);
    else
        listing_append_columns(out, names, c->count, 0, columns - 1);
    mem_free(names);
}

void listing_complete(const struct words *w, struct slice line, struct bytes *more, size_t columns,
                      struct bytes *list) {
    struct candidates found;
    struct draft d;
    draft_read(&d, line);
    bool is_word = d.last.len == 0 || *d.last.data != '"';
    if (d.count > DRAFT_WORDS || !is_word)
        return;
    completion_find(w, d.words, d.count, d.last, &found);
    struct slice common = candidates_common(&found);
    if (common.len > d.last.len)
        bytes_append(more, common.data + d.last.len, common.len - d.last.len);
    if (found.count == 1 && !found.items[0].is_open)
        bytes_append_literal(more, " ");
    if (found.count > 1 && more->len == 0)
        append_list(list, &found, columns);
    candidates_deinit(&found);
}
