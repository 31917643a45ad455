// Mem: functions for memory that never return NULL.
//
// The settings bound the memory that a client can make the daemon keep, and requests are refused
// with OVERLOADED long before memory ends. If the system gives no memory all the same, correct
// replies could not be guaranteed any more: so the process says so and ends, and a supervisor
// starts it afresh.
#pragma once

#include <stddef.h>

void *mem_new(size_t size) __attribute__((malloc, returns_nonnull));          // zeroed
void *mem_resize(void *memory, size_t size) __attribute__((returns_nonnull)); // as realloc
// Makes room for one more item after `count` items, in arrays that grow only through this function.
// The room doubles, so that the time for many items is proportional to their number.
void *mem_grow(void *items, size_t count, size_t item_size) __attribute__((returns_nonnull));
char *mem_text(const char *text) __attribute__((malloc, returns_nonnull)); // a copy
char *mem_text_of(const char *data, size_t len) __attribute__((malloc, returns_nonnull));
void mem_free(void *memory);

// Returns the struct that embeds `member` at `pointer`.
#define CONTAINER_OF(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

// Ends the process for want of memory. For code that calls libraries which return NULL then.
void mem_out(void) __attribute__((noreturn));
