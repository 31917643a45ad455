// Replies for clients of RESP3: whatever stands in the buffer, nothing is read or written beside
// it; a reply of RESP2 becomes one of RESP3 that holds the same texts in the same order.
//
// Input: one byte chooses the shape ('0' SHAPE_SAME, '1' SHAPE_MAP …), then the reply.
#include "fuzz.h"
#include "protocol/number.h"
#include "protocol/redis/resp3.h"

// One value without those inside it: an array's is its header.
struct value {
    char mark;
    int64_t number; // a length, a count; -1 for nil
    struct slice text;
};

static void skip(struct slice *in, size_t count) {
    *in = (struct slice){in->data + count, in->len - count};
}

static bool take_line(struct slice *in, struct slice *line) {
    const char *newline = memchr(in->data, '\n', in->len);
    if (!newline || newline - in->data < 2 || newline[-1] != '\r')
        return false;
    *line = (struct slice){in->data + 1, (size_t)(newline - in->data) - 2};
    skip(in, (size_t)(newline + 1 - in->data));
    return !memchr(line->data, '\r', line->len);
}

static bool take_text(struct slice *in, struct value *value) {
    if (value->number < 0)
        return value->number == -1 && value->mark == '$';
    if ((uint64_t)value->number + 2 > in->len || memcmp(in->data + value->number, "\r\n", 2) != 0)
        return false;
    value->text = (struct slice){in->data, (size_t)value->number};
    skip(in, (size_t)value->number + 2);
    return true;
}

// Takes a value whose mark is one of `marks` off the front. Returns false when there is none.
static bool take_value(struct slice *in, const char *marks, struct value *value) {
    struct slice line;
    if (in->len == 0 || !*in->data || !strchr(marks, *in->data))
        return false;
    *value = (struct value){.mark = *in->data};
    if (!take_line(in, &line))
        return false;
    value->text = line;
    if (!strchr("$=*%~", value->mark))
        return true;
    if (!number_parse_int(line, &value->number) || value->number > INT32_MAX)
        return false;
    value->text.len = 0;
    if (value->mark == '$' || value->mark == '=')
        return take_text(in, value);
    return value->number >= 0 || (value->number == -1 && value->mark == '*');
}

// How many values follow inside this one.
static uint64_t inside(const struct value *value) {
    if (!strchr("*%~", value->mark) || value->number < 0)
        return 0;
    return (uint64_t)value->number * (value->mark == '%' ? 2 : 1);
}

static const char *const resp2 = "+-:$*", *const resp3 = "+-:$*_,%~=";

static bool is_reply(struct slice in) {
    struct value value;
    uint64_t left = 1;
    for (; left > 0; left += inside(&value) - 1)
        if (!take_value(&in, resp2, &value))
            return false;
    return in.len == 0;
}

// Takes the next value that is no array: the arrays around values may differ.
static bool take_leaf(struct slice *in, const char *marks, uint64_t *left, struct value *value) {
    while (*left > 0) {
        EXPECT(take_value(in, marks, value));
        *left += inside(value) - 1;
        if (!strchr("*%~", value->mark) || value->number < 0)
            return true;
    }
    return false;
}

// As C reads numbers: one that is too large is inf.
static bool is_double(struct slice text) {
    char copy[600], *end;
    EXPECT(text.len > 0 && text.len < sizeof(copy));
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    strtod(copy, &end);
    return end == copy + text.len;
}

static void check_leaf(const struct value *was, const struct value *is) {
    struct slice text = is->text;
    if (was->number < 0) {
        EXPECT(is->mark == '_' && text.len == 0);
        return;
    }
    if (is->mark == '=') {
        EXPECT(slice_begins(text, SLICE("txt:")));
        skip(&text, strlen("txt:"));
    }
    EXPECT(is->mark == was->mark || (was->mark == '$' && strchr(",=", is->mark)));
    EXPECT(is->mark != ',' || is_double(text));
    EXPECT(slice_equal(was->text, text) && is->number >= 0);
}

static void check(struct slice was, struct slice is) {
    struct value old, new;
    uint64_t old_left = 1, new_left = 1;
    while (take_leaf(&was, resp2, &old_left, &old)) {
        EXPECT(take_leaf(&is, resp3, &new_left, &new));
        check_leaf(&old, &new);
    }
    EXPECT(!take_leaf(&is, resp3, &new_left, &new) && is.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size) {
    struct slice reply = {(const char *)input, size};
    enum shape shape = (enum shape)((size_t)(unsigned char)(take_byte(&reply) - '0') % SHAPES);
    struct bytes out = {.data = copy_exactly(reply.data, reply.len)};
    out.len = out.cap = reply.len;
    resp3_rewrite(&out, 0, shape);
    if (is_reply(reply))
        check(reply, bytes_slice(&out));
    bytes_deinit(&out);
    return 0;
}
