// Listing: what Tab does to a line: the rest of the word if it is certain, else a list of what
// there is.
#pragma once

#include "client/words.h"
#include "protocol/bytes.h"

// Completes the unfinished word at the end of `line`. Appends to `more` what is to be typed behind
// it; or, when nothing is certain, to `list` the lines to show, each with its end, for so many
// columns. Neither when no word fits.
void listing_complete(const struct words *w, struct slice line, struct bytes *more, size_t columns,
                      struct bytes *list);

// Appends names in columns, as many in a line as fit, each line behind `indent` spaces.
void listing_append_columns(struct bytes *out, const struct slice *names, size_t count,
                            size_t indent, size_t columns);
