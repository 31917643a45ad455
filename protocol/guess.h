// Guess: finds the name that somebody may have meant.
#pragma once

#include "protocol/bytes.h"

// A name that was found nearest so far. Begin with {word, SIZE_MAX, {0}}.
struct guess {
    struct slice word;
    size_t distance;
    struct slice name; // no data: none is near
};

// Looks whether `name` is nearer to the word than those before.
void guess_add(struct guess *guess, struct slice name);
