#include "client/columns.h"

#include <wchar.h>

size_t columns_first(struct slice text, size_t *columns) {
    mbstate_t state = {0};
    wchar_t letter;
    size_t len = mbrtowc(&letter, text.data, text.len, &state);
    *columns = 1;
    if (len == 0 || len > text.len)
        return 1;
    int width = wcwidth(letter);
    if (width >= 0)
        *columns = (size_t)width;
    return len;
}

struct slice columns_cut(struct slice text, size_t room) {
    size_t end = 0, columns;
    while (end < text.len) {
        size_t len = columns_first((struct slice){text.data + end, text.len - end}, &columns);
        if (columns > room)
            break;
        room -= columns;
        end += len;
    }
    return (struct slice){text.data, end};
}

size_t columns_of(struct slice text) {
    size_t sum = 0, columns;
    for (size_t at = 0; at < text.len; sum += columns)
        at += columns_first((struct slice){text.data + at, text.len - at}, &columns);
    return sum;
}

static void append_spaces(struct bytes *out, size_t count) {
    while (count-- > 0)
        bytes_append_literal(out, " ");
}

void columns_append_left(struct bytes *out, struct slice text, size_t room) {
    text = columns_cut(text, room);
    bytes_append_slice(out, text);
    append_spaces(out, room - columns_of(text));
}

void columns_append_right(struct bytes *out, struct slice text, size_t room) {
    text = columns_cut(text, room);
    append_spaces(out, room - columns_of(text));
    bytes_append_slice(out, text);
}

static bool is_printable(struct slice letter) {
    mbstate_t state = {0};
    wchar_t c;
    size_t len = mbrtowc(&c, letter.data, letter.len, &state);
    return len > 0 && len <= letter.len && wcwidth(c) >= 0;
}

void columns_append_safe(struct bytes *out, struct slice text) {
    size_t columns;
    for (size_t at = 0; at < text.len;) {
        struct slice rest = {text.data + at, text.len - at};
        rest.len = columns_first(rest, &columns);
        bytes_append_slice(out, is_printable(rest) ? rest : SLICE("?"));
        at += rest.len;
    }
}
