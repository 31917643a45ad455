// Sink: where the log's lines go: standard error, never waiting for who reads it.
//
// Lines that it does not take now are kept, up to a bound; what does not fit is counted, and the
// count stands in their place. Shared by all threads of the process.
#pragma once

#include "protocol/bytes.h"

// Finds out how to write to standard error without waiting. To be called before any thread starts.
void sink_init(void);

// Writes a whole line, or keeps it for later.
void sink_write(struct slice line);

// Writes what is kept, as far as there is room; to be called once in a while.
void sink_flush(void);
