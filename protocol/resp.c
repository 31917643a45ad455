#include "protocol/resp.h"

#include "protocol/bytes.h"
#include "protocol/mem.h"
#include "protocol/number.h"

// Redis's commands nest at most three arrays: that of EXEC, that of a scan, and the scan's items. A
// script's reply may nest thousands: there, deeper values count as further elements of the array at
// this depth, since nobody looks at them but to pass them on.
enum { DEEPEST = 8, LONGEST_LINE = 64 * 1024 };

// The stages of a value; each consumes bytes and leads to the next.
enum stage {
    STAGE_LINE, // the first line of the value
    STAGE_HEAD, // the first bytes of a string, with the line end when there are no more
    STAGE_BODY, // the other bytes of a longer string
    STAGE_TAIL, // the line end of a longer string
};

struct level {
    uint32_t count, index; // the elements of an array, and the element now being read
};

struct resp {
    struct resp_handler handler;
    enum stage stage;
    size_t bulk_left;                 // bytes of the string still to come, without its line end
    struct bytes held;                // the beginning of a line or head whose end has not come
    uint32_t depth;                   // how many arrays are around the value
    struct level levels[DEEPEST + 1]; // [depth]: of the array around it
};

struct resp *resp_new(struct resp_handler handler) {
    struct resp *r = mem_new(sizeof(*r));
    r->handler = handler;
    return r;
}

void resp_free(struct resp *r) {
    bytes_deinit(&r->held);
    mem_free(r);
}

// --- values -----------------------------------------------------------------------------------

static void emit(struct resp *r, struct event *e) {
    e->depth = r->depth;
    e->index = r->depth > 0 ? r->levels[r->depth].index : 0;
    r->handler.on_event(r->handler.owner, e);
}

// Ends a complete value, and each array of which the value was the last element.
static const char *end_value(struct resp *r) {
    r->stage = STAGE_LINE;
    for (; r->depth > 0; r->depth--)
        if (++r->levels[r->depth].index < r->levels[r->depth].count)
            return NULL;
    return r->handler.on_reply(r->handler.owner) ? NULL : "unexpected answer";
}

static const char *on_text(struct resp *r, enum event_type type, struct slice text) {
    if (memchr(text.data, '\r', text.len)) // another reply would begin there for some clients
        return "a line end inside a line";
    emit(r, &(struct event){.type = type, .text = text});
    return end_value(r);
}

static const char *on_integer(struct resp *r, struct slice digits) {
    struct event e = {.type = EVENT_INTEGER};
    if (!number_parse_int(digits, &e.integer))
        return "not a number";
    emit(r, &e);
    return end_value(r);
}

static const char *on_nil(struct resp *r, bool is_array) {
    emit(r, &(struct event){.type = EVENT_NIL, .count = is_array});
    return end_value(r);
}

static const char *on_bulk(struct resp *r, struct slice digits) {
    int64_t len;
    if (!number_parse_int(digits, &len) || len < -1)
        return "not a length";
    if (len > RESP_MAX_REPLY)
        return "reply too long";
    if (len < 0)
        return on_nil(r, false);
    r->bulk_left = (size_t)len;
    r->stage = STAGE_HEAD;
    return NULL;
}

static const char *on_array(struct resp *r, struct slice digits) {
    int64_t count;
    if (!number_parse_int(digits, &count) || count < -1)
        return "not a count";
    if (count > INT32_MAX)
        return "array too long";
    if (count < 0)
        return on_nil(r, true);
    struct level *level = &r->levels[r->depth];
    bool is_deepest = r->depth == DEEPEST;
    if (is_deepest && (uint32_t)count >= UINT32_MAX - level->count)
        return "arrays too long";
    emit(r, &(struct event){.type = EVENT_ARRAY, .count = (size_t)count});
    if (is_deepest)
        level->count += (uint32_t)count;
    if (is_deepest || count == 0)
        return end_value(r);
    r->levels[++r->depth] = (struct level){.count = (uint32_t)count};
    return NULL;
}

// --- bytes ------------------------------------------------------------------------------------

static void skip(struct slice *in, size_t count) {
    *in = (struct slice){in->data + count, in->len - count};
}

// Returns how long a line may be, with its mark and end; 0 when no line of RESP2 begins so.
static size_t longest_line(char mark) {
    switch (mark) {
    case '$': return sizeof("$537919488\r\n") - 1;
    case '*': return sizeof("*2147483647\r\n") - 1;
    case ':': return sizeof(":-9223372036854775808\r\n") - 1;
    case '+':
    case '-': return LONGEST_LINE;
    default: return 0;
    }
}

static const char *on_line(struct resp *r, struct slice line) {
    if (line.len < 3 || line.data[line.len - 2] != '\r')
        return "a line that does not end with CRLF";
    struct slice rest = {line.data + 1, line.len - 3};
    switch (line.data[0]) {
    case '$': return on_bulk(r, rest);
    case '*': return on_array(r, rest);
    case ':': return on_integer(r, rest);
    case '-': return on_text(r, EVENT_ERROR, rest);
    default: return on_text(r, EVENT_STATUS, rest);
    }
}

static const char *read_line(struct resp *r, struct slice *in) {
    size_t most = longest_line(r->held.len > 0 ? r->held.data[0] : in->data[0]);
    if (most == 0)
        return "not an answer of RESP2";
    const char *start = in->data, *end = memchr(start, '\n', in->len);
    size_t piece = end ? (size_t)(end + 1 - start) : in->len;
    if (r->held.len + piece > most - !end)
        return "line too long";
    skip(in, piece);
    if (r->held.len == 0 && end)
        return on_line(r, (struct slice){start, piece});
    bytes_append(&r->held, start, piece);
    if (!end)
        return NULL;
    struct slice line = bytes_slice(&r->held);
    r->held.len = 0; // the bytes stay until more are held
    return on_line(r, line);
}

// Returns `count` bytes in one piece; NULL when not all of them have come.
static const char *take(struct resp *r, struct slice *in, size_t count) {
    const char *start = in->data;
    if (r->held.len == 0 && in->len >= count) {
        skip(in, count);
        return start;
    }
    size_t piece = count - r->held.len < in->len ? count - r->held.len : in->len;
    bytes_append(&r->held, start, piece);
    skip(in, piece);
    if (r->held.len < count)
        return NULL;
    r->held.len = 0;
    return r->held.data;
}

static bool is_line_end(const char *at) { return at[0] == '\r' && at[1] == '\n'; }

#define NO_END "a string that does not end with CRLF"

static const char *read_head(struct resp *r, struct slice *in) {
    bool is_whole = r->bulk_left <= RESP_WHOLE;
    size_t len = is_whole ? r->bulk_left : RESP_WHOLE;
    const char *head = take(r, in, is_whole ? len + 2 : len);
    if (!head)
        return NULL;
    if (is_whole && !is_line_end(head + len))
        return NO_END;
    r->bulk_left -= len;
    emit(r, &(struct event){.type = EVENT_BULK, .text = {head, len}, .rest = r->bulk_left});
    if (is_whole)
        return end_value(r);
    r->stage = STAGE_BODY;
    return NULL;
}

// Reads, in one step instead of by stages, a string that has come as a whole and is at most
// RESP_WHOLE long, as most are. Returns NULL, and takes nothing, for any other value.
static const char *take_bulk(struct slice *in, size_t *len) {
    const char *at = in->data + 1, *end = in->data + in->len;
    size_t sum = 0;
    for (; at < end && *at >= '0' && *at <= '9' && sum <= RESP_WHOLE; at++)
        sum = sum * 10 + (size_t)(*at - '0');
    bool is_number = at > in->data + 1 && (in->data[1] != '0' || at == in->data + 2);
    if (!is_number || sum > RESP_WHOLE || (size_t)(end - at) < sum + 4 || !is_line_end(at) ||
        !is_line_end(at + 2 + sum))
        return NULL;
    *in = (struct slice){at + sum + 4, (size_t)(end - at) - sum - 4};
    *len = sum;
    return at + 2;
}

static const char *read_value(struct resp *r, struct slice *in) {
    struct event e = {.type = EVENT_BULK};
    if (*in->data != '$' || r->held.len > 0 || !(e.text.data = take_bulk(in, &e.text.len)))
        return read_line(r, in);
    emit(r, &e);
    return end_value(r);
}

static const char *read_body(struct resp *r, struct slice *in) {
    struct slice piece = {in->data, r->bulk_left < in->len ? r->bulk_left : in->len};
    r->bulk_left -= piece.len;
    if (r->bulk_left == 0)
        r->stage = STAGE_TAIL;
    emit(r, &(struct event){.type = EVENT_MORE, .text = piece, .rest = r->bulk_left});
    skip(in, piece.len);
    return NULL;
}

static const char *read_tail(struct resp *r, struct slice *in) {
    const char *end = take(r, in, 2);
    if (!end)
        return NULL;
    return is_line_end(end) ? end_value(r) : NO_END;
}

const char *resp_feed(struct resp *r, const char *data, size_t len) {
    struct slice in = {data, len};
    const char *error = NULL;
    while (in.len > 0 && !error) {
        switch (r->stage) {
        case STAGE_LINE: error = read_value(r, &in); break;
        case STAGE_HEAD: error = read_head(r, &in); break;
        case STAGE_BODY: error = read_body(r, &in); break;
        case STAGE_TAIL: error = read_tail(r, &in); break;
        }
    }
    return error;
}
