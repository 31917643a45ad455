// Spelling: how far two names are apart, for "did you mean".
#pragma once

#include "protocol/bytes.h"

// How many letters must be added, left out, changed or swapped with their neighbour to get from
// one to the other, letters in either case being the same (the restricted Damerau-Levenshtein
// distance: Damerau, CACM 7(3), 1964). SIZE_MAX when one is longer than 64 bytes.
size_t spelling_distance(struct slice a, struct slice b);

// The same where it is below `limit`; else any number that is not.
size_t spelling_distance_below(size_t limit, struct slice a, struct slice b);

// How many letters of a word may be wrong where what was meant is guessed: a quarter, and two at
// most. To a short word, anything would be near.
size_t spelling_guess_limit(struct slice word);
