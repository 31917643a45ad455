#include "client/table.h"

#include "client/json.h"
#include "protocol/number.h"

enum table_kind table_kind_of(struct slice verb) {
    static const char *const pairs[] = {"namespaces", "settings", "backends",
                                        "clients",    "slowlog",  "hotkeys"};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
        if (slice_equal_nocase(verb, slice_of(pairs[i])))
            return TABLE_PAIRS;
    return slice_equal_nocase(verb, SLICE("stats")) ? TABLE_SECTIONS : TABLE_NONE;
}

bool table_next_line(struct slice *text, struct slice *line) {
    if (text->len == 0)
        return false;
    const char *end = memchr(text->data, '\n', text->len);
    line->data = text->data;
    line->len = end ? (size_t)(end - text->data) : text->len;
    size_t taken = line->len + (end != NULL);
    *text = (struct slice){text->data + taken, text->len - taken};
    return true;
}

static void skip(struct slice *s, size_t count) {
    *s = (struct slice){s->data + count, s->len - count};
}

// Appends the byte that the escape at the beginning of *line stands for, and skips it.
static void read_escape(struct slice *line, struct bytes *to) {
    char letter = line->len > 1 ? line->data[1] : '\\', c = letter;
    size_t len = 2;
    switch (letter) {
    case 'n': c = '\n'; break;
    case 'r': c = '\r'; break;
    case 't': c = '\t'; break;
    case '0': c = '\0'; break;
    case 'x':
        if (line->len > 3)
            c = (char)(number_hex_digit(line->data[2]) << 4 | number_hex_digit(line->data[3]));
        len = 4;
        break;
    }
    bytes_append(to, &c, 1);
    skip(line, len < line->len ? len : line->len);
}

static void read_quoted(struct slice *line, struct bytes *to) {
    skip(line, 1);
    while (line->len > 0 && *line->data != '"') {
        if (*line->data == '\\') {
            read_escape(line, to);
            continue;
        }
        bytes_append(to, line->data, 1);
        skip(line, 1);
    }
    if (line->len > 0)
        skip(line, 1);
}

bool table_next_pair(struct slice *line, struct slice *name, struct slice *value,
                     struct bytes *unquoted) {
    while (line->len > 0 && *line->data == ' ')
        skip(line, 1);
    const char *equals = line->len > 0 ? memchr(line->data, '=', line->len) : NULL;
    if (!equals)
        return false;
    *name = (struct slice){line->data, (size_t)(equals - line->data)};
    skip(line, name->len + 1);
    if (line->len > 0 && *line->data == '"') {
        unquoted->len = 0;
        read_quoted(line, unquoted);
        *value = bytes_slice(unquoted);
        return true;
    }
    const char *end = line->len > 0 ? memchr(line->data, ' ', line->len) : NULL;
    *value = (struct slice){line->data, end ? (size_t)(end - line->data) : line->len};
    skip(line, value->len);
    return true;
}

bool table_heading(struct slice line, struct slice *heading) {
    if (!slice_begins(line, SLICE("# ")))
        return false;
    *heading = (struct slice){line.data + 2, line.len - 2};
    return true;
}

bool table_cut_field(struct slice line, struct slice *name, struct slice *value) {
    const char *colon = line.len > 0 ? memchr(line.data, ':', line.len) : NULL;
    if (!colon)
        return false;
    *name = (struct slice){line.data, (size_t)(colon - line.data)};
    *value = (struct slice){colon + 1, line.len - name->len - 1};
    return true;
}

bool table_is_number(struct slice column, struct slice value) {
    static const char *const texts[] = {"name", "namespace", "key",   "prefix", "backend",
                                        "user", "value",     "token", "addr",   "lib-ver"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        if (slice_equal(column, slice_of(texts[i])))
            return false;
    return json_is_number(value);
}
