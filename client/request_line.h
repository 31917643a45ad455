// Request line: a line that was typed, as the words of a request.
//
// The line is read by the daemon's own parser, so that both agree on quotes and escapes. A block
// (`$5`) is refused: its bytes would have to follow on further lines, which a person does not mean.
#pragma once

#include "protocol/bytes.h"

struct request_line {
    struct bytes text;   // owns the bytes of the words
    struct slice *words; // point into `text`
    size_t count;        // 0: the line is empty
};

// Reads a line without its end. Returns false, and appends to `error` what is wrong with it. To be
// given back by request_line_deinit() in either case.
bool request_line_read(struct request_line *r, struct slice line, struct bytes *error)
    __attribute__((warn_unused_result));

void request_line_deinit(struct request_line *r);
