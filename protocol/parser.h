// Parser: turns the bytes of a connection into requests, each a list of words (PROTOCOL.md,
// "Requests").
//
//   start ──'*'──► array length ──► item length ⇄ item data ──► request
//     └──────────► line ─────────► block data … ─────────────► request
//
// The parser can stop at any byte and go on when more have come. It keeps offsets from the
// request's first byte, never pointers, so the caller may move the bytes in between. Quoted words
// are unescaped in place. The only memory that it allocates is the list of words.
#pragma once

#include "protocol/bytes.h"

enum {
    PARSER_MAX_LINE = 64 * 1024,
    PARSER_MAX_WORDS = 65535,
};

enum parser_result {
    PARSER_MORE,    // the request is not complete: call again with its first byte and more
    PARSER_REQUEST, // parser_words() gives the words; `consumed` bytes belong to the request
    PARSER_NOTHING, // an empty line or array: skip `consumed` bytes
    PARSER_ERROR,   // the stream can't be read any further; `error` says why
};

enum parser_state {
    PARSER_START,
    PARSER_LINE,
    PARSER_BLOCK,
    PARSER_ARRAY_LENGTH,
    PARSER_ITEM_LENGTH,
    PARSER_ITEM,
};

struct parser_word {
    uint32_t offset; // from the request's first byte
    uint32_t len;
    bool is_block; // line form: the word's bytes follow the line, `offset` is not known yet
};

struct parser {
    size_t max_request; // in bytes, all included; the owner may change it between requests
    enum parser_state state;
    size_t pos; // offset of the next byte to look at, from the request's first byte
    struct parser_word *words;
    uint32_t count; // words seen
    uint32_t cap;
    uint32_t next;      // the word whose block or item comes next
    uint32_t announced; // array form: the number of items by its header
    size_t consumed;    // set with PARSER_REQUEST and PARSER_NOTHING
    const char *error;  // set with PARSER_ERROR: a sentence without its end
};

#define PARSER_TOO_LONG "request longer than max_request"

void parser_init(struct parser *p, size_t max_request);
void parser_deinit(struct parser *p);

// Parses `data`, which begins with the first byte of the unfinished request and holds all bytes of
// it that have come so far, perhaps with later requests after them. Unescapes words in `data`.
enum parser_result parser_next(struct parser *p, char *data, size_t len)
    __attribute__((warn_unused_result));

// After PARSER_REQUEST: fills `words` (room for p->count) with slices into `data`. Returns how many
// bytes the words have.
static inline size_t parser_words(const struct parser *p, const char *data, struct slice *words) {
    size_t size = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        words[i] = (struct slice){data + p->words[i].offset, p->words[i].len};
        size += words[i].len;
    }
    return size;
}

// Returns how many bytes the unfinished request needs in all; 0 when that is not known yet.
size_t parser_needs(const struct parser *p);
