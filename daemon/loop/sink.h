// Sink: writes the log's lines to standard error, and never waits for its reader.
//
// Lines that standard error does not take now are kept, up to a bound. Lines beyond the bound are
// dropped and counted, and the log has the count in their place. All threads share the sink.
#pragma once

#include "protocol/bytes.h"

// Finds out how to write to standard error without waiting. To be called before any thread starts.
void sink_init(void);

// Writes a whole line, or keeps it for later.
void sink_write(struct slice line);

// Writes the kept lines, as far as standard error takes them. To be called once in a while.
void sink_flush(void);
