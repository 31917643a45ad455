#include "client/draft.h"

// Returns the end of the word that begins at `at`, and sets `is_quoted` when the line ends within
// it.
static size_t word_end(struct slice line, size_t at, bool *is_quoted) {
    bool is_open = line.data[at] == '"';
    for (at += is_open; at < line.len; at++) {
        char c = line.data[at];
        if (is_open && c == '\\')
            at++;
        else if (is_open && c == '"')
            is_open = false;
        else if (!is_open && c == ' ')
            break;
    }
    *is_quoted = is_open;
    return at < line.len ? at : line.len;
}

void draft_read(struct draft *d, struct slice line) {
    *d = (struct draft){0};
    for (size_t at = 0;;) {
        while (at < line.len && line.data[at] == ' ')
            at++;
        if (at == line.len)
            break;
        size_t end = word_end(line, at, &d->is_quoted);
        struct slice word = {line.data + at, end - at};
        if (end == line.len) {
            d->last = word;
            return;
        }
        if (d->count < DRAFT_WORDS)
            d->words[d->count] = word;
        d->count++;
        at = end;
    }
    d->last = (struct slice){line.data ? line.data + line.len : "", 0};
}
