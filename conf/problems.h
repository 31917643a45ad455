// Problems: all that is wrong with a configuration, each with its line; and warnings of what is
// right and has no effect.
//
// Line numbers count on from one file to the next: the first line of the second file has the number
// behind the last one of the first. So an int is enough to say where an option stands, and
// problems know which file that is.
#pragma once

#include "protocol/bytes.h"

struct problem {
    int line;        // 0: not about one line
    unsigned number; // those of one line stay in the order in which they were found
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
    size_t error_count; // of these; the others are warnings
};

// Names the configuration itself, whose lines begin with 1.
void problems_set_file(struct problems *p, const char *file);

// Another file, whose first line has that number: above those of all files before.
void problems_add_file(struct problems *p, const char *file, int first);

// The file that the line is in; NULL: none is known.
const char *problems_file(const struct problems *p, int line);

void problems_add(struct problems *p, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void problems_warn(struct problems *p, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// False for a value that might hold a secret, as a URL or a token does: no message repeats it.
bool problems_may_show(struct slice value);

// Appends the words for another line, as a message about `line` says them: "line 4", or
// "FILE:4" where that is in another file.
void problems_append_place(const struct problems *p, int line, int other, struct bytes *out);

// By line.
void problems_sort(struct problems *p);

// "FILE:LINE: message" of one of them.
void problem_append(const struct problems *p, size_t index, struct bytes *out);

// "FILE:LINE: message" of the first that is no warning, in the order of the lines.
void problems_append_first(struct problems *p, struct bytes *out);

// "FILE:LINE: message\n" for each, in the order of the lines; "warning: " before that of a warning.
void problems_append(struct problems *p, struct bytes *out);
void problems_deinit(struct problems *p);
