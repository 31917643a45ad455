#include "daemon/policy/guesses.h"
#include "helpers.h"

#define PEER  SLICE("u1234")
#define OTHER SLICE("u4321")

static struct guesses *g;

static void begin(void) { g = guesses_new(); }
static void end(void) { guesses_free(g); }

static void guess(struct slice peer, struct slice name, int times, uint64_t now_ms) {
    for (int i = 0; i < times; i++)
        guesses_note(g, peer, name, false, now_ms);
}

START_TEST(guesses_wait_longer_and_longer_after_five) {
    static const int64_t memo_waits[] = {0, 0, 0, 0, 0, 250, 500, 1000, 2000, 4000, 8000, 8000};
    uint64_t now = 1000;
    for (size_t i = 0; i < COUNT(memo_waits); i++) {
        ck_assert_int_eq(guesses_wait_ms(g, PEER, SLICE("web"), now), memo_waits[i]);
        now += (uint64_t)memo_waits[i];
        guess(PEER, SLICE("web"), 1, now);
    }
}
END_TEST

START_TEST(guesses_hold_a_place_each_and_are_refused_when_there_is_none) {
    guess(PEER, SLICE("web"), 5, 1000);
    for (int64_t i = 1; i <= 32; i++)
        ck_assert_int_eq(guesses_wait_ms(g, PEER, SLICE("web"), 1000), i * 250);
    ck_assert_int_eq(guesses_wait_ms(g, PEER, SLICE("web"), 1000), GUESS_REFUSED);
}
END_TEST

START_TEST(guesses_are_counted_by_peer_and_name) {
    guess(PEER, SLICE("web"), 9, 1000);
    ck_assert_int_eq(guesses_wait_ms(g, OTHER, SLICE("web"), 1000), 0);
    ck_assert_int_eq(guesses_wait_ms(g, PEER, SLICE("other"), 1000), 0);
    ck_assert_int_gt(guesses_wait_ms(g, PEER, SLICE("web"), 1000), 0);
}
END_TEST

START_TEST(guesses_are_forgotten_after_a_minute_or_a_right_one) {
    guess(PEER, SLICE("web"), 9, 1000);
    ck_assert_int_gt(guesses_wait_ms(g, PEER, SLICE("web"), 2000), 0);
    ck_assert_int_eq(guesses_wait_ms(g, PEER, SLICE("web"), 61000), 0);
    guess(PEER, SLICE("web"), 9, 70000);
    guesses_note(g, PEER, SLICE("web"), true, 70000);
    ck_assert_int_eq(guesses_wait_ms(g, PEER, SLICE("web"), 70000), 0);
}
END_TEST

// Else a flood of names would have the ones that are guessed at forgotten.
START_TEST(guesses_at_many_names_do_not_make_one_forgotten) {
    guess(PEER, SLICE("web"), 9, 1000);
    for (int i = 0; i < 100000; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%d", i);
        guess(PEER, slice_of(name), 1, 1000);
    }
    ck_assert_int_gt(guesses_wait_ms(g, PEER, SLICE("web"), 1000), 0);
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND("guesses", begin, end, guesses_wait_longer_and_longer_after_five,
                            guesses_hold_a_place_each_and_are_refused_when_there_is_none,
                            guesses_are_counted_by_peer_and_name,
                            guesses_are_forgotten_after_a_minute_or_a_right_one,
                            guesses_at_many_names_do_not_make_one_forgotten);
}
