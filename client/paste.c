#include "client/paste.h"

#include "client/table.h"

static bool is_control(char c) { return (unsigned char)c < ' ' || c == 0x7f; }

static size_t without_spaces(const struct bytes *text, size_t begin, size_t end) {
    while (end > begin && text->data[end - 1] == ' ')
        end--;
    return end;
}

// Both ends of lines may be pasted: terminals send CR for LF.
static bool is_line_end(const struct bytes *text, size_t at) {
    return text->data[at] == '\n' || text->data[at] == '\r';
}

void paste_clean(struct bytes *text) {
    size_t to = 0, line = 0; // where the current line begins
    bool is_first = true;
    for (size_t at = 0; at < text->len; at++) {
        char c = text->data[at] == '\t' ? ' ' : text->data[at];
        if (is_line_end(text, at)) {
            to = without_spaces(text, line, to);
            if (to > line)
                text->data[to++] = '\n';
            line = to;
            is_first = false;
        } else if (!is_control(c) && !(c == ' ' && to == line && !is_first)) {
            text->data[to++] = c;
        }
    }
    if (to == line && to > 0)
        to--;
    text->len = to;
}

void paste_append_quoted(struct bytes *out, struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '"' || c == '\\')
            bytes_printf(out, "\\%c", c);
        else if (c == '\n' || c == '\r')
            bytes_append_literal(out, "\\n");
        else if (c == '\t')
            bytes_append_literal(out, "\\t");
        else if (is_control(c))
            bytes_printf(out, "\\x%02x", (unsigned char)c);
        else
            bytes_append(out, &c, 1);
        if (c == '\r' && i + 1 < text.len && text.data[i + 1] == '\n')
            i++;
    }
}

size_t paste_count_lines(struct slice text) {
    struct slice line;
    size_t count = 0;
    while (table_next_line(&text, &line))
        count++;
    return count;
}
