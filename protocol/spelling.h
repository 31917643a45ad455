// Spelling: measures how far two names are apart, for "did you mean".
#pragma once

#include "protocol/bytes.h"

// Returns how many letters must be added, left out, changed or swapped with their neighbour to turn
// one name into the other, without regard to case (the restricted Damerau-Levenshtein distance:
// Damerau, CACM 7(3), 1964). Returns SIZE_MAX when a name is longer than 64 bytes.
size_t spelling_distance(struct slice a, struct slice b);

// Returns the distance if it is below `limit`, otherwise any number that is not below.
size_t spelling_distance_below(size_t limit, struct slice a, struct slice b);

// Returns how many letters of a word may be wrong for a guess at the meant word: a quarter of them,
// and at most two. With more, any word would be near to a short one.
size_t spelling_guess_limit(struct slice word);
