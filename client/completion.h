// Completion: the words that may stand where a line is being typed: verbs, options, their values,
// namespaces. The prompt's Tab and the shells' completion ask the same.
#pragma once

#include "client/words.h"
#include "protocol/bytes.h"

struct candidate {
    struct bytes text;    // the whole word
    struct slice summary; // lives as long as the words; may be empty
    bool is_open;         // more of the word follows at once: "ttl="
};

struct candidates {
    struct candidate *items; // in the daemon's order
    size_t count;
};

// Finds the words that begin with `begin` and may follow the `count` words before it. To be given
// back by candidates_deinit().
void completion_find(const struct words *w, const struct slice *before, size_t count,
                     struct slice begin, struct candidates *found);

void candidates_deinit(struct candidates *c);

// Returns the longest beginning that all candidates share, without regard to case; empty when there
// are none.
struct slice candidates_common(const struct candidates *c);
