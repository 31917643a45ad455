// Resp3: turns a reply of RESP2, which is what every renderer writes, into that of RESP3, for a
// client that has said HELLO 3.
//
// Every nil is written anew, wherever it is. What else differs is a matter of the command and its
// options: the shape of its reply. tests/integration/redis/resp3_forms.py says which command has
// which shape.
#pragma once

#include "protocol/bytes.h"

enum shape {
    SHAPE_SAME,       // only nils differ
    SHAPE_MAP,        // F V F V → a map
    SHAPE_SET,        // an array → a set
    SHAPE_DOUBLE,     // a score → a double
    SHAPE_DOUBLES,    // an array of scores → of doubles
    SHAPE_PAIRS,      // M S M S → an array of [M, double]
    SHAPE_PAIRS_TEXT, // F V F V → an array of [F, V]
    SHAPE_PAIR,       // M S → [M, double]
    SHAPE_VERBATIM,   // a string → text for people
    SHAPE_MPOP,       // K [[M S] [M S]] → K [[M double] [M double]]
    SHAPE_POSITIONS,  // [[X Y] nil [X Y]] → each X and Y a double
    SHAPE_GEO,        // [[M … [X Y]] [M … [X Y]]] → each X and Y a double
    SHAPES
};

// For resp3_rewrite() alone.
void resp3_rewrite_slow(struct bytes *out, size_t start, enum shape shape);

// Returns whether resp3_rewrite() may change the reply.
static inline bool resp3_may_change(struct slice reply, enum shape shape) {
    if (reply.len < 4) // the shortest that may have to change is "*0\r\n"
        return false;
    char type = *reply.data;
    return type == '*' || (type == '$' && (shape != SHAPE_SAME || reply.data[1] == '-'));
}

// Rewrites the reply of RESP2 that begins at `start` and goes to the end of `out`. An error, and
// each part of a reply that does not have the shape, stays as it is, but for nils. A reply may get
// longer by a third, in pairs of empty texts; in most shapes it gets shorter.
static inline void resp3_rewrite(struct bytes *out, size_t start, enum shape shape) {
    if (resp3_may_change((struct slice){out->data + start, out->len - start}, shape))
        resp3_rewrite_slow(out, start, shape);
}
