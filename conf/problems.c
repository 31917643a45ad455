#include "problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "mem.h"

void problems_set_file(struct problems *p, const char *file) {
    char *copy = mem_text(file); // before the old one goes: it may be the same
    mem_free(p->file);
    p->file = copy;
}

void problems_add(struct problems *p, int line, const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if ((p->count & (p->count - 1)) == 0) // a power of 2: there is no more room
        p->items = mem_resize(p->items, (p->count > 0 ? 2 * p->count : 1) * sizeof(*p->items));
    p->items[p->count++] = (struct problem){line, mem_text(text)};
}

static int by_line(const void *left, const void *right) {
    const struct problem *a = left, *b = right;
    return (a->line > b->line) - (a->line < b->line);
}

void problems_sort(struct problems *p) {
    if (p->count > 0)
        qsort(p->items, p->count, sizeof(*p->items), by_line);
}

void problem_append(const struct problems *p, size_t index, struct bytes *out) {
    const struct problem *problem = &p->items[index];
    bytes_append_slice(out, slice_of(p->file));
    if (problem->line > 0)
        bytes_printf(out, ":%d", problem->line);
    bytes_append_literal(out, ": ");
    bytes_append_slice(out, slice_of(problem->text));
}

void problems_append(struct problems *p, struct bytes *out) {
    problems_sort(p);
    for (size_t i = 0; i < p->count; i++) {
        problem_append(p, i, out);
        bytes_append_literal(out, "\n");
    }
}

void problems_deinit(struct problems *p) {
    for (size_t i = 0; i < p->count; i++)
        mem_free(p->items[i].text);
    mem_free(p->items);
    mem_free(p->file);
    *p = (struct problems){0};
}
