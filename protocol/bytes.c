#include "protocol/bytes.h"

#include <stdarg.h>
#include <stdio.h>

#include "protocol/mem.h"

enum { SMALLEST_BUFFER = 256, SHORT_TEXT = 64 };

struct slice slice_of(const char *text) {
    return (struct slice){text, strlen(text)};
}

bool slice_equal_nocase(struct slice a, struct slice b) {
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (slice_lower(a.data[i]) != slice_lower(b.data[i]))
            return false;
    return true;
}

bool slice_begins(struct slice s, struct slice prefix) {
    return s.len >= prefix.len && slice_equal((struct slice){s.data, prefix.len}, prefix);
}

char *bytes_reserve_slow(struct bytes *b, size_t more) {
    size_t cap = b->cap > 0 ? b->cap : SMALLEST_BUFFER;
    while (cap - b->len < more)
        cap *= 2;
    b->data = mem_resize(b->data, cap);
    b->cap = cap;
    return b->data + b->len;
}

// The text is written a second time only when the first try shows that there is too little room.
void bytes_printf(struct bytes *b, const char *format, ...) {
    va_list args;
    char *to = bytes_reserve(b, SHORT_TEXT);
    size_t room = b->cap - b->len;
    va_start(args, format);
    size_t len = (size_t)vsnprintf(to, room, format, args);
    va_end(args);
    if (len >= room) {
        to = bytes_reserve(b, len + 1);
        va_start(args, format);
        vsnprintf(to, len + 1, format, args);
        va_end(args);
    }
    b->len += len;
}

static bool is_plain(struct slice s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.data[i] <= ' ' || s.data[i] >= 0x7f || s.data[i] == '"' || s.data[i] == '\\')
            return false;
    return s.len > 0 && s.data[0] != '$';
}

static void append_escaped(struct bytes *b, char c) {
    switch (c) {
    case '\\':
    case '"': bytes_printf(b, "\\%c", c); break;
    case '\n': bytes_append_literal(b, "\\n"); break;
    case '\r': bytes_append_literal(b, "\\r"); break;
    case '\t': bytes_append_literal(b, "\\t"); break;
    case '\0': bytes_append_literal(b, "\\0"); break;
    default:
        if (c >= ' ' && c < 0x7f)
            bytes_append(b, &c, 1);
        else
            bytes_printf(b, "\\x%02x", (unsigned char)c);
    }
}

void bytes_append_readable(struct bytes *b, struct slice s, size_t limit) {
    bool is_cut = s.len > limit;
    if (is_cut)
        s.len = limit;
    if (is_plain(s)) {
        bytes_append_slice(b, s);
    } else {
        bytes_append_literal(b, "\"");
        for (size_t i = 0; i < s.len; i++)
            append_escaped(b, s.data[i]);
        bytes_append_literal(b, "\"");
    }
    if (is_cut)
        bytes_append_literal(b, "...");
}

void bytes_consume(struct bytes *b, size_t count) {
    b->len -= count;
    if (b->len > 0)
        memmove(b->data, b->data + count, b->len);
}

void bytes_deinit(struct bytes *b) {
    mem_free(b->data);
    *b = (struct bytes){0};
}
