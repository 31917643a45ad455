// Question: the options of a read on which its answer depends. Answers of two calls of one verb
// with the same key and arguments may differ only where their questions do.
#pragma once

#include "protocol/call.h"

struct question {
    uint16_t options; // bit per enum option: those that change the answer
    uint16_t count;   // how many those are
    int64_t values[OPTIONS];
};

_Static_assert(OPTIONS <= 16, "a question holds the options as bits of 16");

// Fills in a question to which the options of the call belong.
void question_add_options(struct question *q, const struct call *call);

// Reads the question of the call. An option whose default is named counts as left out.
static inline void question_read(struct question *q, const struct call *call) {
    q->options = q->count = 0;
    if (call->options != 0) // few reads have any
        question_add_options(q, call);
}
