// Hot keys: counts that are never too low, with errors that say how much they may be too high.
#include <stdio.h>

#include "daemon/request/hot_keys.h"
#include "helpers.h"

enum { KEYS = 1000, SAMPLES = 20000, PARTS = 3 };

static uint64_t counts[KEYS]; // the true ones

static struct slice name_of(char text[16], unsigned number) {
    return (struct slice){text, (size_t)snprintf(text, 16, "k%u", number)};
}

// Adds samples of which lower numbers have more, in an order that repeats.
static void fill(struct hot_keys *h, unsigned seed) {
    char text[16];
    for (unsigned i = 0; i < SAMPLES; i++) {
        unsigned draw = (i * 7919 + seed * 104729) % 65537;
        unsigned number = draw % 3 == 0 ? draw % 5 : draw % KEYS;
        counts[number]++;
        hot_keys_add(h, SLICE("carts"), name_of(text, number));
    }
}

static void check(const struct hot_key *k) {
    char text[HOT_KEY_LONGEST + 1] = "";
    memcpy(text, k->key, k->key_len);
    uint64_t right = counts[strtoul(text + 1, NULL, 10)];
    ck_assert_msg(k->count >= right, "%s: %d of %d", text, (int)k->count, (int)right);
    ck_assert_msg(k->count - k->error <= right, "%s: error %d", text, (int)k->error);
}

START_TEST(counts_are_never_too_low_and_errors_bound_them) {
    struct hot_keys h = {0};
    fill(&h, 1);
    ck_assert_uint_eq(h.count, HOT_KEYS_SLOTS);
    for (size_t i = 0; i < h.count; i++)
        check(&h.slots[i]);
}
END_TEST

START_TEST(a_key_with_more_than_its_share_has_a_slot) {
    struct hot_list list = {0};
    struct hot_keys h = {0};
    char text[16];
    fill(&h, 2);
    hot_list_merge(&list, &h);
    hot_list_sort(&list);
    for (unsigned number = 0; number < 5; number++) {
        struct slice name = name_of(text, number);
        bool is_there = false;
        for (size_t i = 0; i < 5; i++)
            is_there = is_there ||
                       slice_equal(name, (struct slice){list.items[i].key, list.items[i].key_len});
        ck_assert_msg(is_there, "k%u", number);
    }
    hot_list_deinit(&list);
}
END_TEST

START_TEST(merged_counts_keep_their_bounds) {
    struct hot_list list = {0};
    struct hot_keys parts[PARTS] = {0};
    for (unsigned i = 0; i < PARTS; i++) {
        fill(&parts[i], i + 1);
        hot_list_merge(&list, &parts[i]);
    }
    hot_list_sort(&list);
    ck_assert_uint_ge(list.count, HOT_KEYS_SLOTS);
    for (size_t i = 0; i < list.count; i++) {
        check(&list.items[i]);
        ck_assert(i == 0 || list.items[i - 1].count >= list.items[i].count);
    }
    hot_list_deinit(&list);
}
END_TEST

START_TEST(few_keys_are_counted_exactly_and_an_empty_summary_changes_nothing) {
    struct hot_list list = {0};
    struct hot_keys one = {0}, none = {0}, two = {0};
    for (int i = 0; i < 10; i++)
        hot_keys_add(&one, SLICE("carts"), i < 7 ? SLICE("a") : SLICE(""));
    hot_keys_add(&two, SLICE("users"), SLICE("a"));
    hot_keys_add(&two, SLICE("carts"), SLICE("a"));
    hot_list_merge(&list, &one);
    hot_list_merge(&list, &none);
    hot_list_merge(&list, &two);
    hot_list_sort(&list);
    ck_assert_uint_eq(list.count, 3);
    ck_assert_uint_eq(list.items[0].count, 8);
    ck_assert_uint_eq(list.items[1].count, 3);
    ck_assert_uint_eq(list.items[1].key_len, 0);
    ck_assert_uint_eq(list.items[2].count, 1);
    ck_assert_uint_eq(list.items[2].error, 0);
    hot_list_deinit(&list);
}
END_TEST

START_TEST(long_keys_that_begin_alike_are_told_apart) {
    struct hot_keys h = {0};
    char text[300];
    memset(text, 'x', sizeof(text));
    hot_keys_add(&h, SLICE("n"), (struct slice){text, 300});
    hot_keys_add(&h, SLICE("n"), (struct slice){text, 299});
    ck_assert_uint_eq(h.count, 2);
    ck_assert_uint_eq(h.slots[0].key_len, HOT_KEY_LONGEST);
}
END_TEST

static void begin(void) { memset(counts, 0, sizeof(counts)); }
static void end(void) {}

int main(void) {
    return RUN_TESTS_AROUND("hot_keys", begin, end, counts_are_never_too_low_and_errors_bound_them,
                            a_key_with_more_than_its_share_has_a_slot,
                            merged_counts_keep_their_bounds,
                            few_keys_are_counted_exactly_and_an_empty_summary_changes_nothing,
                            long_keys_that_begin_alike_are_told_apart);
}
