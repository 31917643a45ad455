#include "ini_reader.h"

#include <ini.h> // inih

enum { LONGEST_LINE = INI_MAX_LINE - 1 };

struct reader {
    struct slice rest;
    const struct ini_handler *handler;
    struct problems *problems;
    int line;
    bool is_indented;
    bool has_section;
    bool has_option; // since that section
};

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

static struct slice trim(struct slice s) {
    while (s.len > 0 && is_blank(s.data[0]))
        s = (struct slice){s.data + 1, s.len - 1};
    while (s.len > 0 && is_blank(s.data[s.len - 1]))
        s.len--;
    return s;
}

static void see_section(struct reader *r, struct slice line) {
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
    r->has_option = false;
    r->handler->on_section(r->handler->owner, r->line, kind, name);
}

// Looks at a whole line before inih does. False: it is to be passed over.
static bool see_line(struct reader *r, struct slice line) {
    struct slice text = trim(line);
    if (memchr(line.data, '\0', line.len)) {
        problems_add(r->problems, r->line, "a NUL byte");
        return false;
    }
    if (line.len > LONGEST_LINE) {
        problems_add(r->problems, r->line,
                     "longer than %d bytes: go on over indented lines, or shorten it",
                     LONGEST_LINE);
        return false;
    }
    if (text.len == 0 || *text.data == ';' || *text.data == '#')
        return true;
    r->is_indented = is_blank(line.data[0]);
    if (*text.data == '[' && r->is_indented) {
        problems_add(r->problems, r->line, "a [section] must begin in the first column");
        return false;
    } else if (*text.data == '[') {
        see_section(r, text);
    } else if (!(r->is_indented && r->has_option) && !memchr(text.data, '=', text.len) &&
               !memchr(text.data, ':', text.len)) {
        problems_add(r->problems, r->line, "not a section, an option (name = value) or a comment");
        return false;
    } else if (!r->has_section) {
        problems_add(r->problems, r->line, "an option before the first [section]");
        return false;
    }
    return true;
}

// inih drops a comment behind a space, but not in a line that goes on with an option.
static struct slice without_comment(struct slice line) {
    for (size_t i = 1; i < line.len; i++)
        if (line.data[i] == ';' && is_blank(line.data[i - 1]))
            return (struct slice){line.data, i};
    return line;
}

// inih's reader: as fgets(). It never gets a line that it would cut.
static char *read_line(char *to, int size, void *stream) {
    struct reader *r = stream;
    if (r->rest.len == 0)
        return NULL;
    const char *lf = memchr(r->rest.data, '\n', r->rest.len);
    size_t len = lf ? (size_t)(lf - r->rest.data) : r->rest.len, used = len + (lf ? 1 : 0);
    struct slice line = {r->rest.data, len};
    r->rest = (struct slice){r->rest.data + used, r->rest.len - used};
    r->line++;
    if (line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    if (!see_line(r, line) || (int)line.len >= size)
        line.len = 0;
    line = without_comment(line);
    memcpy(to, line.data, line.len);
    to[line.len] = '\0';
    return to;
}

static int on_option(void *user, const char *section, const char *name, const char *value) {
    struct reader *r = user;
    (void)section;
    r->handler->on_option(r->handler->owner, r->line, name, value, r->is_indented && r->has_option);
    r->has_option = true;
    return 1;
}

void ini_read(struct slice text, const struct ini_handler *handler, struct problems *problems) {
    struct reader r = {.rest = text, .handler = handler, .problems = problems};
    if (slice_begins(text, SLICE("\xef\xbb\xbf"))) // a byte order mark
        r.rest = (struct slice){text.data + 3, text.len - 3};
    ini_parse_stream(read_line, &r, on_option, &r);
}
