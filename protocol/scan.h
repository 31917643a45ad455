// Scan: the steps of an iteration over the keys under a prefix.
#pragma once

#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/command.h"

enum {
    SCAN_USUAL_KEYS = 100, // that one step of a client's scan looks at, without count=
    SCAN_MOST_KEYS = 1000, // and with the largest
    SCAN_MOST_PATTERN = 1024,
};

// Writes SCAN for the keys that are the prefix and a rest that fits the pattern (redis.io/commands/
// scan); `count` is how many keys the step looks at.
void scan_write(struct command *c, struct slice cursor, struct slice prefix, struct slice pattern,
                int64_t count);
// The same for keys of a type: "hash". `type` empty: of any.
void scan_write_typed(struct command *c, struct slice cursor, struct slice prefix,
                      struct slice pattern, int64_t count, struct slice type);

// Returns the server's own part of a cursor, which may name the server before it: HOST:PORT/CURSOR.
struct slice scan_cursor(struct slice cursor);

// For a command whose `limit` is the length of the prefix: the next cursor, and the keys without
// the prefix.
answer_render render_keys;
