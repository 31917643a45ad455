// Draft: a line that a person is still typing, cut into words as far as it goes.
//
// The line is one of the protocol's line form (PROTOCOL.md), which may end within a word or within
// quotes. Words are slices of the line as they were typed, with their quotes and escapes: hints and
// completion look at verbs, options and namespaces, which need none. A line that is to be run is
// read by request_line.h.
#pragma once

#include "protocol/bytes.h"

enum { DRAFT_WORDS = 64 };

struct draft {
    struct slice
        words[DRAFT_WORDS]; // those behind which a space was typed; further ones are counted only
    size_t count;
    struct slice last; // the unfinished word; empty behind a space
    bool is_quoted;    // the line ends within quotes
};

void draft_read(struct draft *d, struct slice line);
