// Watch: `caches watch`, what the daemon does, second by second: a screen of its own until q is
// pressed, or one plain table.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "protocol/bytes.h"

struct connection;

enum { WATCH_INTERVAL_MS = 1000, WATCH_LONGEST_MS = 3600 * 1000 };

struct watch_options {
    const char *namespace; // NULL: all
    int64_t interval_ms;   // between two looks, 1 to WATCH_LONGEST_MS
    bool is_once;          // one plain table; so it is, too, where standard output is no terminal
    bool has_colour;
    // Connects again when the daemon went away, as connection_renew() does, which is used where
    // this is NULL.
    bool (*renew)(void *owner, struct bytes *error);
    void *owner;
};

// Returns the exit code of the process.
int watch_run(struct connection *connection, const struct watch_options *options);
