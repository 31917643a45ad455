// Ini: a configuration as a run of sections and options, each with its line.
//
// inih reads; it gives no line numbers, cuts lines after 199 bytes, section names after 49 and
// option names after 49 in silence, and does not speak of sections without options. So this module
// feeds it line by line, and sees to those itself.
#pragma once

#include <stdio.h>

#include "problems.h"

struct ini_handler {
    void *owner;
    // "[kind name]"; `name` is empty in "[kind]".
    void (*on_section)(void *owner, int line, struct slice kind, struct slice name);
    // `is_more`: an indented line that goes on with the option above it.
    void (*on_option)(void *owner, int line, const char *name, const char *value, bool is_more);
};

// Reads `text` to its end and reports what is no INI to `problems`.
void ini_read(struct slice text, const struct ini_handler *handler, struct problems *problems);
