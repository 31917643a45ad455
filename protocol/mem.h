// Memory that is always there: these never return NULL.
//
// The memory that a client may make the daemon keep is bounded by the settings and refused with
// OVERLOADED long before memory ends. If the system gives none all the same, no reply could be kept
// right any more, so the process says so and ends; a supervisor starts it afresh.
#pragma once

#include <stddef.h>

void *mem_new(size_t size) __attribute__((malloc, returns_nonnull));          // zeroed
void *mem_resize(void *memory, size_t size) __attribute__((returns_nonnull)); // as realloc
// Makes room for one more item behind `count` of them, for arrays that grow only through this: the
// room doubles, so that many items cost a time that is proportional to their number.
void *mem_grow(void *items, size_t count, size_t item_size) __attribute__((returns_nonnull));
char *mem_text(const char *text) __attribute__((malloc, returns_nonnull)); // a copy
char *mem_text_of(const char *data, size_t len) __attribute__((malloc, returns_nonnull));
void mem_free(void *memory);

// The struct that embeds `member` at `pointer`.
#define CONTAINER_OF(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

// For libraries that return NULL when there is no memory.
void mem_out(void) __attribute__((noreturn));
