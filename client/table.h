// Table: the replies of the daemon that are lines of name=value pairs, or of name:value under
// "# heading" lines, read into names and values.
#pragma once

#include "protocol/bytes.h"

enum table_kind {
    TABLE_NONE,
    TABLE_LINE,     // a single line of name=value pairs
    TABLE_PAIRS,    // a line of name=value pairs for each thing
    TABLE_SECTIONS, // lines of name:value, under headings
};

// Returns which kind of reply the verb has, in any case of its letters.
enum table_kind table_kind_of(struct slice verb);

// Cuts the next line off *text. Returns false when none is left.
bool table_next_line(struct slice *text, struct slice *line);

// Cuts the next name=value pair off *line. A quoted value is put into *unquoted without its quotes
// and escapes. Returns false when none is left, or the line is no such line.
bool table_next_pair(struct slice *line, struct slice *name, struct slice *value,
                     struct bytes *unquoted);

// Returns whether the line is a heading, and puts the heading's text into *heading.
bool table_heading(struct slice line, struct slice *heading);

// Cuts a line name:value in two. Returns false for any other line.
bool table_cut_field(struct slice line, struct slice *name, struct slice *value);

// Returns whether the column's value is a decimal number, as JSON has them. A column of names or
// keys holds none, whatever they look like.
bool table_is_number(struct slice column, struct slice value);
