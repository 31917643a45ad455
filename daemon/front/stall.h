// Stall: for how long a client has read none of its output.
#pragma once

#include <stdint.h>

struct stream;

// Zeroed, it is of a client that reads.
struct stall {
    uint64_t since_ms; // in the loop's time, by the looks; 0: it reads, or has nothing to read
    uint64_t taken;    // bytes that the kernel had taken at the last look
};

// Looks at the stream, as is to be done once in a while. Returns for how long its peer has read
// nothing, though there was something. Output that stands there for the first time does not count:
// it may be of this turn of the loop, and not have been sent.
uint64_t stall_look(struct stall *s, const struct stream *stream, uint64_t now_ms);
