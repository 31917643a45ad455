// Problems: all that is wrong with a configuration, each with its line.
#pragma once

#include "bytes.h"

struct problem {
    int line; // 0: not about one line
    char *text;
};

struct problems {
    char *file; // as the user named it
    struct problem *items;
    size_t count;
};

void problems_set_file(struct problems *p, const char *file);

void problems_add(struct problems *p, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// By line.
void problems_sort(struct problems *p);

// "FILE:LINE: message" of one of them.
void problem_append(const struct problems *p, size_t index, struct bytes *out);

// "FILE:LINE: message\n" for each, in the order of the lines.
void problems_append(struct problems *p, struct bytes *out);
void problems_deinit(struct problems *p);
