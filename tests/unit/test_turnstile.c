// Turnstile: how many begin in a turn of the loop, and who.
#include "daemon/loop/turnstile.h"
#include "helpers.h"

enum { PLACES = 10 };

static uv_loop_t loop;
static struct turnstile turnstile;
static struct turnstile_place places[PLACES];
static int order[PLACES], begun;

static void begin_place(struct turnstile_place *place) { order[begun++] = (int)(place - places); }

// One that lets another go, and comes back itself.
static void begin_again(struct turnstile_place *place) {
    begin_place(place);
    turnstile_leave(&turnstile, &places[2]);
    if (begun == 1)
        turnstile_enter(&turnstile, place, begin_place);
}

static void begin(void) {
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    turnstile_init(&turnstile, &loop);
    memset(places, 0, sizeof(places));
    begun = 0;
}

static void end(void) {
    turnstile_close(&turnstile);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
}

static void enter(int count) {
    for (int i = 0; i < count; i++)
        turnstile_enter(&turnstile, &places[i], begin_place);
}

START_TEST(turnstile_lets_four_begin_in_a_turn_first_come_first) {
    enter(PLACES);
    ck_assert_int_eq(begun, 0); // never from inside turnstile_enter()
    for (int turn = 1; turn <= 3; turn++) {
        uv_run(&loop, UV_RUN_NOWAIT);
        ck_assert_int_eq(begun, turn < 3 ? turn * TURNSTILE_AT_ONCE : PLACES);
    }
    for (int i = 0; i < PLACES; i++)
        ck_assert_int_eq(order[i], i);
    ck_assert_int_eq(uv_run(&loop, UV_RUN_NOWAIT), 0); // nobody waits: the loop may sleep
}
END_TEST

START_TEST(turnstile_passes_over_those_that_have_left) {
    enter(4);
    turnstile_leave(&turnstile, &places[0]);
    turnstile_leave(&turnstile, &places[3]);
    turnstile_leave(&turnstile, &places[3]);
    turnstile_enter(&turnstile, &places[4], begin_place);
    uv_run(&loop, UV_RUN_NOWAIT);
    ck_assert_int_eq(begun, 3);
    ck_assert(order[0] == 1 && order[1] == 2 && order[2] == 4);
    turnstile_leave(&turnstile, &places[1]); // that has begun
}
END_TEST

START_TEST(turnstile_may_change_while_somebody_begins) {
    turnstile_enter(&turnstile, &places[0], begin_again);
    turnstile_enter(&turnstile, &places[1], begin_place);
    turnstile_enter(&turnstile, &places[2], begin_place);
    uv_run(&loop, UV_RUN_NOWAIT);
    ck_assert_int_eq(begun, 3);
    ck_assert(order[0] == 0 && order[1] == 1 && order[2] == 0);
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND(
        "turnstile", begin, end, turnstile_lets_four_begin_in_a_turn_first_come_first,
        turnstile_passes_over_those_that_have_left, turnstile_may_change_while_somebody_begins);
}
