// Question: the options of a read on which its answer depends. Two calls of one verb with the same
// key, arguments and question have the same answer.
#pragma once

#include "protocol/call.h"

struct question {
    uint16_t options; // bit per enum call_option: the given options that change the answer
    uint16_t count;   // how many options these are
    int64_t values[OPTIONS];
};

_Static_assert(OPTIONS <= 16, "a question holds the options as bits of 16");

// Fills in the question from the options of the call.
void question_add_options(struct question *q, const struct call *call);

// Reads the question of the call. An option with its default value counts as left out.
static inline void question_read(struct question *q, const struct call *call) {
    q->options = q->count = 0;
    if (call->options != 0) // few reads have any
        question_add_options(q, call);
}
