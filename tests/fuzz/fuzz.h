// Helpers of the fuzz targets. A target decides a few things by the first bytes of its input, so
// that the corpus can be written by hand: see the head of each fuzz_*.c.
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "protocol/bytes.h"

// What must never be: ends the run, so that the fuzzer keeps the input.
#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: expected: %s\n", __FILE__, __LINE__, #condition);              \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

// A copy in a block of just that size: each step beyond it is seen.
static inline char *copy_exactly(const char *data, size_t len) {
    char *copy = malloc(len > 0 ? len : 1);
    EXPECT(copy);
    if (len > 0)
        memcpy(copy, data, len);
    return copy;
}

// Takes the first byte of the input; 0 when there is none.
static inline unsigned char take_byte(struct slice *input) {
    if (input->len == 0)
        return 0;
    unsigned char byte = (unsigned char)*input->data;
    *input = (struct slice){input->data + 1, input->len - 1};
    return byte;
}

// How the input comes in pieces: each a few bytes, or all but a few at once.
struct pieces {
    unsigned char seed[2];
    unsigned at;
};

static inline struct pieces take_pieces(struct slice *input) {
    struct pieces pieces = {0};
    pieces.seed[0] = take_byte(input);
    pieces.seed[1] = take_byte(input);
    return pieces;
}

// The length of the next piece of `left` bytes: '1' cuts after one byte, '2' after two …, '0' in
// the middle; after eight pieces the rest comes in one.
static inline size_t next_piece(struct pieces *pieces, size_t left) {
    size_t len = (size_t)(pieces->seed[pieces->at % 2] - '0') % 80;
    if (len == 0)
        len = left / 2;
    if (pieces->at++ >= 8 || len == 0 || len > left)
        return left;
    return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// No frames per allocation and a small quarantine: several times as many runs in a second.
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "malloc_context_size=0:quarantine_size_mb=1:max_malloc_fill_size=0"
           ":allocator_release_to_os_interval_ms=-1";
}
