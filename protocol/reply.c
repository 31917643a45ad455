#include "protocol/reply.h"

#include <stdio.h>

const char *reply_code_name(enum reply_code code) {
    static const char *const names[] = {
#define X(name) #name,
        REPLY_CODES(X) REDIS_CODES(X)
#undef X
    };
    return names[code];
}

void reply_status(struct bytes *out, const char *status) {
    bytes_append_literal(out, "+");
    bytes_append_slice(out, slice_of(status));
    bytes_append_literal(out, "\r\n");
}

void reply_integer(struct bytes *out, int64_t value) {
    char text[NUMBER_TEXT_SIZE];
    size_t len = number_format(text, value);
    bytes_append_literal(out, ":");
    bytes_append(out, text, len);
    bytes_append_literal(out, "\r\n");
}

void reply_nil(struct bytes *out) { bytes_append_literal(out, "$-1\r\n"); }

void reply_append_line(struct bytes *out, const char *format, va_list args) {
    char message[512];
    vsnprintf(message, sizeof(message), format, args);
    for (char *c = message; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    bytes_append_slice(out, slice_of(message));
}

void reply_error(struct bytes *out, enum reply_code code, const char *format, ...) {
    va_list args;
    bytes_printf(out, "-%s ", reply_code_name(code));
    va_start(args, format);
    reply_append_line(out, format, args);
    va_end(args);
    bytes_append_literal(out, "\r\n");
}
