#include "protocol/refusal.h"

#include <stdarg.h>

static void set(struct refusal *refusal, enum reply_code code, const char *format, va_list args) {
    refusal->code = code;
    refusal->text.len = 0;
    reply_append_line(&refusal->text, format, args);
}

bool refusal_set(struct refusal *refusal, enum reply_code code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    set(refusal, code, format, args);
    va_end(args);
    return false;
}

bool refusal_set_policy(struct refusal *refusal, enum refusal_reason reason, const char *format,
                        ...) {
    va_list args;
    va_start(args, format);
    refusal->reason = reason;
    set(refusal, REPLY_POLICY, format, args);
    va_end(args);
    return false;
}

void refusal_deinit(struct refusal *refusal) { bytes_deinit(&refusal->text); }
