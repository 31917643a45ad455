// Dialect: how refusals are written for a client. How its requests are read is in session->admits.
#pragma once

#include "protocol/bytes.h"
#include "protocol/refusal.h"

struct dialect {
    const char *name;
    // Appends the refusal as a reply.
    void (*write_refusal)(struct bytes *out, const struct refusal *refusal);
    // Appends an error of Redis's, without its '-', as a reply: one that the client's own words
    // have caused (redis_error_is_passed()). NULL: the client never sees Redis's words.
    void (*write_error)(struct bytes *out, struct slice redis_error);
};
