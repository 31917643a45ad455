// Refusal: why a request is refused, as data until a dialect writes it (dialect.h).
#pragma once

#include "protocol/bytes.h"
#include "protocol/reply.h"

// Why policy refuses a request.
#define REFUSAL_REASONS(X)                                                                         \
    X(COLLECTION, collection)                                                                      \
    X(VERB, verb)                                                                                  \
    X(READONLY, readonly)                                                                          \
    X(KEY, max_key)                                                                                \
    X(VALUE, max_value)                                                                            \
    X(KIND, value)                                                                                 \
    X(TTL, ttl)

enum refusal_reason {
#define X(name, text) REFUSED_##name,
    REFUSAL_REASONS(X)
#undef X
        REFUSALS
};

// Refusals that have a code in common, and that a dialect tells apart by their texts.
#define REFUSAL_NO_USERS    "no password is set: no [user] is configured, nobody needs to authenticate"
#define REFUSAL_WRONG_TOKEN "wrong user or token"
#define REFUSAL_GUESSES                                                                            \
    "too many wrong tokens for this user from your address: try again in some seconds"
#define REFUSAL_HELLO                                                                              \
    "HELLO must be called with the client already authenticated, otherwise the HELLO <proto> "     \
    "AUTH <user> <pass> option can be used to authenticate the client and select the RESP "        \
    "protocol version at the same time"
#define REFUSAL_CLIENTS "too many clients: " // begins so

// A zeroed refusal is ready for use.
struct refusal {
    enum reply_code code;
    enum refusal_reason reason; // with POLICY
    struct bytes text; // for the client: one line, without the code; its memory is used again
};

// Sets the code and the text, which is cut and shown as reply_append_line() does. Always returns
// false, so that a caller can return the result.
bool refusal_set(struct refusal *refusal, enum reply_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4), cold));

// Sets the code POLICY, the reason and the text; otherwise the same.
bool refusal_set_policy(struct refusal *refusal, enum refusal_reason reason, const char *format,
                        ...) __attribute__((format(printf, 3, 4), cold));

void refusal_deinit(struct refusal *refusal);
