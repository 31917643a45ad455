// Escape: shows anybody's bytes in a line of the log, so that they can neither end the line, nor
// pass for another part of it, nor be obeyed by a terminal.
#pragma once

#include "protocol/bytes.h"

// Appends the text as it is, but for control characters and what is no UTF-8: each such byte is
// written as \xHH.
void escape_plain(struct bytes *line, struct slice text);

// Appends the text as a string of JSON, with its quotes. A byte that is no UTF-8 is written as the
// four characters \xHH.
void escape_quoted(struct bytes *line, struct slice text);
