#include "client/bench/replies.h"

#include <string.h>

#include "client/reply.h"
#include "protocol/bytes.h"

// 1 when the reply at hand is whole with the element that ended just now.
static int end_element(struct replies *r) {
    r->type = 0;
    return --r->awaited == 0;
}

// Returns the code of the error at hand.
static struct slice code_of(const struct replies *r) {
    const char *space = memchr(r->code, ' ', r->code_len);
    return (struct slice){r->code, space ? (size_t)(space - r->code) : r->code_len};
}

static int end_header(struct replies *r, struct replies_seen *seen) {
    bool is_nil = (r->type == '$' || r->type == '*') && r->is_negative;
    seen->nils += is_nil;
    if (r->type == '-') {
        seen->errors++;
        seen->unsure += reply_code_is_unsure(code_of(r));
        r->code_len = 0;
        seen->has_first_error = true;
        seen->first_error[strcspn(seen->first_error, "\r")] = '\0';
    }
    if (r->type == '$' && !is_nil) {
        r->skip = (uint64_t)r->number + 2;
        return 0;
    }
    if (r->type == '*')
        r->awaited += (uint64_t)(is_nil ? 0 : r->number);
    return end_element(r);
}

static void keep_error(struct replies_seen *seen, const char *text, size_t len) {
    size_t used = strlen(seen->first_error), room = sizeof seen->first_error - 1 - used;
    if (!seen->has_first_error)
        memcpy(seen->first_error + used, text, len < room ? len : room);
}

static void keep_code(struct replies *r, const char *text, size_t len) {
    size_t room = sizeof r->code - r->code_len, more = len < room ? len : room;
    memcpy(r->code + r->code_len, text, more);
    r->code_len += (uint8_t)more;
}

// Reads on in a header. Returns where it stopped: behind the LF, at the end, or NULL for garbage.
static const char *read_header(struct replies *r, const char *p, const char *end,
                               struct replies_seen *seen, int64_t *whole) {
    if (r->type == '$' || r->type == '*') {
        for (; p < end && *p != '\n'; p++) {
            if (*p >= '0' && *p <= '9')
                r->number = r->number * 10 + (*p - '0');
            else if (*p == '-')
                r->is_negative = true;
            else if (*p != '\r')
                return NULL;
        }
    } else {
        const char *lf = memchr(p, '\n', (size_t)(end - p));
        const char *stop = lf ? lf : end;
        if (r->type == '-') {
            keep_error(seen, p, (size_t)(stop - p));
            keep_code(r, p, (size_t)(stop - p));
        }
        p = stop;
    }
    if (p == end)
        return p;
    *whole += end_header(r, seen);
    return p + 1;
}

static bool begin_element(struct replies *r, char type) {
    r->type = type;
    r->number = 0;
    r->is_negative = false;
    if (r->awaited == 0)
        r->awaited = 1;
    return type == '$' || type == '+' || type == ':' || type == '*' || type == '-';
}

int64_t replies_scan(struct replies *r, const char *data, size_t len, struct replies_seen *seen) {
    const char *p = data, *end = data + len;
    int64_t whole = 0;
    while (p < end) {
        if (r->skip > 0) {
            uint64_t n = (uint64_t)(end - p) < r->skip ? (uint64_t)(end - p) : r->skip;
            p += n;
            r->skip -= n;
            if (r->skip == 0)
                whole += end_element(r);
        } else if (r->type == 0) {
            if (!begin_element(r, *p++))
                return -1;
        } else {
            p = read_header(r, p, end, seen, &whole);
            if (!p)
                return -1;
        }
    }
    return whole;
}
