// Syntax: how a verb's row writes what the verb takes: "[ttl=] N K F V [F V ...]", options first,
// then the namespace and the arguments.
#pragma once

#include "protocol/bytes.h"
#include "protocol/call.h"

// The meaning of a word of a syntax. The order is that of syntax.c's table.
enum arg_kind {
    ARG_KEY,     // K
    ARG_FIELD,   // F
    ARG_MEMBER,  // M
    ARG_VALUE,   // V
    ARG_INTEGER, // n, start, stop: a whole number
    ARG_COUNT,   // count: a whole number, not negative
    ARG_SCORE,   // score: a double
    ARG_BOUND,   // min, max: a double, "(" before it leaves it out
    ARG_CURSOR,  // cursor
    ARG_TEXT,    // anything else
    ARG_KINDS,
};

_Static_assert(ARG_KINDS <= 32, "a signature holds its kinds as bits of 32");

enum { SIGNATURE_KINDS = 8 };

// The content of a row's syntax, read once.
struct signature {
    bool has_namespace;
    uint32_t options;               // bit per enum option
    uint32_t has_kinds;             // bit per enum arg_kind
    uint8_t kinds[SIGNATURE_KINDS]; // of the words behind the namespace, the repeating group last
    uint32_t fixed;                 // how many of them are there once, optional ones included
    uint32_t least;                 // words that must be there
    uint32_t group;                 // how many repeat; 0: none
    uint32_t most;
};

// Reads a row's syntax; a word that stands for nothing is a bug.
struct signature syntax_read(const char *syntax);

// Whether several keys may be named.
static inline bool signature_repeats_key(const struct signature *s) {
    return s->group > 0 && s->kinds[s->fixed] == ARG_KEY;
}

// The kind of the argument at `index`, counted behind the namespace.
static inline enum arg_kind signature_kind(const struct signature *s, size_t index) {
    if (index >= s->fixed && s->group > 0)
        index = s->fixed + (index - s->fixed) % s->group;
    return (enum arg_kind)s->kinds[index];
}

// The option of that name; OPTIONS: there is none.
enum option syntax_option(struct slice name);
// The option's name, which ends with a zero.
struct slice syntax_option_name(enum option option);

// Appends the words of a syntax in whole words, a blank before each: " NAMESPACE KEY".
void syntax_append_whole(struct bytes *out, const char *syntax);
