// Form: how replies are written for people and for programs.
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "client/form_kind.h"
#include "client/reply.h"
#include "protocol/bytes.h"

struct form {
    enum form_kind kind;
    bool has_no_line_end; // nothing behind a reply that is one bulk string
    bool is_quiet;        // errors only
    bool has_colour;      // the stream is a terminal that may show colours
    bool is_terminal;     // what it could obey is escaped in CSV, too
};

// Writes the reply to the verb, and a line end. An error reply is written as "CODE message", to
// whatever stream is given.
void form_write(const struct form *form, struct slice verb, const struct reply *reply, FILE *out);
