// Spelling: how far two names are apart.
#include "helpers.h"
#include "protocol/spelling.h"

START_TEST(spelling_distance_counts_the_letters_to_change) {
    static const struct {
        const char *a, *b;
        size_t distance;
    } rows[] = {
        {"", "", 0},
        {"ttl", "ttl", 0},
        {"TTL", "ttl", 0},
        {"ttl", "", 3},
        {"prefix", "prefx", 1},
        {"prefix", "prefiix", 1},
        {"prefix", "prefex", 1},
        {"listen", "lisetn", 1},
        {"key.get", "kye.gte", 2},
        {"kitten", "sitting", 3},
        {"abc", "xyz", 3},
        {"ca", "abc", 3}, // restricted: no letter between two that are swapped
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice a = slice_of(rows[i].a), b = slice_of(rows[i].b);
        ck_assert_msg(spelling_distance(a, b) == rows[i].distance, "%s to %s", rows[i].a,
                      rows[i].b);
        ck_assert_msg(spelling_distance(b, a) == rows[i].distance, "%s to %s", rows[i].b,
                      rows[i].a);
    }
}
END_TEST

START_TEST(spelling_distance_gives_up_on_words_over_64_bytes) {
    char letters[65];
    memset(letters, 'a', sizeof(letters));
    ck_assert_uint_eq(spelling_distance((struct slice){letters, 64}, (struct slice){letters, 64}),
                      0);
    ck_assert_uint_eq(spelling_distance((struct slice){letters, 65}, SLICE("a")), SIZE_MAX);
    ck_assert_uint_eq(spelling_distance(SLICE("a"), (struct slice){letters, 65}), SIZE_MAX);
}
END_TEST

int main(void) {
    return RUN_TESTS("spelling", spelling_distance_counts_the_letters_to_change,
                     spelling_distance_gives_up_on_words_over_64_bytes);
}
