// Spares: buffers for output that are kept from turn to turn, so that a turn with replies of usual
// size allocates nothing.
#pragma once

#include "protocol/bytes.h"

enum { SPARES_MOST = 1024 };

struct spares {
    struct bytes items[SPARES_MOST];
    size_t count;
    size_t bytes; // memory of all
};

// Returns an empty buffer with memory for a few small replies, or for more. It is given back by
// spares_return(), or freed by bytes_deinit().
struct bytes spares_lend(struct spares *s);

// Takes over a buffer, whose bytes are no longer needed: as a spare, or frees its memory.
void spares_return(struct spares *s, struct bytes *buffer);

// Frees the memory of all.
void spares_deinit(struct spares *s);
