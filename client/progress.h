// Progress: how far a long piece of work has come, as a bar on standard error. Where that is no
// terminal, nothing is shown.
//
//   purge carts [##########--------------------]  33 %  41,000 of 123,000  12,300/s  0:07 left
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "protocol/bytes.h"

struct progress {
    const char *what; // "purge carts"
    uint64_t total;   // 0: not known
    uint64_t done;
    int64_t started_ms, drawn_ms;
    bool is_shown;
};

// Begins to show. `what` must live until the end.
void progress_start(struct progress *p, const char *what, uint64_t total);

// Tells how much is done. Draws at most ten times a second.
void progress_tell(struct progress *p, uint64_t done);

// Wipes the bar away, so that a line may be written: the next progress_tell() shows it again.
void progress_hide(struct progress *p);

// Appends the line that is shown `now_ms`, of at most `columns` columns.
void progress_append(struct bytes *out, const struct progress *p, int64_t now_ms, size_t columns);
