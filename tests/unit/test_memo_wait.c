// Memo waits: requests that wait for a result that another computes.
#include "requests.h"

// No server is chosen by its number here.
enum backend_room node_room(const struct node *n, size_t most_output) {
    (void)n;
    (void)most_output;
    return BACKEND_DOWN;
}

// --- one asks, all are told -------------------------------------------------------------------

START_TEST(many_wait_for_one_key_and_one_asks) {
    for (int i = 0; i < 5; i++)
        wait_for(i, "memo.get wait=10s n k");
    ck_assert_uint_eq(context.awaited_keys, 1);
    ck_assert_uint_eq(stats()->memo_waiting, 5);
    ck_assert_uint_eq(stats()->memo_waits, 5);
    check_unanswered("");
    pass(5);
    check_unanswered("ASK n:k");
    pass(5);
    check_unanswered("ASK n:k");
    answer(RESULT);
    for (int i = 0; i < 5; i++)
        check_reply(i, RESULT);
    ck_assert_uint_eq(stats()->computations_saved, 4);
    ck_assert_uint_eq(stats()->memo_hits, 5);
    ck_assert_uint_eq(stats()->memo_waiting, 0);
}
END_TEST

START_TEST(each_is_told_in_its_own_protocol) {
    for (int i = 0; i < 4; i++) {
        peers[i].session.is_resp3 = i % 2;
        wait_for(i, "memo.get wait=10s n k");
    }
    pass(5);
    answer(RESULT);
    for (int i = 0; i < 4; i++)
        check_reply(i, i % 2 ? "*3\r\n$3\r\nHIT\r\n$1\r\nv\r\n_\r\n" : RESULT);
}
END_TEST

START_TEST(the_timer_ticks_only_while_somebody_waits) {
    ck_assert(!pass(5));
    wait_for(0, "memo.get wait=10s n k");
    ck_assert(pass(5));
    answer(RESULT);
    ck_assert(pass(100)); // the line is found empty, and goes
    ck_assert_uint_eq(context.awaited_keys, 0);
    ck_assert(!pass(5));
    wait_for(0, "memo.get wait=10s n k");
    ck_assert(pass(5));
}
END_TEST

START_TEST(each_key_has_a_line_of_its_own) {
    wait_for(0, "memo.get wait=10s n a");
    wait_for(1, "memo.get wait=10s n b");
    wait_for(2, "memo.get wait=10s n a");
    ck_assert_uint_eq(context.awaited_keys, 2);
    pass(5);
    ck_assert_uint_eq(sent_count - answered_count, 2);
    bool is_a_first = strcmp(sent[answered_count].key, "n:a") == 0;
    answer(is_a_first ? RESULT : NO_RESULT);
    answer(is_a_first ? NO_RESULT : RESULT);
    check_reply(0, RESULT);
    check_reply(1, "");
    check_reply(2, RESULT);
}
END_TEST

// Whoever came later might have seen a newer state already.
START_TEST(who_joins_behind_a_question_is_not_told_its_answer) {
    wait_for(0, "memo.get wait=10s n k");
    wait_for(1, "memo.get wait=10s n k");
    say(2, "memo.get wait=10s n k");
    answer(NIL);
    pass(5);
    check_unanswered("ASK n:k, ASK n:k"); // of peer 2, and for the line
    answer(NO_RESULT);
    answer(RESULT);
    check_reply(0, RESULT);
    check_reply(1, RESULT);
    check_reply(2, "");
    pass(100);
    check_unanswered("ASK n:k");
    answer(RESULT);
    check_reply(2, RESULT);
}
END_TEST

START_TEST(who_joins_behind_the_only_one_who_waited_is_not_told_either) {
    wait_for(0, "memo.get wait=10s n k");
    say(1, "memo.get wait=10s n k");
    answer(NIL);
    pass(5);
    answer(NO_RESULT);
    answer(RESULT);
    check_reply(0, RESULT);
    check_reply(1, "");
}
END_TEST

// Somebody's wait ends meanwhile, and the line is looked at.
START_TEST(a_question_under_way_is_not_asked_twice) {
    wait_for(0, "memo.get wait=10s n k");
    wait_for(1, "memo.get wait=200ms n k");
    wait_for(2, "memo.get wait=10s n k");
    pass(5);
    pass(200);
    check_reply(1, NO_RESULT);
    check_unanswered("ASK n:k");
    answer(RESULT);
    check_reply(0, RESULT);
    check_reply(2, RESULT);
}
END_TEST

START_TEST(who_asks_in_vain_goes_before_all_others_again) {
    wait_for(0, "memo.get wait=10s n k");
    wait_for(1, "memo.get wait=10s n k");
    pass(5);
    answer(NO_RESULT);
    pass(100);
    answer(GIVES(A_TOKEN));
    check_reply(0, GIVES(A_TOKEN));
    check_reply(1, "");
}
END_TEST

START_TEST(who_gets_the_lease_computes_and_the_others_wait_on) {
    wait_for(0, "memo.get wait=10s n k");
    wait_for(1, "memo.get wait=10s n k");
    pass(5);
    ck_assert_uint_eq(strlen(last_token()), MEMO_TOKEN_SIZE);
    answer(GIVES(A_TOKEN));
    check_reply(0, GIVES(A_TOKEN));
    check_reply(1, "");
    ck_assert_uint_eq(stats()->leases_given, 1);
    ck_assert_uint_eq(stats()->leases_expired, 1); // the one that all waited for
    pass(100);
    check_unanswered("ASK n:k");
    answer(RESULT);
    check_reply(1, RESULT);
}
END_TEST

START_TEST(a_refresh_is_given_to_one_and_the_stale_value_to_all) {
    wait_for(0, "memo.get wait=10s n k");
    wait_for(1, "memo.get wait=10s n k");
    pass(5);
    answer("*3\r\n$5\r\nSTALE\r\n$1\r\nv\r\n$16\r\n" A_TOKEN "\r\n");
    check_reply(0, "*3\r\n$5\r\nSTALE\r\n$1\r\nv\r\n$16\r\n" A_TOKEN "\r\n");
    check_reply(1, "*3\r\n$5\r\nSTALE\r\n$1\r\nv\r\n$-1\r\n");
}
END_TEST

// --- pauses -----------------------------------------------------------------------------------

// A pause is shortened by chance, by half of it at most.
static void check_pause(uint64_t pause_ms) {
    uint64_t least = pause_ms - pause_ms / 2;
    pass(least - 1);
    check_unanswered("");
    pass(pause_ms - (least - 1));
    check_unanswered("ASK n:k");
    answer(NO_RESULT);
}

START_TEST(pauses_double_up_to_a_tenth_of_a_second) {
    static const uint64_t pauses[] = {5, 10, 20, 40, 80, 100, 100, 100};
    wait_for(0, "memo.get wait=10s n k");
    for (size_t i = 0; i < COUNT(pauses); i++)
        check_pause(pauses[i]);
    ck_assert_uint_eq(stats()->memo_waits, 1);
    ck_assert_uint_eq(stats()->memo_waiting, 1);
}
END_TEST

START_TEST(pauses_differ_by_chance) {
    uint64_t asked_ms[SENT] = {0};
    size_t different = 0;
    for (int i = 0; i < 20; i++) {
        char text[32];
        sprintf(text, "memo.get wait=10s n k%d", i);
        wait_for(0, text);
    }
    for (size_t before = sent_count; sent_count < before + 20 && now_ms < START_MS + 50;) {
        size_t had = sent_count;
        pass(1);
        for (; had < sent_count; had++)
            asked_ms[had - before] = now_ms;
    }
    for (size_t i = 1; i < 20; i++)
        different += asked_ms[i] != asked_ms[i - 1];
    ck_assert_uint_ge(different, 2); // 3, 4 or 5 ms
}
END_TEST

// All lines together ask five times a millisecond at most.
START_TEST(pauses_grow_with_how_many_keys_are_waited_for) {
    for (int i = 0; i < 600; i++) {
        char text[32];
        sprintf(text, "memo.get wait=10s n k%d", i);
        context.policy->namespaces[0].stats->memo_waiting = 0; // room is another test's
        wait_for(0, text);
    }
    stats()->memo_waiting = 600;
    ck_assert_uint_eq(context.awaited_keys, 600);
    bool has_asked = false;
    for (pass(59); answered_count < sent_count;) {
        has_asked |= strcmp(sent[answered_count].key, "n:k599") == 0;
        answer(NO_RESULT);
    }
    ck_assert(!has_asked);
    for (pass(61); answered_count < sent_count;) {
        has_asked |= strcmp(sent[answered_count].key, "n:k599") == 0;
        answer(NO_RESULT);
    }
    ck_assert(has_asked);
}
END_TEST

// --- writes -----------------------------------------------------------------------------------

START_TEST(a_write_wakes_the_line_at_once) {
    wait_for(0, "memo.get wait=10s n k");
    wait_for(1, "memo.get wait=10s n k");
    say(2, "key.set n k v");
    check_unanswered("SET n:k, ASK n:k");
    answer("+OK\r\n");
    answer(RESULT);
    check_reply(0, RESULT);
    check_reply(1, RESULT);
    check_reply(2, "+OK\r\n");
}
END_TEST

START_TEST(a_write_behind_a_question_has_it_asked_again_without_a_pause) {
    wait_for(0, "memo.get wait=10s n k");
    for (int i = 0; i < 5; i++) { // so that a pause would be long
        pass(100);
        answer(NO_RESULT);
    }
    pass(100);
    say(1, "key.set n k v");
    check_unanswered("ASK n:k, SET n:k");
    answer(NO_RESULT);
    answer("+OK\r\n");
    pass(0);
    check_unanswered("ASK n:k");
}
END_TEST

START_TEST(a_write_of_many_keys_wakes_each_queue) {
    wait_for(0, "memo.get wait=10s n a");
    wait_for(1, "memo.get wait=10s n b");
    say(2, "del n x b a");
    check_unanswered("UNLINK n:x, ASK n:b, ASK n:a");
}
END_TEST

START_TEST(a_write_to_another_key_or_namespace_wakes_nobody) {
    wait_for(0, "memo.get wait=10s n k");
    say(1, "key.set n kk v");
    say(1, "key.set o k v");
    say(1, "key.get n k");
    check_unanswered("SET n:kk, SET o:k, GET n:k");
}
END_TEST

// --- ends -------------------------------------------------------------------------------------

START_TEST(a_wait_ends_at_its_time) {
    wait_for(0, "memo.get wait=200ms n k");
    wait_for(1, "memo.get wait=300ms n k");
    pass(199);
    answer(NO_RESULT);
    check_reply(0, "");
    pass(1);
    check_reply(0, NO_RESULT);
    check_reply(1, "");
    pass(99);
    answer(NO_RESULT);
    check_reply(1, "");
    pass(1);
    check_reply(1, NO_RESULT);
    ck_assert_uint_eq(stats()->memo_misses, 2);
    ck_assert_uint_eq(stats()->memo_waiting, 0);
    ck_assert_uint_eq(context.awaited_keys, 0);
}
END_TEST

START_TEST(a_question_under_way_when_the_wait_ends_is_the_reply) {
    wait_for(0, "memo.get wait=200ms n k");
    pass(100);
    pass(200);
    check_reply(0, "");
    answer(NO_RESULT);
    check_reply(0, NO_RESULT);
    ck_assert_uint_eq(stats()->memo_waiting, 0);
}
END_TEST

START_TEST(who_does_not_say_wait_does_not_wait) {
    wait_for(0, "memo.get n k");
    check_reply(0, NO_RESULT);
    ck_assert_uint_eq(stats()->memo_waits, 0);
    ck_assert_uint_eq(context.awaited_keys, 0);
}
END_TEST

START_TEST(nobody_begins_to_wait_when_the_daemon_ends_and_who_waits_is_answered) {
    wait_for(0, "memo.get wait=10s n k");
    say(1, "memo.get wait=10s n k");
    answer(NIL);
    context.is_draining = true;
    memo_wait_end(&context);
    check_reply(0, NO_RESULT);
    answer(NO_RESULT);
    check_reply(1, NO_RESULT);
    ck_assert_uint_eq(context.awaited_keys, 0);
}
END_TEST

START_TEST(as_many_may_wait_as_may_be_under_way_at_the_backend) {
    for (int i = 0; i < 100; i++)
        wait_for(0, "memo.get wait=10s n k");
    wait_for(1, "memo.get wait=10s n k");
    check_reply(1, "-OVERLOADED too many wait for this namespace's results\r\n");
    ck_assert_uint_eq(stats()->memo_waiting, 100);
    say(2, "memo.get wait=10s n k");
    answer(NIL);
    pass(5);
    answer(NO_RESULT); // to peer 2: whoever asks for the line keeps its place
    check_reply(2, "-OVERLOADED too many wait for this namespace's results\r\n");
    answer(NO_RESULT);
    ck_assert_uint_eq(stats()->memo_waiting, 100);
    check_reply(0, "");
}
END_TEST

START_TEST(all_are_refused_when_the_backend_is_down) {
    wait_for(0, "memo.get wait=10s n k");
    wait_for(1, "memo.get wait=10s n k");
    set_room(BACKEND_DOWN);
    pass(5);
    check_unanswered("");
    check_reply(0, "-UNAVAILABLE backend main is down\r\n");
    check_reply(1, "-UNAVAILABLE backend main is down\r\n");
    ck_assert_uint_eq(context.awaited_keys, 0);
}
END_TEST

START_TEST(a_line_asks_a_full_backend_later) {
    wait_for(0, "memo.get wait=10s n k");
    set_room(BACKEND_FULL);
    pass(5);
    check_unanswered("");
    set_room(BACKEND_ROOM);
    pass(99);
    check_unanswered("");
    pass(1);
    check_unanswered("ASK n:k");
}
END_TEST

// The hash slot of the key goes from one server of a cluster to another.
START_TEST(a_line_whose_key_is_on_the_move_asks_later) {
    wait_for(0, "memo.get wait=10s n k");
    set_room(BACKEND_TURNING);
    for (int i = 0; i < 20; i++)
        pass(100);
    check_unanswered("");
    check_reply(0, "");
    set_room(BACKEND_ROOM);
    pass(100);
    check_unanswered("ASK n:k");
    set_room(BACKEND_TURNING);
    leave(0);
    answer(GIVES(A_TOKEN));
    check_unanswered("DROP n:k"); // a further step of a request under way need not wait
}
END_TEST

START_TEST(a_step_under_way_need_not_wait_while_its_key_is_on_the_move) {
    say(0, "memo.get n k");
    set_room(BACKEND_TURNING);
    answer(NIL);
    check_unanswered("ASK n:k");
    answer(GIVES(A_TOKEN));
    check_reply(0, GIVES(A_TOKEN));
}
END_TEST

START_TEST(a_lost_question_fails_who_asked_and_another_asks_anew) {
    wait_for(0, "memo.get wait=10s n k");
    wait_for(1, "memo.get wait=10s n k");
    pass(5);
    lose();
    check_reply(0, "-LOST backend main broke the connection before it answered\r\n");
    check_reply(1, "");
    pass(100);
    check_unanswered("ASK n:k");
    answer(RESULT);
    check_reply(1, RESULT);
}
END_TEST

// --- who goes ---------------------------------------------------------------------------------

START_TEST(who_goes_while_it_waits_leaves_the_queue) {
    wait_for(0, "memo.get wait=10s n k");
    wait_for(1, "memo.get wait=10s n k");
    leave(0);
    pass(5);
    ck_assert_uint_eq(stats()->memo_waiting, 1); // peer 1, which asks
    check_unanswered("ASK n:k");
    answer(GIVES(A_TOKEN));
    check_reply(1, GIVES(A_TOKEN));
    check_reply(0, "");
    check_unanswered("");
}
END_TEST

START_TEST(a_lease_for_nobody_is_given_back_and_another_asks) {
    char token[MEMO_TOKEN_SIZE + 1];
    wait_for(0, "memo.get wait=10s n k");
    wait_for(1, "memo.get wait=10s n k");
    pass(5);
    strcpy(token, last_token());
    leave(0);
    answer(GIVES(A_TOKEN));
    check_unanswered("DROP n:k");
    ck_assert_str_eq(last_token(), token);
    answer(":1\r\n");
    pass(100);
    check_unanswered("ASK n:k");
    ck_assert_str_ne(last_token(), token);
    answer(GIVES(A_TOKEN));
    check_reply(1, GIVES(A_TOKEN));
}
END_TEST

START_TEST(a_lease_for_nobody_ends_by_itself_where_there_is_no_room) {
    wait_for(0, "memo.get wait=10s n k");
    pass(5);
    leave(0);
    set_room(BACKEND_FULL);
    answer(GIVES(A_TOKEN));
    check_unanswered("");
    pass(100);
    ck_assert_uint_eq(context.awaited_keys, 0);
}
END_TEST

START_TEST(a_lease_for_a_peer_that_has_gone_unread_is_given_back) {
    say(0, "memo.get n k");
    answer(NIL);
    peers[0].is_gone = true;
    answer(GIVES(A_TOKEN));
    check_unanswered("DROP n:k");
    check_reply(0, GIVES(A_TOKEN));
}
END_TEST

START_TEST(who_is_surely_there_asks_before_who_may_have_gone) {
    for (int i = 0; i < 3; i++)
        wait_for(i, "memo.get wait=10s n k");
    peers[0].is_gone = true;
    peers[1].session.is_half_closed = true; // over TCP
    pass(5);
    answer(GIVES(A_TOKEN));
    check_reply(2, GIVES(A_TOKEN));
    pass(100); // of two that may have gone, the first
    answer(GIVES(A_TOKEN));
    check_reply(0, GIVES(A_TOKEN));
    check_unanswered("DROP n:k");
}
END_TEST

START_TEST(who_may_not_write_asks_without_a_lease_and_only_when_nobody_else_waits) {
    static const struct user_conf reader = {.access = ACCESS_READ, .namespaces.has_all = true};
    peers[0].session.identity = (struct identity){.user = &reader, .is_local = true};
    say(0, "memo.get wait=10s n k");
    answer(NIL);
    ck_assert_str_eq(last_token(), "");
    answer(NO_RESULT);
    wait_for(1, "memo.get wait=10s n k");
    pass(5);
    ck_assert_str_ne(last_token(), "");
    answer(GIVES(A_TOKEN));
    check_reply(1, GIVES(A_TOKEN));
    pass(100);
    check_unanswered("ASK n:k");
    ck_assert_str_eq(last_token(), "");
    answer(RESULT);
    check_reply(0, RESULT);
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND(
        "memo_wait", begin_waits, end_waits, many_wait_for_one_key_and_one_asks,
        each_is_told_in_its_own_protocol, the_timer_ticks_only_while_somebody_waits,
        each_key_has_a_line_of_its_own, who_joins_behind_a_question_is_not_told_its_answer,
        who_joins_behind_the_only_one_who_waited_is_not_told_either,
        a_question_under_way_is_not_asked_twice, who_asks_in_vain_goes_before_all_others_again,
        who_gets_the_lease_computes_and_the_others_wait_on,
        a_refresh_is_given_to_one_and_the_stale_value_to_all,
        pauses_double_up_to_a_tenth_of_a_second, pauses_differ_by_chance,
        pauses_grow_with_how_many_keys_are_waited_for, a_write_wakes_the_line_at_once,
        a_write_behind_a_question_has_it_asked_again_without_a_pause,
        a_write_of_many_keys_wakes_each_queue, a_write_to_another_key_or_namespace_wakes_nobody,
        a_wait_ends_at_its_time, a_question_under_way_when_the_wait_ends_is_the_reply,
        who_does_not_say_wait_does_not_wait,
        nobody_begins_to_wait_when_the_daemon_ends_and_who_waits_is_answered,
        as_many_may_wait_as_may_be_under_way_at_the_backend,
        all_are_refused_when_the_backend_is_down, a_line_asks_a_full_backend_later,
        a_line_whose_key_is_on_the_move_asks_later,
        a_step_under_way_need_not_wait_while_its_key_is_on_the_move,
        a_lost_question_fails_who_asked_and_another_asks_anew,
        who_goes_while_it_waits_leaves_the_queue, a_lease_for_nobody_is_given_back_and_another_asks,
        a_lease_for_nobody_ends_by_itself_where_there_is_no_room,
        a_lease_for_a_peer_that_has_gone_unread_is_given_back,
        who_is_surely_there_asks_before_who_may_have_gone,
        who_may_not_write_asks_without_a_lease_and_only_when_nobody_else_waits);
}
