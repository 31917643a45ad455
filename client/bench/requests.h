// Requests: one kind of request, made many times over with different keys.
//
// The bytes of `depth` requests stand ready; to make a batch only the digits of its keys are
// written anew.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    REQUESTS_KEY_DIGITS = 8,
};

struct requests_options {
    const char *const *words; // "{key}" in one stands for a key's digits, "{value}" for the value;
    int word_count;           // a word ";" stands between the commands of one request
    bool is_line_form;        // else arrays, which Redis understands, too
    size_t value_bytes;
    uint64_t keys;      // how many different ones
    bool is_sequential; // 0, 1, 2, ..., else random ones
    uint64_t seed;
    unsigned depth; // the most requests of a batch
};

struct requests {
    char *batches; // each has `depth` requests of `len` bytes
    size_t len, batch_len;
    size_t *key_at; // where in a request its keys stand
    unsigned key_count;
    unsigned commands; // of a request: so many replies it gets
    uint64_t keys;
    uint64_t state; // of the generator of random keys, or the next key
    bool is_sequential;
};

// Makes room for some batches: at most `batches_most`, and no more than `bytes_most` have room for,
// but one at least. Returns how many these are.
size_t requests_init(struct requests *r, const struct requests_options *o, size_t batches_most,
                     size_t bytes_most);
void requests_deinit(struct requests *r);

// Returns the bytes of `count` further requests, `count * r->len` of them, as the batch `at`, from
// 0 on. They stay until the next call for the same batch.
char *requests_batch(struct requests *r, size_t at, unsigned count);
