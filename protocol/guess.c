#include "protocol/guess.h"

#include "protocol/spelling.h"

void guess_add(struct guess *guess, struct slice name) {
    size_t limit = spelling_guess_limit(guess->word) + 1;
    if (guess->distance < limit)
        limit = guess->distance;
    size_t distance = spelling_distance_below(limit, guess->word, name);
    if (distance >= limit)
        return;
    guess->distance = distance;
    guess->name = name;
}
