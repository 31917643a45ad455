// Bytes: a borrowed run of bytes (slice) and a growing buffer of bytes (bytes).
//
// Neither is NUL-terminated. A slice is valid as long as the memory that it points into.
// A buffer owns its memory; every append may move it, so keep offsets, not pointers.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *data;
    size_t len;
};

#define SLICE(literal) ((struct slice){"" literal, sizeof(literal) - 1})

struct bytes {
    char *data; // NULL until the first append
    size_t len;
    size_t cap;
};

struct slice slice_of(const char *text);

// Returns the smaller of two numbers of bytes.
static inline size_t bytes_smaller(size_t a, size_t b) { return a < b ? a : b; }

static inline bool slice_equal(struct slice a, struct slice b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

// Returns an ASCII letter in lower case, any other byte unchanged.
static inline char slice_lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c; }

// Compares ASCII letters without regard to their case.
bool slice_equal_nocase(struct slice a, struct slice b);
bool slice_begins(struct slice s, struct slice prefix);

// Makes room for `more` bytes after the end, and returns a pointer to that room. bytes_grew() then
// adds the bytes that were really written there to the buffer.
char *bytes_reserve_slow(struct bytes *b, size_t more);

// One byte more than is asked for must be free, so that a single comparison tells an empty buffer,
// which has no memory, from one with room for nothing.
static inline char *bytes_reserve(struct bytes *b, size_t more) {
    return b->cap - b->len > more ? b->data + b->len : bytes_reserve_slow(b, more);
}

static inline void bytes_grew(struct bytes *b, size_t by) { b->len += by; }

static inline void bytes_append(struct bytes *b, const void *data, size_t len) {
    char *to = bytes_reserve(b, len);
    if (len > 0)
        memcpy(to, data, len);
    b->len += len;
}

static inline void bytes_append_slice(struct bytes *b, struct slice s) {
    bytes_append(b, s.data, s.len);
}

#define bytes_append_literal(b, literal) bytes_append((b), "" literal, sizeof(literal) - 1)

void bytes_printf(struct bytes *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Appends `s` so that a person can read it in a log or a table: unchanged when it holds only
// printable ASCII without quotes or spaces, otherwise quoted and escaped as in a request line.
// At most `limit` bytes of `s` are shown, then "...".
void bytes_append_readable(struct bytes *b, struct slice s, size_t limit);

// Drops the first `count` bytes.
void bytes_consume(struct bytes *b, size_t count);

static inline struct slice bytes_slice(const struct bytes *b) {
    return (struct slice){b->data, b->len};
}

// Gives the memory back; the buffer is empty and usable again.
void bytes_deinit(struct bytes *b);

enum { BYTES_KEEP = 512 };

// Empties the buffer. Only the memory of a small buffer is kept for the next use.
static inline void bytes_empty(struct bytes *b) {
    b->len = 0;
    if (b->cap > BYTES_KEEP)
        bytes_deinit(b);
}
