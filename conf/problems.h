// Problems: the errors of a configuration, each with its line, and warnings of options that have no
// effect.
//
// Line numbers count on from one file to the next: the first line of the second file has the number
// after that of the last line of the first file. So an int is enough to say where an option stands,
// and struct problems knows the file.
#pragma once

#include "protocol/bytes.h"

struct problem {
    int line;        // 0: not about one line
    unsigned number; // keeps the problems of one line in the order in which they were found
    bool is_warning;
    char *text;
};

struct problems {
    struct problem_file {
        char *name; // as the user named it
        int first;  // the number of its first line
    } * files;      // in the order of their lines; the first is the configuration itself
    size_t file_count;
    struct problem *items;
    size_t count;
    size_t error_count; // how many of them are errors; the others are warnings
};

// Names the configuration itself, whose lines begin with 1.
void problems_set_file(struct problems *p, const char *file);

// Adds another file, whose first line has the number `first`: above those of all files before.
void problems_add_file(struct problems *p, const char *file, int first);

// Returns the name of the file that the line is in; NULL when the file is not known.
const char *problems_file(const struct problems *p, int line);

void problems_add(struct problems *p, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void problems_warn(struct problems *p, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Returns whether an error of that line has been added.
bool problems_has_error(const struct problems *p, int line);

// Returns false for a value that might hold a secret, as a URL or a token does: no message may
// repeat such a value.
bool problems_may_show(struct slice value);

// Appends the words for the line `other` in a message about `line`: "line 4", or "FILE:4" when the
// lines are in different files.
void problems_append_place(const struct problems *p, int line, int other, struct bytes *out);

// Sorts the problems by line.
void problems_sort(struct problems *p);

// Appends "FILE:LINE: message" for the problem at `index`.
void problem_append(const struct problems *p, size_t index, struct bytes *out);

// Appends "FILE:LINE: message" for the first error, in the order of the lines.
void problems_append_first(struct problems *p, struct bytes *out);

// Appends "FILE:LINE: message\n" for each problem, in the order of the lines; the message of a
// warning begins with "warning: ".
void problems_append(struct problems *p, struct bytes *out);
void problems_deinit(struct problems *p);
