// Line input: standard input, a line at a time, for whoever has something else to do while none
// comes.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "protocol/bytes.h"

// Returns whether standard input has something to read, or its end, within that time.
bool line_input_is_ready(int timeout_ms);

// Zeroed, it has read nothing.
struct line_input {
    struct bytes in;
    size_t at;      // where the next line begins
    size_t scanned; // up to here, no line ends behind `at`
    bool is_ended;
    int error; // an errno; 0: none
};

enum line_input_result {
    LINE_READ,  // *line is the next one
    LINE_LATER, // none is there yet
    LINE_END    // none will come: the end, `error`, or Ctrl-C (interrupt.h)
};

// Reads the next line, with its end, which only the last may lack. It lives until the next call.
// Waits for it where that is wanted.
enum line_input_result line_input_next(struct line_input *input, bool waits, struct slice *line);

void line_input_deinit(struct line_input *input);
