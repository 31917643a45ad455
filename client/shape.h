// Shape: which words a verb takes, read from the syntax that the daemon's `help` tells, such as
// "[ttl=] N K F V [F V ...]".
//
// Nothing here knows a verb: a newer daemon may have syntaxes of its own. What is not understood is
// a word like any other.
#pragma once

#include "protocol/bytes.h"

enum { SHAPE_PARTS = 24 };

struct shape_part {
    struct slice text;   // "[ttl=]", "K", "[n]", "V": as it is shown
    struct slice option; // "ttl" of "[ttl=]"; empty: a word
    struct slice values; // "asc|desc" of "[order=asc|desc]"; empty: any
};

struct shape {
    struct shape_part
        parts[SHAPE_PARTS]; // options, then words; those that repeat are not among them
    size_t options;         // how many of the parts are options
    size_t count;
    struct shape_part group[SHAPE_PARTS]; // the words that repeat, "F" and "V"
    size_t group_count;
    struct slice group_text; // "[F V ...]"
};

// Reads a syntax, which must outlive the shape.
void shape_read(struct shape *s, struct slice syntax);

// Returns which option of the shape a word such as "ttl=90s" gives; NULL when it gives none.
const struct shape_part *shape_option(const struct shape *s, struct slice word);

// Returns how many of the words are options: those before the first that is none.
size_t shape_count_options(const struct shape *s, const struct slice *words, size_t count);

// Returns the name of the word at `index` behind the options ("N", "K", …); empty when there is no
// such word.
struct slice shape_name(const struct shape *s, size_t index);
