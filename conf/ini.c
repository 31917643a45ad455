#include "ini_reader.h"

struct reader {
    const struct ini_handler *handler;
    struct problems *problems;
    int line;
    bool has_section;
    struct slice option; // the last one since that section; no data: none
};

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

static struct slice trim(struct slice s) {
    while (s.len > 0 && is_blank(s.data[0]))
        s = (struct slice){s.data + 1, s.len - 1};
    while (s.len > 0 && is_blank(s.data[s.len - 1]))
        s.len--;
    return s;
}

static struct slice without_comment(struct slice line) {
    for (size_t i = 1; i < line.len; i++)
        if (line.data[i] == ';' && is_blank(line.data[i - 1]))
            return (struct slice){line.data, i};
    return line;
}

static void read_section(struct reader *r, struct slice line) {
    const char *end = memchr(line.data, ']', line.len);
    if (!end) {
        problems_add(r->problems, r->line, "a section needs its closing ]");
        return;
    }
    struct slice kind = trim((struct slice){line.data + 1, (size_t)(end - line.data - 1)});
    struct slice rest = trim((struct slice){end + 1, line.len - (size_t)(end + 1 - line.data)});
    if (rest.len > 0 && *rest.data != ';' && *rest.data != '#')
        problems_add(r->problems, r->line, "a [section] needs a line of its own");
    struct slice name = {0};
    for (size_t i = 0; i < kind.len; i++) {
        if (is_blank(kind.data[i])) {
            name = trim((struct slice){kind.data + i, kind.len - i});
            kind.len = i;
        }
    }
    r->has_section = true;
    r->option = (struct slice){0};
    r->handler->on_section(r->handler->owner, r->line, kind, name);
}

// "name = value" or "name: value".
static void read_option(struct reader *r, struct slice line) {
    size_t mark = 0;
    while (mark < line.len && line.data[mark] != '=' && line.data[mark] != ':')
        mark++;
    if (mark == line.len) {
        problems_add(r->problems, r->line, "not a section, an option (name = value) or a comment");
        return;
    }
    struct slice name = trim((struct slice){line.data, mark});
    struct slice value = trim((struct slice){line.data + mark + 1, line.len - mark - 1});
    if (!r->has_section) {
        problems_add(r->problems, r->line, "an option before the first [section]");
    } else if (name.len == 0) {
        problems_add(r->problems, r->line, "an option needs its name: name = value");
    } else {
        r->option = name;
        r->handler->on_option(r->handler->owner, r->line, name, value, false);
    }
}

static void read_line(struct reader *r, struct slice line) {
    struct slice text = trim(without_comment(line));
    bool is_indented = line.len > 0 && is_blank(line.data[0]);
    if (memchr(line.data, '\0', line.len))
        problems_add(r->problems, r->line, "a NUL byte");
    else if (line.len > INI_LONGEST_LINE)
        problems_add(r->problems, r->line,
                     "longer than %d bytes: go on over indented lines, or shorten it",
                     INI_LONGEST_LINE);
    else if (text.len == 0 || *text.data == ';' || *text.data == '#')
        return;
    else if (*text.data == '[' && is_indented)
        problems_add(r->problems, r->line, "a [section] must begin in the first column");
    else if (*text.data == '[')
        read_section(r, text);
    else if (is_indented && r->option.data)
        r->handler->on_option(r->handler->owner, r->line, r->option, text, true);
    else
        read_option(r, text);
}

int ini_read(struct slice text, int first, const struct ini_handler *handler,
             struct problems *problems) {
    struct reader r = {.handler = handler, .problems = problems, .line = first - 1};
    if (slice_begins(text, SLICE("\xef\xbb\xbf"))) // a byte order mark
        text = (struct slice){text.data + 3, text.len - 3};
    while (text.len > 0) {
        const char *lf = memchr(text.data, '\n', text.len);
        size_t len = lf ? (size_t)(lf - text.data) : text.len, used = len + (lf ? 1 : 0);
        struct slice line = {text.data, len};
        text = (struct slice){text.data + used, text.len - used};
        r.line++;
        if (line.len > 0 && line.data[line.len - 1] == '\r')
            line.len--;
        read_line(&r, line);
    }
    return r.line;
}
