// CSV form: a reply as lines of comma-separated values (RFC 4180, but for LF at a line's end).
#pragma once

#include <stdio.h>

#include "client/reply.h"
#include "protocol/bytes.h"

// Writes an array as one line, pairs as a line each, and a table (table.h) with a line of its
// columns' names first. Nil is an empty field, an empty string is "".
void csv_form_write(struct slice verb, const struct reply *reply, FILE *out);
