#include "conf/ini.h"

#include <assert.h>
#include <ini.h> // inih

struct reader {
    struct slice rest;
    const struct ini_handler *handler;
    struct problems *problems;
    int line;
    struct slice text; // of that line, without blanks around it
    bool is_indented;
    bool is_buffer_full; // the line fills inih's buffer
    bool has_section;
    struct slice option; // the last option of the present section; no data: none
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
    if (!end) // the options below are its own all the same
        problems_add(r->problems, r->line, "a section needs its closing ]");
    size_t len = end ? (size_t)(end - line.data) : line.len, used = len + (end ? 1 : 0);
    struct slice kind = trim((struct slice){line.data + 1, len - 1});
    struct slice rest = trim((struct slice){line.data + used, line.len - used});
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

// Returns whether the line begins with an IPv6 address, as [::1]:6379, which a list may go on with.
static bool begins_with_v6(struct slice line) {
    const char *end = memchr(line.data, ']', line.len);
    return end && memchr(line.data, ':', (size_t)(end - line.data));
}

// Returns the fault of a line that is no comment; NULL when the line is good.
static const char *fault_of(const struct reader *r) {
    bool is_more = r->is_indented && r->option.data;
    if (*r->text.data == '[' && !(is_more && begins_with_v6(r->text)))
        return r->is_indented ? "a [section] must begin in the first column" : NULL;
    if (!is_more && !memchr(r->text.data, '=', r->text.len) &&
        !memchr(r->text.data, ':', r->text.len))
        return "not a section, an option (name = value) or a comment";
    return r->has_section ? NULL : "an option before the first [section]";
}

// Looks at a line before inih does. Returns the part of the line that inih is to read.
static struct slice see_line(struct reader *r, struct slice line) {
    static const struct slice nothing = {"", 0};
    const char *fault = NULL;
    struct slice seen = without_comment(line);
    r->text = trim(seen);
    r->is_indented = line.len > 0 && is_blank(line.data[0]);
    if (memchr(line.data, '\0', line.len))
        fault = "a NUL byte";
    else if (line.len > INI_LONGEST_LINE)
        fault = "longer than 199 bytes: go on over indented lines, or shorten it";
    else if (r->text.len == 0 || *r->text.data == ';' || *r->text.data == '#')
        return nothing;
    else
        fault = fault_of(r);
    if (fault) {
        problems_add(r->problems, r->line, "%s", fault);
        return nothing;
    }
    if (*r->text.data == '[' && !r->is_indented)
        read_section(r, r->text);
    return seen;
}

// Returns the next line of the text, without its end.
static struct slice next_line(struct reader *r) {
    const char *lf = memchr(r->rest.data, '\n', r->rest.len);
    size_t len = lf ? (size_t)(lf - r->rest.data) : r->rest.len, used = len + (lf ? 1 : 0);
    struct slice line = {r->rest.data, len};
    r->rest = (struct slice){r->rest.data + used, r->rest.len - used};
    r->line++;
    if (line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    return line;
}

// Reads a line for inih, as fgets() does. inih never gets a line that it would cut. After a line
// that fills its buffer it gets an empty line: newer versions take that for the rest of the long
// line, and throw it away; for older ones it is just an empty line.
static char *read_line(char *to, int size, void *stream) {
    struct reader *r = stream;
    struct slice line = {"\n", 1};
    if (r->is_buffer_full) {
        r->is_buffer_full = false;
    } else if (r->rest.len == 0) {
        return NULL;
    } else {
        line = see_line(r, next_line(r));
        r->is_buffer_full = line.len + 1 == (size_t)size;
    }
    assert(line.len < (size_t)size);
    memcpy(to, line.data, line.len);
    to[line.len] = '\0';
    return to;
}

// For lines that go on with an option, inih remembers only fifty bytes of the option's name; here
// the whole name is kept.
static int on_option(void *user, const char *section, const char *name, const char *value) {
    struct reader *r = user;
    bool is_more = r->is_indented && r->option.data;
    struct slice own = {r->text.data, strlen(name)};
    (void)section;
    if (!is_more && own.len == 0) {
        problems_add(r->problems, r->line, "an option needs its name: name = value");
        return 1;
    }
    if (!is_more)
        r->option = own;
    r->handler->on_option(r->handler->owner, r->line, r->option, slice_of(value), is_more);
    return 1;
}

int ini_read(struct slice text, int first, const struct ini_handler *handler,
             struct problems *problems) {
    struct reader r = {.rest = text, .handler = handler, .problems = problems, .line = first - 1};
    if (slice_begins(text, SLICE("\xef\xbb\xbf"))) // a byte order mark
        r.rest = (struct slice){text.data + 3, text.len - 3};
    ini_parse_stream(read_line, &r, on_option, &r);
    return r.line;
}
