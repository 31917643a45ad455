// Key scan: finds all keys that begin with a prefix at one server, step by step with SCAN.
//
// A key that is there throughout is found; one that is written meanwhile may not be
// (redis.io/commands/scan).
#pragma once

#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/command.h"
#include "protocol/number.h"

enum { SCAN_KEYS = 200 }; // how many keys one step looks at

struct key_scan {
    char cursor[NUMBER_TEXT_SIZE];
    char next_cursor[NUMBER_TEXT_SIZE]; // taken over when the whole answer is there; "" before
    char mark[NUMBER_TEXT_SIZE];        // an earlier cursor: should it come again, SCAN goes round
    uint64_t steps, next_mark;          // steps in all; the mark is set anew at step next_mark
    size_t found;                       // keys in the answer
    bool is_partial;                    // more keys came than are held at a time
    bool is_odd;                        // Redis gives no such answer
    bool has_list;                      // SCAN's array of keys has begun
};

// Begins with the first cursor, at first or again.
void key_scan_begin(struct key_scan *s);

// Writes the command of the first step.
void key_scan_build(struct command *c, struct slice prefix);
// Writes the command of the next step, for keys that are the prefix and a rest that fits the
// pattern. The calls below belong to its answer.
void key_scan_step(struct key_scan *s, struct command *c, struct slice prefix,
                   struct slice pattern);

// Takes an event of the answer: appends each key, as a word of a command, to a->out.
void key_scan_event(struct key_scan *s, struct answer *a, const struct event *e,
                    struct slice prefix);

// To be called when the answer is complete. Returns false for an answer that Redis does not give.
bool key_scan_take(struct key_scan *s);

// Returns whether the step before was the last.
static inline bool key_scan_is_over(const struct key_scan *s) {
    return !s->is_partial && strcmp(s->cursor, "0") == 0;
}
