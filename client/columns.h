// Columns: how much room a text takes on a terminal, where a letter may have one column, two or
// none.
//
// Texts are UTF-8; the process must have set a locale that is (terminal_set_locale()). A byte that
// is no UTF-8, and a control character, count as one column: whoever shows them writes one in their
// place.
#pragma once

#include "protocol/bytes.h"

// Returns how many bytes the first letter of a text that is not empty has, and sets `columns` to
// its width: 0 for a combining one, 2 for a wide one.
size_t columns_first(struct slice text, size_t *columns);

size_t columns_of(struct slice text);

// Returns the longest beginning of the text that takes at most `room` columns.
struct slice columns_cut(struct slice text, size_t room);

// Appends the text in exactly `room` columns: cut, or with spaces behind it.
void columns_append_left(struct bytes *out, struct slice text, size_t room);
// The same with the spaces before it.
void columns_append_right(struct bytes *out, struct slice text, size_t room);

// Appends what a terminal may be sent of a text from elsewhere: control characters and what is no
// UTF-8 as "?".
void columns_append_safe(struct bytes *out, struct slice text);
