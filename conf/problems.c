#include "conf/problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "protocol/mem.h"

// --- files ------------------------------------------------------------------------------------

void problems_add_file(struct problems *p, const char *file, int first) {
    p->files = mem_grow(p->files, p->file_count, sizeof(*p->files));
    p->files[p->file_count++] = (struct problem_file){mem_text(file), first};
}

void problems_set_file(struct problems *p, const char *file) {
    if (p->file_count == 0) {
        problems_add_file(p, file, 1);
        return;
    }
    char *copy = mem_text(file); // before the old name is freed: `file` may be that name
    mem_free(p->files[0].name);
    p->files[0].name = copy;
}

static const struct problem_file *file_of(const struct problems *p, int line) {
    size_t low = 0, high = p->file_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (p->files[middle].first <= line)
            low = middle;
        else
            high = middle;
    }
    return &p->files[low];
}

const char *problems_file(const struct problems *p, int line) {
    return p->file_count > 0 ? file_of(p, line)->name : NULL;
}

void problems_append_place(const struct problems *p, int line, int other, struct bytes *out) {
    const struct problem_file *file = file_of(p, other);
    if (file == file_of(p, line))
        bytes_append_literal(out, "line ");
    else
        bytes_printf(out, "%s:", file->name);
    bytes_printf(out, "%d", other - file->first + 1);
}

// --- problems ---------------------------------------------------------------------------------

bool problems_has_error(const struct problems *p, int line) {
    for (size_t i = 0; i < p->count; i++)
        if (p->items[i].line == line && !p->items[i].is_warning)
            return true;
    return false;
}

bool problems_may_show(struct slice value) {
    if (slice_begins(value, SLICE("sha256:")))
        return false;
    for (size_t i = 0; i < value.len; i++)
        if (strchr("@?&", value.data[i]) ||
            (value.data[i] == '/' && i > 0 && value.data[i - 1] == '/'))
            return false;
    return true;
}

static void add(struct problems *p, int line, bool is_warning, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    char *text = mem_new(len > 0 ? (size_t)len + 1 : 1);
    vsnprintf(text, len > 0 ? (size_t)len + 1 : 1, format, again);
    va_end(again);
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f) // a file must not end a line of the log
            *c = '?';
    p->items = mem_grow(p->items, p->count, sizeof(*p->items));
    p->items[p->count] = (struct problem){line, (unsigned)p->count, is_warning, text};
    p->count++;
    p->error_count += !is_warning;
}

void problems_add(struct problems *p, int line, const char *format, ...) {
    va_list args;
    va_start(args, format);
    add(p, line, false, format, args);
    va_end(args);
}

void problems_warn(struct problems *p, int line, const char *format, ...) {
    va_list args;
    va_start(args, format);
    add(p, line, true, format, args);
    va_end(args);
}

// --- messages ---------------------------------------------------------------------------------

static int by_line(const void *left, const void *right) {
    const struct problem *a = left, *b = right;
    return a->line != b->line ? (a->line > b->line) - (a->line < b->line)
                              : (a->number > b->number) - (a->number < b->number);
}

void problems_sort(struct problems *p) {
    if (p->count > 0)
        qsort(p->items, p->count, sizeof(*p->items), by_line);
}

static void append(const struct problems *p, const struct problem *problem, const char *kind,
                   struct bytes *out) {
    const struct problem_file *file = file_of(p, problem->line);
    bytes_append_slice(out, slice_of(file->name));
    if (problem->line > 0)
        bytes_printf(out, ":%d", problem->line - file->first + 1);
    bytes_printf(out, ": %s", kind);
    bytes_append_slice(out, slice_of(problem->text));
}

void problem_append(const struct problems *p, size_t index, struct bytes *out) {
    append(p, &p->items[index], "", out);
}

void problems_append_first(struct problems *p, struct bytes *out) {
    size_t i = 0;
    problems_sort(p);
    while (i < p->count && p->items[i].is_warning)
        i++;
    if (i < p->count)
        problem_append(p, i, out);
}

void problems_append(struct problems *p, struct bytes *out) {
    problems_sort(p);
    for (size_t i = 0; i < p->count; i++) {
        append(p, &p->items[i], p->items[i].is_warning ? "warning: " : "", out);
        bytes_append_literal(out, "\n");
    }
}

void problems_deinit(struct problems *p) {
    for (size_t i = 0; i < p->count; i++)
        mem_free(p->items[i].text);
    for (size_t i = 0; i < p->file_count; i++)
        mem_free(p->files[i].name);
    mem_free(p->items);
    mem_free(p->files);
    *p = (struct problems){0};
}
