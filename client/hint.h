// Hint: what may follow a line that is being typed, shown dim behind the cursor.
//
//   dict.s                →  et [ttl=] N K F V [F V ...]   stores fields; replies how many are new
//   dict.set carts        →   K F V [F V ...]
//   dict.set carts 7 f v  →   [F V ...]
//   get                   →     did you mean key.get?
#pragma once

#include "client/words.h"
#include "protocol/bytes.h"

// Appends the hint for the line, with a space before it where one is due; nothing when there is
// none.
void hint_append(struct bytes *out, const struct words *w, struct slice line);
