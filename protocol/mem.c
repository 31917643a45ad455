#include "protocol/mem.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void mem_out(void) {
    static const char message[] = "out of memory: ending\n";
    ssize_t ignored = write(STDERR_FILENO, message, sizeof(message) - 1);
    (void)ignored;
    _exit(EXIT_FAILURE);
}

static void *or_die(void *memory) {
    if (!memory)
        mem_out();
    return memory;
}

void *mem_new(size_t size) { return or_die(calloc(1, size > 0 ? size : 1)); }

void *mem_resize(void *memory, size_t size) { return or_die(realloc(memory, size > 0 ? size : 1)); }

void *mem_grow(void *items, size_t count, size_t item_size) {
    bool is_full = (count & (count - 1)) == 0; // a power of 2, or 0
    return is_full ? mem_resize(items, (count > 0 ? 2 * count : 1) * item_size) : or_die(items);
}

char *mem_text_of(const char *data, size_t len) {
    char *copy = mem_new(len + 1);
    if (len > 0)
        memcpy(copy, data, len);
    return copy;
}

char *mem_text(const char *text) { return mem_text_of(text, strlen(text)); }

void mem_free(void *memory) { free(memory); }
