// Shown: the value of an option as the configuration would write it, without secrets.
#pragma once

#include "conf/schema.h"
#include "protocol/bytes.h"
#include "protocol/verb_table.h"

// Appends the value that the row's option has in its section's struct `target`: nothing for one
// that is empty, and "hidden" for a token. The settings must be whole (fit.h): a url has its seeds
// then, which are not shown a second time. `verbs` may be NULL for an option that names no verbs.
void shown_append_value(struct bytes *out, const struct option_row *row, const void *target,
                        const struct verb_table *verbs);
