// Manual: what the prompt's `help` shows, for the width of the terminal.
#pragma once

#include "client/words.h"
#include "protocol/bytes.h"

// Appends an overview: own commands, and the names of all verbs by collection.
void manual_append_overview(struct bytes *out, const struct words *w, size_t columns);

// Appends what is known of a verb, or of a collection's verbs. Returns false when there is no such
// name.
bool manual_append_topic(struct bytes *out, const struct words *w, struct slice topic)
    __attribute__((warn_unused_result));
