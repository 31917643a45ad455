// The reply is rewritten in place, in one pass: what stays the same is moved in long runs, and not
// at all before the first change. Only pairs make a reply longer; so that the pass never writes
// over what it has not read, such a reply is first moved up by what it may grow.
#include "protocol/redis/resp3.h"

#include "protocol/number.h"
#include "protocol/reply.h"

// Where the scores of a reply are, and what its header becomes.
struct rule {
    char mark;               // of the outermost array
    bool is_halved;          // its count is that of pairs; left alone when the count is odd
    bool has_pairs;          // each two of its elements become an array
    bool is_second;          // of two elements, only the second is a double
    unsigned char double_at; // how deep in arrays doubles are
};

// DEEPEST: every rule looks less deep. Values at that depth and deeper are only counted.
enum { NOWHERE = 255, DEEPEST = 4, LONGEST_COUNT = 10 };

static const struct rule rules[SHAPES] = {
    [SHAPE_SAME] = {.mark = '*', .double_at = NOWHERE},
    [SHAPE_MAP] = {.mark = '%', .double_at = NOWHERE, .is_halved = true},
    [SHAPE_SET] = {.mark = '~', .double_at = NOWHERE},
    [SHAPE_DOUBLE] = {.mark = '*', .double_at = 0},
    [SHAPE_DOUBLES] = {.mark = '*', .double_at = 1},
    [SHAPE_PAIRS] =
        {.mark = '*', .is_halved = true, .has_pairs = true, .double_at = 1, .is_second = true},
    [SHAPE_PAIRS_TEXT] = {.mark = '*', .is_halved = true, .has_pairs = true, .double_at = NOWHERE},
    [SHAPE_PAIR] = {.mark = '*', .double_at = 1, .is_second = true},
    [SHAPE_VERBATIM] = {.mark = '*', .double_at = NOWHERE},
    [SHAPE_MPOP] = {.mark = '*', .double_at = 3, .is_second = true},
    [SHAPE_POSITIONS] = {.mark = '*', .double_at = 2},
    [SHAPE_GEO] = {.mark = '*', .double_at = 3},
};

struct level {
    uint64_t left; // elements that are still to come
    uint32_t index;
};

struct pass {
    const struct rule *rule;
    const char *read, *end;
    const char *kept; // from here to `read` nothing has changed, and nothing is written yet
    char *write;
    bool is_paired;
    unsigned depth; // how many arrays are around the value
    struct level levels[DEEPEST + 1];
};

// --- writing ----------------------------------------------------------------------------------

static void write_kept(struct pass *p, const char *end) {
    size_t len = (size_t)(end - p->kept);
    if (p->write != p->kept)
        memmove(p->write, p->kept, len);
    p->write += len;
    p->kept = end;
}

// Writes `text` in place of what stands from `from` up to `to`.
static void replace(struct pass *p, const char *from, const char *to, struct slice text) {
    write_kept(p, from);
    memcpy(p->write, text.data, text.len);
    p->write += text.len;
    p->kept = to;
}

// --- reading ----------------------------------------------------------------------------------

// A number, as a length or a count is: digits and a line end. Returns what is behind them, or NULL.
static const char *read_count(const char *at, const char *end, uint64_t *count) {
    const char *first = at;
    *count = 0;
    for (; at < end && *at >= '0' && *at <= '9' && at - first < LONGEST_COUNT; at++)
        *count = *count * 10 + (uint64_t)(*at - '0');
    return at > first && end - at >= 2 && at[0] == '\r' && at[1] == '\n' ? at + 2 : NULL;
}

static const char *skip_digits(const char *at, const char *end) {
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

// Whether the text is a double as Redis writes them; number_parse_double() would be slow.
static bool is_double(struct slice text) {
    const char *end = text.data + text.len, *at = text.data;
    if (at < end && *at == '-')
        at++;
    if (slice_equal((struct slice){at, (size_t)(end - at)}, SLICE("inf")))
        return true;
    const char *digits = at;
    at = skip_digits(at, end);
    if (at == digits)
        return false;
    if (at < end && *at == '.')
        at = skip_digits(at + 1, end);
    if (at < end && *at == 'e' && at[-1] != '.') {
        at += at + 1 < end && (at[1] == '-' || at[1] == '+') ? 2 : 1;
        digits = at;
        at = skip_digits(at, end);
        return at == end && at > digits;
    }
    return at == end && at[-1] != '.';
}

// --- values -----------------------------------------------------------------------------------

// Ends a value, and each array of which it was the last element.
static void end_value(struct pass *p) {
    for (; p->depth > 0; p->depth--) {
        p->levels[p->depth].index++;
        if (--p->levels[p->depth].left > 0)
            return;
    }
    p->end = p->read; // the reply is over
}

static void begin_array(struct pass *p, uint64_t count) {
    if (p->depth == DEEPEST)
        p->levels[DEEPEST].left += count;
    if (p->depth == DEEPEST || count == 0)
        end_value(p);
    else
        p->levels[++p->depth] = (struct level){.left = count};
}

// Writes the header of the outermost array, of `count` elements.
static void rewrite_header(struct pass *p, const char *from, uint64_t count) {
    const struct rule *rule = p->rule;
    char header[REPLY_HEADER_SIZE];
    if (rule->is_halved && count % 2 != 0)
        return;
    if (rule->mark == '*' && !rule->is_halved)
        return;
    const char *end = reply_write_header(header, rule->mark, rule->is_halved ? count / 2 : count);
    replace(p, from, p->read, (struct slice){header, (size_t)(end - header)});
    p->is_paired = rule->has_pairs;
}

static bool is_double_here(const struct pass *p) {
    return p->rule->double_at == p->depth &&
           (!p->rule->is_second || p->levels[p->depth].index % 2 == 1);
}

// Reads an array's header or a string, behind its mark at `from`. Returns false when it is neither.
static bool rewrite_counted(struct pass *p, const char *from) {
    uint64_t count;
    if (p->end - from >= 5 && memcmp(from + 1, "-1\r\n", 4) == 0) {
        p->read = from + 5;
        replace(p, from, p->read, SLICE("_\r\n"));
        end_value(p);
        return true;
    }
    const char *body = read_count(from + 1, p->end, &count);
    if (!body)
        return false;
    p->read = body;
    if (*from == '*') {
        if (p->depth == 0)
            rewrite_header(p, from, count);
        begin_array(p, count);
        return true;
    }
    if (count + 2 > (uint64_t)(p->end - body))
        return false;
    if (is_double_here(p) && is_double((struct slice){body, (size_t)count}))
        replace(p, from, body, SLICE(","));
    p->read = body + count + 2;
    end_value(p);
    return true;
}

// Rewrites one value, or the header of an array. Returns false when no value of RESP2 begins there.
static bool rewrite_value(struct pass *p) {
    const char *from = p->read;
    if (p->is_paired && p->depth == 1 && p->levels[1].index % 2 == 0)
        replace(p, from, from, SLICE("*2\r\n"));
    if (*from == '$' || *from == '*')
        return rewrite_counted(p, from);
    const char *newline = memchr(from, '\n', (size_t)(p->end - from));
    if (!newline || newline - from < 2)
        return false;
    p->read = newline + 1;
    end_value(p);
    return true;
}

// --- the reply --------------------------------------------------------------------------------

// Turns a string into text for people: "$3\r\nabc\r\n" into "=7\r\ntxt:abc\r\n".
static void rewrite_verbatim(struct bytes *out, size_t start) {
    static const struct slice kind = {"txt:", 4};
    uint64_t count;
    char header[REPLY_HEADER_SIZE];
    const char *reply = out->data + start, *end = out->data + out->len;
    const char *body = read_count(reply + 1, end, &count);
    if (!body || count + 2 != (uint64_t)(end - body))
        return;
    char *to = reply_write_header(header, '=', count + kind.len);
    size_t len = (size_t)(to - header), old = (size_t)(body - reply);
    bytes_reserve(out, len + kind.len - old);
    char *at = out->data + start;
    memmove(at + len + kind.len, at + old, count + 2);
    memcpy(at, header, len);
    memcpy(at + len, kind.data, kind.len);
    out->len += len + kind.len - old;
}

// How much longer pairs may make the reply: each begins with "*2\r\n", and no value has less than
// three bytes.
static size_t growth(const struct bytes *out, size_t start, enum shape shape) {
    uint64_t count, most = (out->len - start) / 6 + 1;
    const char *header = out->data + start;
    if (!rules[shape].has_pairs || *header != '*' ||
        !read_count(header + 1, out->data + out->len, &count))
        return 0;
    return 4 * (size_t)(count / 2 < most ? count / 2 : most);
}

void resp3_rewrite_slow(struct bytes *out, size_t start, enum shape shape) {
    if (shape == SHAPE_VERBATIM && out->data[start] == '$' && out->data[start + 1] != '-') {
        rewrite_verbatim(out, start);
        return;
    }
    size_t len = out->len - start, up = growth(out, start, shape);
    if (up > 0) {
        bytes_reserve(out, up);
        memmove(out->data + start + up, out->data + start, len);
    }
    char *reply = out->data + start + up;
    struct pass pass = {.rule = &rules[shape],
                        .read = reply,
                        .kept = reply,
                        .end = reply + len,
                        .write = out->data + start};
    while (pass.read < pass.end && rewrite_value(&pass))
        ;
    write_kept(&pass, reply + len);
    out->len = (size_t)(pass.write - out->data);
}
