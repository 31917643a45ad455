// Master choice: who is the master after three sentinels, A, B and C, have said this and that.
#include "daemon/backend/master_choice.h"
#include "helpers.h"

// A step: when, which sentinel, what it says. '?': it knows no master; '-': its connection is lost;
// '.': time passes; '!' behind the host: it tells of a switch. Hosts are single letters. Then the
// master, '0' for none, behind it '#' when it has just changed.
struct step {
    uint64_t ms;
    const char *sentinel, *says, *wanted;
    bool is_down;
};

static void check(const struct step *steps, size_t count) {
    struct master_choice c;
    master_choice_init(&c, 3, 1000);
    for (size_t i = 0; i < count; i++) {
        const struct step *s = &steps[i];
        size_t number = (size_t)(*s->sentinel - 'A');
        bool has_changed = false, is_down = s->is_down || !c.master.host;
        if (*s->says == '-')
            master_choice_lose(&c, number);
        else if (*s->says == '.')
            has_changed = master_choice_look(&c, is_down, 1000 + s->ms);
        else
            has_changed =
                master_choice_hear(&c, number, (struct slice){s->says, *s->says == '?' ? 0 : 1},
                                   7000, s->says[1] == '!', is_down, 1000 + s->ms);
        struct bytes got = {0};
        bytes_printf(&got, "%s%s", c.master.host ? c.master.host : "0", has_changed ? "#" : "");
        char what[64];
        snprintf(what, sizeof(what), "step %zu, %s says %s", i, s->sentinel, s->says);
        check_text(what, &got, s->wanted);
    }
    master_choice_deinit(&c);
}

#define CHECK(...)                                                                                 \
    do {                                                                                           \
        static const struct step steps[] = {__VA_ARGS__};                                          \
        check(steps, COUNT(steps));                                                                \
    } while (0)

START_TEST(choice_begins_with_the_word_of_a_majority) {
    CHECK({0, "A", "x", "0", 0}, {1, "B", "x", "x#", 0}, {2, "C", "y", "x", 0});
    CHECK({0, "A", "y", "0", 0}, {1, "B", "x", "y#", 0}); // the majority has answered: a tie
    CHECK({0, "A", "?", "0", 0}, {1, "B", "x", "x#", 0});
    CHECK({0, "A", "?", "0", 0}, {1, "B", "?", "0", 0}, {2, "C", "x", "x#", 0});
}
END_TEST

START_TEST(choice_begins_with_what_there_is_after_half_a_second) {
    CHECK({0, "A", "x", "0", 0}, {499, "A", ".", "0", 0}, {500, "A", ".", "x#", 0});
    CHECK({500, "A", ".", "0", 0}, {600, "A", "x", "x#", 0});
    CHECK({0, "A", "x", "0", 0}, {1, "A", "-", "0", 0}, {500, "A", ".", "0", 0},
          {501, "B", "y", "y#", 0});
}
END_TEST

#define BEGIN                                                                                      \
    {0, "A", "x", "0", 0}, {1, "B", "x", "x#", 0}, { 2, "C", "x", "x", 0 }

START_TEST(choice_follows_the_first_that_changes_its_mind) {
    CHECK(BEGIN, {10, "B", "y", "y#", 0}, {11, "A", "x", "y", 0}, {12, "C", "x", "y", 0},
          {900, "A", "y", "y", 0}, {1100, "C", "y", "y", 0}, {1200, "C", "y", "y", 0});
    CHECK(BEGIN, {10, "B", "y!", "y#", 0}, {20, "A", "x", "y", 0});
    // One that says the old address for ever changes nothing, nor does its connection.
    CHECK(BEGIN, {10, "B", "y", "y#", 0}, {11, "A", "y", "y", 0}, {20, "C", "-", "y", 0},
          {30, "C", "x", "y", 0}, {99999, "C", "x", "y", 0});
}
END_TEST

START_TEST(choice_notes_a_change_while_a_sentinel_was_away) {
    CHECK(BEGIN, {10, "B", "-", "x", 0}, {20, "B", "y", "y#", 0});
    CHECK(BEGIN, {10, "B", "?", "x", 0}, {20, "B", "y", "x", 0}, {30, "C", "y", "y#", 0});
}
END_TEST

START_TEST(choice_heeds_the_first_word_of_a_late_one_with_a_majority_or_in_need) {
    CHECK({0, "A", "x", "0", 0}, {500, "A", ".", "x#", 0}, {600, "B", "y", "x", 0},
          {700, "C", "y", "y#", 0});
    CHECK({0, "A", "x", "0", 0}, {500, "A", ".", "x#", 0}, {600, "B", "y", "y#", 1});
}
END_TEST

START_TEST(choice_goes_back_within_30_s_with_a_majority_alone) {
    CHECK(BEGIN, {10, "B", "y", "y#", 0}, {20, "B", "x", "x#", 0}); // A and C have said x all along
    CHECK(BEGIN, {10, "B", "y", "y#", 0}, {11, "A", "y", "y", 0}, {12, "C", "y", "y", 0},
          {20, "B", "x", "y", 0}, {30, "C", "x!", "x#", 0});
    CHECK(BEGIN, {10, "B", "y", "y#", 0}, {11, "A", "y", "y", 0}, {12, "C", "y", "y", 0},
          {30009, "B", "x!", "y", 0}, {30010, "B", "x!", "x#", 0});
    // A further master is new, whoever says so.
    CHECK(BEGIN, {10, "B", "y", "y#", 0}, {20, "B", "z", "z#", 0}, {30, "A", "x", "z", 0});
}
END_TEST

START_TEST(choice_leaves_a_master_that_is_down_to_the_majority) {
    CHECK(BEGIN, {10, "B", "y", "y#", 0}, {3009, "B", ".", "y", 1}, {3010, "B", ".", "x#", 1});
    CHECK(BEGIN, {10, "B", "y", "y#", 0}, {3010, "B", ".", "y", 0});
    CHECK(BEGIN, {10, "B", "y", "y#", 0}, {20, "A", "-", "y", 0}, {9999, "B", ".", "y", 1});
    CHECK(BEGIN, {9999, "A", ".", "x", 1});
}
END_TEST

START_TEST(choice_leaves_a_master_that_nobody_names_to_the_majority) {
    // B was wrong, and right again while the others could not be heard.
    CHECK(BEGIN, {10, "B", "y", "y#", 0}, {20, "A", "-", "y", 0}, {21, "C", "-", "y", 0},
          {30, "B", "x", "y", 0}, {40, "A", "x", "y", 0}, {50, "C", "x", "y", 0},
          {60, "C", ".", "y", 0}, {3059, "C", ".", "y", 0}, {3060, "C", ".", "x#", 0});
    // One that names it, or one that can't be heard, keeps a majority from being one.
    CHECK(BEGIN, {10, "B", "y", "y#", 0}, {60, "C", ".", "y", 0}, {9999, "C", ".", "y", 0});
    CHECK(BEGIN, {10, "B", "y", "y#", 0}, {20, "B", "-", "y", 0}, {21, "C", "-", "y", 0},
          {60, "C", ".", "y", 0}, {9999, "C", ".", "y", 0});
    // It is named again meanwhile.
    CHECK(BEGIN, {10, "B", "y", "y#", 0}, {20, "B", "-", "y", 0}, {60, "C", ".", "y", 0},
          {2000, "B", "y", "y", 0}, {2060, "C", ".", "y", 0}, {2070, "B", "-", "y", 0},
          {3060, "C", ".", "y", 0}, {6059, "C", ".", "y", 0}, {6060, "C", ".", "x#", 0});
}
END_TEST

START_TEST(choice_counts_switches) {
    struct master_choice c;
    master_choice_init(&c, 1, 0);
    for (int i = 0; i < 20; i++) {
        char host[16];
        int len = snprintf(host, sizeof(host), "h%d", i);
        ck_assert(master_choice_hear(&c, 0, (struct slice){host, (size_t)len}, 1, false, false, 1));
    }
    ck_assert_uint_eq(c.switches, 19);
    ck_assert(master_choice_hear(&c, 0, SLICE("h19"), 2, false, false, 1)); // another port
    ck_assert_uint_eq(c.switches, 20);
    master_choice_deinit(&c);
}
END_TEST

int main(void) {
    return RUN_TESTS("master_choice", choice_begins_with_the_word_of_a_majority,
                     choice_begins_with_what_there_is_after_half_a_second,
                     choice_follows_the_first_that_changes_its_mind,
                     choice_notes_a_change_while_a_sentinel_was_away,
                     choice_heeds_the_first_word_of_a_late_one_with_a_majority_or_in_need,
                     choice_goes_back_within_30_s_with_a_majority_alone,
                     choice_leaves_a_master_that_is_down_to_the_majority,
                     choice_leaves_a_master_that_nobody_names_to_the_majority,
                     choice_counts_switches);
}
