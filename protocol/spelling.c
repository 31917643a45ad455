#include "protocol/spelling.h"

enum { LONGEST = 64 };

static size_t least_of(size_t a, size_t b) { return a < b ? a : b; }

static bool is_same(char a, char b) { return slice_lower(a) == slice_lower(b); }

size_t spelling_distance(struct slice a, struct slice b) {
    size_t rows[3][LONGEST + 1], *before = rows[0], *last = rows[1], *row = rows[2];
    if (a.len > LONGEST || b.len > LONGEST)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t *spare = before;
        before = last;
        last = row;
        row = spare;
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            bool same = is_same(a.data[i - 1], b.data[j - 1]);
            row[j] = least_of(last[j - 1] + !same, least_of(last[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && is_same(a.data[i - 1], b.data[j - 2]) &&
                is_same(a.data[i - 2], b.data[j - 1]))
                row[j] = least_of(row[j], before[j - 2] + 1);
        }
    }
    return row[b.len];
}

// The distance is at least the difference of the lengths.
size_t spelling_distance_below(size_t limit, struct slice a, struct slice b) {
    size_t longer = a.len > b.len ? a.len - b.len : b.len - a.len;
    return longer < limit ? spelling_distance(a, b) : SIZE_MAX;
}

size_t spelling_guess_limit(struct slice word) { return word.len < 8 ? word.len / 4 : 2; }
