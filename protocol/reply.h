// Reply: writes the reply types of Redis 2 (RESP2) that clients read.
#pragma once

#include <stdarg.h>

#include "protocol/bytes.h"
#include "protocol/number.h"

// The codes of PROTOCOL.md, "Errors".
#define REPLY_CODES(X)                                                                             \
    X(PROTOCOL)                                                                                    \
    X(NOPROTO)                                                                                     \
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

// The codes that only the dialect of Redis has, beside those.
#define REDIS_CODES(X)                                                                             \
    X(CROSSSLOT)                                                                                   \
    X(EXECABORT)                                                                                   \
    X(NOSCRIPT)

enum reply_code {
#define X(name) REPLY_##name,
    REPLY_CODES(X) REDIS_CODES(X)
#undef X
        REPLY_CODE_COUNT
};

const char *reply_code_name(enum reply_code code);

void reply_status(struct bytes *out, const char *status);
void reply_integer(struct bytes *out, int64_t value);
void reply_nil(struct bytes *out);

// Appends "-CODE message". Bytes of the message that would break the line are shown as '?'.
void reply_error(struct bytes *out, enum reply_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Appends a message of at most 511 bytes. Bytes that would break the line are shown as '?'.
void reply_append_line(struct bytes *out, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

// The arguments for "%.*s" that show at most 64 bytes of a client's own word in a message.
#define REPLY_WORD(slice) (int)((slice).len < 64 ? (slice).len : 64), (slice).data

enum { REPLY_HEADER_SIZE = 24 }; // the longest that reply_write_header() writes

// Writes a RESP header to `to`: '*' or '$', the number, CRLF. Returns its end.
static inline char *reply_write_header(char *to, char mark, size_t number) {
    *to++ = mark;
    if (number < 10) // most numbers
        *to++ = (char)('0' + number);
    else
        to = number_write(to, number);
    memcpy(to, "\r\n", 2);
    return to + 2;
}

// Commands to a backend are written with the functions below, too.
static inline void reply_array(struct bytes *out, size_t count) {
    char *to = bytes_reserve(out, REPLY_HEADER_SIZE);
    bytes_grew(out, (size_t)(reply_write_header(to, '*', count) - to));
}

// Appends a bulk string of `a` and, after it, `b`.
static inline void reply_bulk_of(struct bytes *out, struct slice a, struct slice b) {
    char *start = bytes_reserve(out, REPLY_HEADER_SIZE + a.len + b.len + 2), *to;
    to = reply_write_header(start, '$', a.len + b.len);
    if (a.len > 0)
        memcpy(to, a.data, a.len);
    if (b.len > 0)
        memcpy(to + a.len, b.data, b.len);
    to += a.len + b.len;
    memcpy(to, "\r\n", 2);
    bytes_grew(out, (size_t)(to + 2 - start));
}

// Appends a bulk string. Always inlined, because each value of a reply and each word of a command
// is one.
static inline __attribute__((always_inline)) void reply_bulk(struct bytes *out,
                                                             struct slice value) {
    char *start = bytes_reserve(out, REPLY_HEADER_SIZE + value.len + 2), *to;
    to = reply_write_header(start, '$', value.len);
    if (value.len > 0)
        memcpy(to, value.data, value.len);
    memcpy(to + value.len, "\r\n", 2);
    bytes_grew(out, (size_t)(to + value.len + 2 - start));
}
