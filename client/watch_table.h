// Watch table: two readings as the lines that `caches watch` shows. Nothing here knows a terminal
// but its width.
#pragma once

#include "client/reading.h"
#include "protocol/bytes.h"

enum watch_column {
    WATCH_NAME,
    WATCH_REQUESTS,
    WATCH_HIT_SHARE,
    WATCH_NEAR_SHARE,
    WATCH_WRITES,
    WATCH_ERRORS,
    WATCH_MEDIAN,
    WATCH_SLOWEST,
    WATCH_IN,
    WATCH_OUT,
    WATCH_COLUMNS,
};

struct watch_order {
    enum watch_column column;
    bool is_reversed; // numbers: smallest first; names: from the end
};

enum watch_style { WATCH_STYLE_PLAIN, WATCH_STYLE_HEAD, WATCH_STYLE_ALARM };

struct watch_lines {
    struct bytes text; // the lines, each with its LF
    enum watch_style *styles;
    size_t count;
};

void watch_lines_deinit(struct watch_lines *lines);

// Returns which column a key sorts by; WATCH_COLUMNS: none.
enum watch_column watch_column_of_key(char key);

// Appends what the daemon and its backends do. `before` was taken earlier than `now`.
void watch_append_daemon(struct watch_lines *out, const struct reading *before,
                         const struct reading *now);

// Appends a line for each namespace, behind a heading.
void watch_append_namespaces(struct watch_lines *out, const struct reading *before,
                             const struct reading *now, struct watch_order order);

// Appends each counter of the one namespace in `now`, with how fast it grows.
void watch_append_counters(struct watch_lines *out, const struct reading *before,
                           const struct reading *now);
