#include "protocol/parser.h"

#include "protocol/mem.h"
#include "protocol/number.h"

enum {
    FEW_WORDS = 16,
    MAX_DIGITS = 10, // of a length: more digits than any allowed length has
};

// Browsers can be made to send these methods to any port (cross-protocol scripting): RFC 9110,
// section 9, RFC 5789 (PATCH), RFC 9113 (PRI).
static const char *const http_methods[] = {"GET",   "HEAD",    "POST",    "PUT", "DELETE",
                                           "TRACE", "OPTIONS", "CONNECT", "PRI", "PATCH"};

void parser_init(struct parser *p, size_t max_request) {
    *p = (struct parser){.max_request = max_request};
}

void parser_deinit(struct parser *p) {
    mem_free(p->words);
    *p = (struct parser){.max_request = p->max_request};
}

static enum parser_result fail(struct parser *p, const char *error) {
    p->error = error;
    return PARSER_ERROR;
}

static enum parser_result finish(struct parser *p, enum parser_result result) {
    p->consumed = p->pos;
    p->state = PARSER_START;
    return result;
}

static void grow(struct parser *p) {
    p->cap = p->cap > 0 ? p->cap * 2 : FEW_WORDS;
    p->words = mem_resize(p->words, p->cap * sizeof(*p->words));
}

static bool add_word(struct parser *p, struct parser_word word) {
    if (p->count == PARSER_MAX_WORDS)
        return false;
    if (p->count == p->cap)
        grow(p);
    p->words[p->count++] = word;
    return true;
}

// Reads a whole decimal number of at most MAX_DIGITS digits between `at` and `end`.
static bool read_length(const char *at, const char *end, size_t *length) {
    if (at == end || end - at > MAX_DIGITS)
        return false;
    *length = 0;
    for (; at < end; at++) {
        if (*at < '0' || *at > '9')
            return false;
        *length = *length * 10 + (size_t)(*at - '0');
    }
    return true;
}

// Reads the escape after a backslash at `*at` and moves past it. Returns -1 when there is no
// escape.
static int read_escape(const char **at, const char *end) {
    if (*at == end)
        return -1;
    switch (*(*at)++) {
    case '\\': return '\\';
    case '"': return '"';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case '0': return '\0';
    case 'x': {
        if (end - *at < 2)
            return -1;
        int high = number_hex_digit((*at)[0]), low = number_hex_digit((*at)[1]);
        *at += 2;
        return high < 0 || low < 0 ? -1 : high << 4 | low;
    }
    default: return -1;
    }
}

// Unescapes the quoted word that begins after the quote at `*at`, in place: the result is never
// longer than its source. Moves `*at` behind the closing quote.
static const char *read_quoted(const char **at, const char *end, char *to, size_t *len) {
    char *start = to;
    while (*at < end && **at != '"') {
        if (**at != '\\') {
            *to++ = *(*at)++;
            continue;
        }
        (*at)++;
        int c = read_escape(at, end);
        if (c < 0)
            return "bad escape in a quoted word: use \\\\ \\\" \\n \\r \\t \\0 or \\xHH";
        *to++ = (char)c;
    }
    if (*at == end)
        return "unbalanced quote";
    (*at)++;
    if (*at < end && **at != ' ')
        return "a space must follow a closing quote";
    *len = (size_t)(to - start);
    return NULL;
}

#define EACH_BYTE(value) (UINT64_MAX / 255 * (value))
#define HAS_BELOW(x, n)  (((x)-EACH_BYTE(n)) & ~(x)&EACH_BYTE(0x80))

// Skips bytes that are surely part of a bare word, eight at a time. Some byte of x is below n
// (n <= 128) exactly when HAS_BELOW() is not 0 (Anderson, "Bit Twiddling Hacks", haszero and
// hasless); a byte of x is equal to n when the same byte of x ^ EACH_BYTE(n) is 0.
static const char *skip_plain(const char *at, const char *end) {
    uint64_t x;
    for (; end - at >= (ptrdiff_t)sizeof(x); at += sizeof(x)) {
        memcpy(&x, at, sizeof(x));
        if (HAS_BELOW(x, ' ' + 1) | HAS_BELOW(x ^ EACH_BYTE('"'), 1) |
            HAS_BELOW(x ^ EACH_BYTE(0x7f), 1))
            break;
    }
    return at;
}

static const char *read_bare(const char **at, const char *end) {
    for (*at = skip_plain(*at, end); *at < end && **at != ' '; (*at)++) {
        unsigned char c = (unsigned char)**at;
        if (c < ' ' || c == 0x7f)
            return "control byte in a bare word: quote it, as \\xHH";
        if (c == '"')
            return "quote inside a bare word";
    }
    return NULL;
}

// Reads one word at `*at` and moves past it. Returns NULL, or a text that says why the word is bad.
static const char *read_word(struct parser *p, char *data, const char **at, const char *end) {
    struct parser_word word = {.offset = (uint32_t)(*at - data)};
    const char *start = *at, *error;
    size_t len;
    if (**at == '"') {
        (*at)++;
        word.offset++;
        error = read_quoted(at, end, data + word.offset, &len);
    } else {
        error = read_bare(at, end);
        len = (size_t)(*at - start);
        if (!error && *start == '$') {
            word.is_block = true;
            if (!read_length(start + 1, *at, &len))
                error = "a word may begin with $ only to announce a block, as $5: quote it";
            else if (len > p->max_request)
                error = PARSER_TOO_LONG;
        }
    }
    word.len = (uint32_t)len;
    if (!error && !add_word(p, word))
        error = "more than 65535 words";
    return error;
}

enum http_word { HTTP_NONE, HTTP_METHOD, HTTP_HEADER };

// Tells whether a line's first word is an HTTP method or a header's "Name:". Neither has a dot, as
// most verbs do: at a dot the search ends.
static enum http_word http_word_of(struct slice word) {
    for (const char *c = word.data; c < word.data + word.len; c++) {
        if (*c == ':')
            return c > word.data ? HTTP_HEADER : HTTP_NONE;
        if (!((*c | 0x20) >= 'a' && (*c | 0x20) <= 'z') && !(*c >= '0' && *c <= '9') && *c != '-')
            return HTTP_NONE;
    }
    for (size_t i = 0; i < sizeof(http_methods) / sizeof(*http_methods); i++)
        if (slice_equal_nocase(word, slice_of(http_methods[i])))
            return HTTP_METHOD;
    return HTTP_NONE;
}

// Returns whether a line with such a first word is one of HTTP: a header, or a method with a path
// after it or "HTTP/1.1" at the end. A person who types `get foo` should be told of key.get
// instead.
static bool is_http(struct slice line, struct slice first) {
    static const char version[] = "HTTP/";
    enum http_word kind = http_word_of(first);
    const char *at = first.data + first.len, *end = line.data + line.len;
    if (kind != HTTP_METHOD)
        return kind == HTTP_HEADER;
    while (at < end && *at == ' ')
        at++;
    if (at < end && *at == '/')
        return true;
    while (end > at && end[-1] == ' ')
        end--;
    for (line.data = end; line.data > at && line.data[-1] != ' ';)
        line.data--;
    line.len = (size_t)(end - line.data);
    return line.len > strlen(version) &&
           slice_equal_nocase((struct slice){line.data, strlen(version)}, slice_of(version));
}

// Reads a line that has come as a whole: `len` bytes without its end.
static const char *read_line(struct parser *p, char *data, size_t len) {
    const char *at = data, *end = data + len, *error = NULL;
    p->count = 0;
    while (!error) {
        while (at < end && *at == ' ')
            at++;
        if (at == end)
            return NULL;
        bool is_bare = *at != '"' && *at != '$';
        error = read_word(p, data, &at, end);
        if (!error && p->count == 1 && is_bare &&
            is_http((struct slice){data, len},
                    (struct slice){data + p->words[0].offset, p->words[0].len}))
            error = "this is not an HTTP server";
    }
    return error;
}

static enum parser_result parse_line(struct parser *p, char *data, size_t len) {
    size_t look = len < PARSER_MAX_LINE + 2 ? len : PARSER_MAX_LINE + 2;
    char *lf = p->pos < look ? memchr(data + p->pos, '\n', look - p->pos) : NULL;
    if (!lf) {
        p->pos = look;
        return look == PARSER_MAX_LINE + 2 ? fail(p, "line longer than 64 KiB") : PARSER_MORE;
    }
    size_t line = (size_t)(lf - data);
    p->pos = line + 1;
    if (line > 0 && data[line - 1] == '\r')
        line--;
    if (line > PARSER_MAX_LINE)
        return fail(p, "line longer than 64 KiB");
    const char *error = read_line(p, data, line);
    if (error)
        return fail(p, error);
    p->next = 0;
    p->state = PARSER_BLOCK;
    return p->count == 0 ? finish(p, PARSER_NOTHING) : PARSER_REQUEST;
}

// The blocks follow in the order of their words.
static enum parser_result parse_blocks(struct parser *p, const char *data, size_t len) {
    for (; p->next < p->count; p->next++) {
        struct parser_word *word = &p->words[p->next];
        if (!word->is_block)
            continue;
        size_t end = p->pos + word->len;
        if (end > p->max_request)
            return fail(p, PARSER_TOO_LONG);
        if (end >= len)
            return PARSER_MORE;
        bool has_cr = data[end] == '\r';
        if (end + has_cr >= len)
            return PARSER_MORE;
        if (data[end + has_cr] != '\n')
            return fail(p, "a block must end with a line end after the announced bytes");
        word->offset = (uint32_t)p->pos;
        p->pos = end + has_cr + 1;
    }
    return p->pos > p->max_request ? fail(p, PARSER_TOO_LONG) : PARSER_REQUEST;
}

// Reads the header that begins with `mark` at p->pos and moves past it. Returns PARSER_REQUEST when
// the header was read.
static enum parser_result parse_header(struct parser *p, const char *data, size_t len, char mark,
                                       size_t *number) {
    const char *at = data + p->pos, *end = data + len;
    if (at == end)
        return PARSER_MORE;
    if (*at != mark)
        return fail(p, "expected $ and the length of an array's next item");
    const char *first = ++at;
    *number = 0;
    while (at < end && *at >= '0' && *at <= '9' && at - first < MAX_DIGITS)
        *number = *number * 10 + (size_t)(*at++ - '0');
    if (at == end)
        return PARSER_MORE;
    if (at == first || (*at != '\r' && *at != '\n'))
        return fail(p, mark == '*' ? "bad array length" : "bad length of an array's item");
    if (*at == '\r' && at + 1 == end)
        return PARSER_MORE;
    if (*at != '\r' || at[1] != '\n')
        return fail(p, "array header without its CRLF");
    p->pos = (size_t)(at + 2 - data);
    return PARSER_REQUEST;
}

static enum parser_result parse_array_length(struct parser *p, const char *data, size_t len) {
    size_t number;
    enum parser_result result = parse_header(p, data, len, '*', &number);
    if (result != PARSER_REQUEST)
        return result;
    if (number > PARSER_MAX_WORDS)
        return fail(p, "more than 65535 words");
    p->count = 0;
    p->announced = (uint32_t)number;
    p->state = PARSER_ITEM_LENGTH;
    return number == 0 ? finish(p, PARSER_NOTHING) : PARSER_REQUEST;
}

static enum parser_result parse_items(struct parser *p, const char *data, size_t len) {
    while (p->state == PARSER_ITEM || p->count < p->announced) {
        if (p->state == PARSER_ITEM_LENGTH) {
            size_t length;
            enum parser_result result = parse_header(p, data, len, '$', &length);
            if (result != PARSER_REQUEST)
                return result;
            if (p->pos + length + 2 > p->max_request)
                return fail(p, PARSER_TOO_LONG);
            add_word(p, (struct parser_word){(uint32_t)p->pos, (uint32_t)length, false});
            p->state = PARSER_ITEM;
        }
        size_t end = p->pos + p->words[p->count - 1].len;
        if (end + 2 > len)
            return PARSER_MORE;
        if (data[end] != '\r' || data[end + 1] != '\n')
            return fail(p, "an array's item must end with CRLF after the announced bytes");
        p->pos = end + 2;
        p->state = PARSER_ITEM_LENGTH;
    }
    return PARSER_REQUEST;
}

static inline bool is_crlf(const char *at) { return memcmp(at, "\r\n", 2) == 0; }

// Reads "MARKdigits CRLF" at `at`. Returns the end of the header; NULL when the bytes are something
// else, or cut off.
static inline const char *read_header(const char *at, const char *end, char mark, size_t *number) {
    if (end - at < 4 || *at != mark)
        return NULL;
    *number = (size_t)(at[1] - '0');
    if (*number <= 9 && is_crlf(at + 2)) // one digit, as in most headers
        return at + 4;
    const char *first = ++at, *last = end - at > MAX_DIGITS + 2 ? at + MAX_DIGITS : end - 2;
    for (*number = 0; at < last && *at >= '0' && *at <= '9'; at++)
        *number = *number * 10 + (size_t)(*at - '0');
    return at > first && is_crlf(at) ? at + 2 : NULL;
}

// Reads a short array that came as a whole, as most requests do, in one pass. Returns false, and
// changes nothing, for any other request: the states then parse it.
static bool take_whole_array(struct parser *p, const char *data, size_t len) {
    size_t count, length, limit = len < p->max_request ? len : p->max_request;
    const char *end = data + limit, *at = read_header(data, end, '*', &count);
    if (!at || count == 0 || count > FEW_WORDS)
        return false;
    if (p->cap == 0)
        grow(p);
    for (struct parser_word *word = p->words; word < p->words + count; word++) {
        at = read_header(at, end, '$', &length);
        if (!at || (size_t)(end - at) < length + 2 || !is_crlf(at + length))
            return false;
        *word = (struct parser_word){(uint32_t)(at - data), (uint32_t)length, false};
        at += length + 2;
    }
    p->count = (uint32_t)count;
    p->consumed = (size_t)(at - data);
    return true;
}

static enum parser_result step(struct parser *p, char *data, size_t len) {
    enum parser_result result = PARSER_REQUEST;
    if (p->state == PARSER_LINE)
        result = parse_line(p, data, len);
    if (p->state == PARSER_BLOCK && result == PARSER_REQUEST)
        result = parse_blocks(p, data, len);
    if (p->state == PARSER_ARRAY_LENGTH)
        result = parse_array_length(p, data, len);
    if (p->state >= PARSER_ITEM_LENGTH && result == PARSER_REQUEST)
        result = parse_items(p, data, len);
    return result == PARSER_REQUEST ? finish(p, result) : result;
}

enum parser_result parser_next(struct parser *p, char *data, size_t len) {
    if (p->state == PARSER_START) {
        if (len == 0)
            return PARSER_MORE;
        if (*data == '*' && take_whole_array(p, data, len))
            return PARSER_REQUEST;
        p->pos = 0;
        p->state = *data == '*' ? PARSER_ARRAY_LENGTH : PARSER_LINE;
    }
    return step(p, data, len);
}

size_t parser_needs(const struct parser *p) {
    if (p->state == PARSER_BLOCK)
        return p->pos + p->words[p->next].len + 1;
    return p->state == PARSER_ITEM ? p->pos + p->words[p->count - 1].len + 2 : 0;
}
