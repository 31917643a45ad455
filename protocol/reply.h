// Reply: writing the Redis 2 reply types (RESP2) that clients read.
#pragma once

#include "bytes.h"

// The codes of PROTOCOL.md, "Errors".
#define REPLY_CODES(X)                                                                             \
    X(PROTOCOL)                                                                                    \
    X(VERB)                                                                                        \
    X(ARGS)                                                                                        \
    X(NAMESPACE)                                                                                   \
    X(POLICY)                                                                                      \
    X(NOAUTH)                                                                                      \
    X(NOPERM)                                                                                      \
    X(WRONGTYPE)                                                                                   \
    X(UNAVAILABLE)                                                                                 \
    X(OVERLOADED)                                                                                  \
    X(TIMEOUT)                                                                                     \
    X(LOST)                                                                                        \
    X(LEASE)                                                                                       \
    X(INTERNAL)

enum reply_code {
#define X(name) REPLY_##name,
    REPLY_CODES(X)
#undef X
        REPLY_CODE_COUNT
};

const char *reply_code_name(enum reply_code code);

void reply_status(struct bytes *out, const char *status);
void reply_integer(struct bytes *out, int64_t value);
void reply_bulk(struct bytes *out, struct slice value);
void reply_nil(struct bytes *out);
void reply_array(struct bytes *out, size_t count);

// "-CODE message". Bytes of the message that would break the line are shown as '?'.
void reply_error(struct bytes *out, enum reply_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// For "%.*s" of a client's own word inside a message: at most 64 bytes of it.
#define REPLY_WORD(slice) (int)((slice).len < 64 ? (slice).len : 64), (slice).data

// Writes a RESP header: '*', '$' or ':', the number, CRLF. Commands use it too.
static inline void reply_header(struct bytes *out, char mark, size_t number) {
    char *to = bytes_reserve(out, 24);
    size_t len = 0;
    to[len++] = mark;
    if (number >= 10) {
        char digits[20];
        size_t count = 0;
        for (; number > 0; number /= 10)
            digits[count++] = (char)('0' + number % 10);
        while (count > 0)
            to[len++] = digits[--count];
    } else {
        to[len++] = (char)('0' + number);
    }
    to[len++] = '\r';
    to[len++] = '\n';
    bytes_grew(out, len);
}
