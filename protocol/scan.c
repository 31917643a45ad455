#include "protocol/scan.h"

#include "protocol/reply.h"

static void append_escaped(struct bytes *pattern, struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        if (strchr("*?[]\\", text.data[i]))
            bytes_append_literal(pattern, "\\");
        bytes_append(pattern, &text.data[i], 1);
    }
}

void scan_write(struct command *c, struct slice cursor, struct slice prefix, struct slice pattern,
                int64_t count) {
    scan_write_typed(c, cursor, prefix, pattern, count, SLICE(""));
}

void scan_write_typed(struct command *c, struct slice cursor, struct slice prefix,
                      struct slice pattern, int64_t count, struct slice type) {
    struct bytes whole = {0};
    append_escaped(&whole, prefix);
    bytes_append_slice(&whole, pattern);
    command_begin(c, SLICE("SCAN"), type.len > 0 ? 8 : 6);
    command_word(c, cursor);
    command_word(c, SLICE("MATCH"));
    command_word(c, bytes_slice(&whole));
    command_word(c, SLICE("COUNT"));
    command_integer(c, count);
    if (type.len > 0) {
        command_word(c, SLICE("TYPE"));
        command_word(c, type);
    }
    bytes_deinit(&whole);
}

struct slice scan_cursor(struct slice cursor) {
    const char *slash = cursor.len == 0 ? NULL : memrchr(cursor.data, '/', cursor.len);
    size_t before = slash ? (size_t)(slash + 1 - cursor.data) : 0;
    return (struct slice){cursor.data + before, cursor.len - before};
}

static void write_key(struct answer *a, const struct event *e) {
    size_t prefix = (size_t)a->limit;
    struct slice rest = {e->text.data + prefix, e->text.len - prefix};
    if (e->rest == 0)
        reply_bulk(a->out, rest);
    else
        answer_bulk(a, a->out, rest, e->rest, SLICE("\r\n"));
}

void render_keys(struct answer *a, const struct event *e) {
    if (e->depth < 2)
        render_scan_step(a, e);
    else if (e->type == EVENT_BULK && e->text.len >= (size_t)a->limit)
        write_key(a, e);
    else
        answer_fail_unknown(a);
}
