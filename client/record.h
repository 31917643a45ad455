// Record: a line of an export, read back into the words of requests.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/export_line.h"
#include "protocol/bytes.h"

struct record {
    struct slice key;
    enum export_type type;
    bool has_pttl;
    int64_t pttl; // above 0; -1: never expires
    bool is_more; // a further part of a collection that a line before has begun
    // The value: one word; fields and values; members; or scores and members, as the verb takes
    // them.
    struct slice *words;
    size_t count;
};

struct record_reader;

struct record_reader *record_reader_new(void);
void record_reader_free(struct record_reader *reader);

// Reads a line. Returns the record, which the reader owns until the next call; or NULL, and sets
// *error to a text that says what is wrong.
const struct record *record_read(struct record_reader *reader, struct slice line,
                                 const char **error) __attribute__((warn_unused_result));
