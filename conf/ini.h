// Ini: reads a configuration as a run of sections and options, each with its line.
//
//   [kind name]           a section has a line of its own
//   option = value, more  ; a comment stands behind a blank, or has a line of its own (; or #)
//       and more          an indented line goes on with the option above it
//
// The library inih parses the lines. It gives no line numbers, does not report sections without
// options, and cuts a long line, or swallows the next one, depending on its version. So this module
// feeds inih line by line and handles these cases itself: the same bytes mean the same everywhere.
#pragma once

#include "conf/problems.h"
#include "protocol/bytes.h"

enum { INI_LONGEST_LINE = 199 }; // bytes, without the line's end

struct ini_handler {
    void *owner;
    // "[kind name]"; `name` is empty in "[kind]".
    void (*on_section)(void *owner, int line, struct slice kind, struct slice name);
    // `is_more`: the line is indented, and goes on with the option `name` above it.
    void (*on_option)(void *owner, int line, struct slice name, struct slice value, bool is_more);
};

// Reads `text` to its end, and reports lines that are no INI to `problems`. The first line has the
// number `first`. Returns the number of the last line.
int ini_read(struct slice text, int first, const struct ini_handler *handler,
             struct problems *problems);
