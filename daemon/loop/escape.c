#include "daemon/loop/escape.h"

#include <unistr.h>

// Characters that end a line, or that some terminals obey: those of ASCII and of U+0080 to U+009F,
// and the two separators of Unicode.
static bool is_control(ucs4_t c) {
    return c < ' ' || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029;
}

// Returns the number of bytes of the first character, *c; 0 when it is no UTF-8.
static size_t read_character(struct slice text, size_t at, ucs4_t *c) {
    int size = u8_mbtoucr(c, (const uint8_t *)text.data + at, text.len - at);
    return size > 0 ? (size_t)size : 0;
}

void escape_plain(struct bytes *line, struct slice text) {
    ucs4_t c;
    for (size_t at = 0; at < text.len;) {
        size_t size = read_character(text, at, &c), end = at + (size > 0 ? size : 1);
        if (size > 0 && !is_control(c))
            bytes_append(line, text.data + at, size);
        else
            for (size_t i = at; i < end; i++)
                bytes_printf(line, "\\x%02x", (unsigned char)text.data[i]);
        at = end;
    }
}

void escape_quoted(struct bytes *line, struct slice text) {
    ucs4_t c;
    bytes_append_literal(line, "\"");
    for (size_t at = 0; at < text.len;) {
        size_t size = read_character(text, at, &c);
        if (size == 0)
            bytes_printf(line, "\\\\x%02x", (unsigned char)text.data[at]);
        else if (c == '"' || c == '\\')
            bytes_printf(line, "\\%c", (char)c);
        else if (is_control(c))
            bytes_printf(line, "\\u%04x", (unsigned)c);
        else
            bytes_append(line, text.data + at, size);
        at += size > 0 ? size : 1;
    }
    bytes_append_literal(line, "\"");
}
