// Export line: one key, or a part of its collection, as a line of JSON.
#pragma once

#include <stdio.h>

#include "client/reply.h"
#include "protocol/bytes.h"

// How the value of a key is read and written.
enum export_type {
    EXPORT_KEY,
    EXPORT_MEMO,
    EXPORT_DICT,
    EXPORT_COUNTER,
    EXPORT_SET,
    EXPORT_SORTED,
    EXPORT_NONE, // it cannot be read
};

struct export_line {
    struct slice key;
    enum export_type type;
    int64_t pttl; // -1: never expires
    bool is_more; // a further part of a collection
};

const char *export_type_name(enum export_type type);

// Writes the line with its value: a bulk, or an array of fields and values, of members, or of
// members and scores.
void export_line_write(const struct export_line *line, const struct reply *value, FILE *out);
