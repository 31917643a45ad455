// Paste: what becomes of a text that was pasted into a line.
#pragma once

#include "protocol/bytes.h"

// Makes of a pasted text what a line may hold: ends of lines become LF, tabs a space; other control
// characters go. Empty lines and spaces at the ends of lines go, too, and the last line's end,
// which must not run anything.
void paste_clean(struct bytes *text);

// Appends the pasted text as it has to stand within quotes: it is the same value then, whatever
// lines and quotes it has.
void paste_append_quoted(struct bytes *out, struct slice text);

// Returns how many lines a cleaned text has.
size_t paste_count_lines(struct slice text);
