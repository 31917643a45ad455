// Places: the pattern that Redis is asked with, and the names that a client has for keys.
#include "daemon/redis/places.h"

#include "conf/sections.h"
#include "helpers.h"

static char prefix[] = "cart:";
static struct namespace_conf carts = {.prefix = prefix, .prefix_len = sizeof(prefix) - 1};
static struct namespace namespace = {.conf = &carts};
static const struct place whole = {&namespace, true}, bound = {&namespace, false};

struct row {
    const char *pattern;
    const char *wanted; // prefix and pattern with a space between; NULL: no key can fit
    bool is_wide;
};

static void check(const struct place *place, const struct row *row) {
    struct place_pattern sought = {0};
    struct bytes text = {0};
    bool can_fit = place_pattern(place, slice_of(row->pattern), &sought);
    ck_assert_msg(can_fit == (row->wanted != NULL), "%s", row->pattern);
    if (!can_fit)
        return;
    bytes_append(&text, sought.prefix.data, sought.prefix.len);
    bytes_append_literal(&text, " ");
    bytes_append(&text, sought.pattern.data, sought.pattern.len);
    check_text(row->pattern, &text, row->wanted);
    ck_assert_msg(sought.is_wide == row->is_wide, "%s", row->pattern);
}

START_TEST(a_pattern_with_the_prefix_loses_it) {
    static const struct row rows[] = {
        {"cart:7", "cart: 7", false},     {"cart:*", "cart: *", false},
        {"cart:", "cart: ", false},       {"cart:[7]", "cart: [7]", false},
        {"cart:\\*", "cart: \\*", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        check(&whole, &rows[i]);
}
END_TEST

START_TEST(a_star_that_holds_the_prefix_means_all_keys) {
    static const struct row rows[] = {
        {"*", "cart: *", false}, {"c*", "cart: *", false}, {"cart*", "cart: *", false}};
    for (size_t i = 0; i < COUNT(rows); i++)
        check(&whole, &rows[i]);
}
END_TEST

// The wide ones: whether a key fits shows when the whole key is there.
START_TEST(a_pattern_that_may_begin_otherwise_is_sought_everywhere) {
    static const struct row rows[] = {{"*7", " *7", true},
                                      {"c?rt:7", " c?rt:7", true},
                                      {"[cx]art:*", " [cx]art:*", true},
                                      {"\\cart:*", " \\cart:*", true},
                                      {"c*:7", " c*:7", true}};
    for (size_t i = 0; i < COUNT(rows); i++)
        check(&whole, &rows[i]);
}
END_TEST

START_TEST(no_key_fits_what_begins_otherwise) {
    static const struct row rows[] = {{"", NULL, false},       {"cart", NULL, false},
                                      {"card:*", NULL, false}, {"x*", NULL, false},
                                      {"sess:7", NULL, false}, {"carx?", NULL, false}};
    for (size_t i = 0; i < COUNT(rows); i++)
        check(&whole, &rows[i]);
}
END_TEST

START_TEST(where_the_prefix_is_added_a_pattern_stays_as_it_is) {
    static const struct row rows[] = {
        {"*", "cart: *", false}, {"cart:*", "cart: cart:*", false}, {"", "cart: ", false}};
    for (size_t i = 0; i < COUNT(rows); i++)
        check(&bound, &rows[i]);
}
END_TEST

START_TEST(a_key_has_the_name_that_the_client_gave_it) {
    check_same("whole", place_key(&whole, SLICE("cart:7")), SLICE("cart:7"));
    check_same("bound", place_key(&bound, SLICE("cart:7")), SLICE("7"));
    check_same("empty", place_key(&bound, SLICE("cart:")), SLICE(""));
}
END_TEST

int main(void) {
    return RUN_TESTS(
        "places", a_pattern_with_the_prefix_loses_it, a_star_that_holds_the_prefix_means_all_keys,
        a_pattern_that_may_begin_otherwise_is_sought_everywhere, no_key_fits_what_begins_otherwise,
        where_the_prefix_is_added_a_pattern_stays_as_it_is,
        a_key_has_the_name_that_the_client_gave_it);
}
