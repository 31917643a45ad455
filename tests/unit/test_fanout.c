// Fanout: a request of several keys as one command for each, and the join of their answers.
#include "daemon/request/fanout.h"
#include "protocol/redis/words.h"
#include "requests.h"

// No server is chosen by its number here.
enum backend_room node_room(const struct node *n, size_t most_output) {
    (void)n;
    (void)most_output;
    return BACKEND_DOWN;
}

// --- a cluster, whose slots are the last characters of keys -----------------------------------

static enum backend_room rooms[128]; // by slot

static unsigned slot_of(struct split_key key) {
    return (unsigned)key.rest.data[key.rest.len - 1] & 127;
}

static struct backend_conn *pick_by_key(struct backend *b, unsigned hash_slot,
                                        enum backend_room *of) {
    (void)b;
    *of = rooms[hash_slot];
    return rooms[hash_slot] == BACKEND_DOWN ? NULL : &conn;
}

static const struct route cluster = {.pick = pick_by_key, .source = no_source};

static struct namespace_conf *conf(void) {
    return (struct namespace_conf *)context.policy->namespaces[0].conf;
}

static void begin_cluster(void) {
    begin_waits();
    memset(rooms, 0, sizeof(rooms));
    backend.route = &cluster;
    backend.conn = NULL;
    backend.hash_slot_of = slot_of;
}

static void end_cluster(void) {
    end_waits();
    backend.hash_slot_of = NULL;
}

// The server of the part answers, or fails.
static void answer_part(size_t part, const char *text) { answer_slot(take(part), text); }
static void lose_part(size_t part) {
    struct slot *slot = take(part);
    slot->owner->failed(slot, SLOT_LOST);
}
static void end_time_of(size_t part) {
    sent[part].slot->owner->failed(sent[part].slot, SLOT_TIMEOUT);
}

// An answer that comes in pieces.
struct coming {
    struct slot *slot;
    struct answer a;
    struct resp *resp;
};

static void feed(struct coming *c, const char *text) {
    ck_assert_ptr_null(resp_feed(c->resp, text, strlen(text)));
}

// The part's item is a string of LONG bytes, of which HALF have come.
enum { LONG = 100000, HALF = 60000 };

static void feed_bytes(struct coming *c, size_t count) {
    char *bytes = mem_new(count + 1);
    memset(bytes, 'x', count);
    feed(c, bytes);
    mem_free(bytes);
}

static void begin_coming(struct coming *c, size_t part) {
    memset(c, 0, sizeof(*c));
    c->slot = take(part);
    c->resp = resp_new((struct resp_handler){on_event, on_reply, &c->a});
    c->slot->owner->begin(c->slot, &c->a);
    feed(c, "*1\r\n$100000\r\n");
    feed_bytes(c, HALF);
    c->slot->owner->half(c->slot, &c->a);
}

static void end_coming(struct coming *c) {
    feed_bytes(c, LONG - HALF);
    feed(c, "\r\n");
    c->slot->owner->answered(c->slot, &c->a);
    answer_deinit(&c->a);
    resp_free(c->resp);
}

static size_t held(void) { return peers[0].session.replies.queued_bytes; }

#define ITEM(text) "*1\r\n$1\r\n" text "\r\n"
#define NO_ITEM    "*1\r\n$-1\r\n"

// --- joining ----------------------------------------------------------------------------------

START_TEST(each_key_is_asked_for_alone_and_the_items_come_in_the_order_of_the_keys) {
    say(0, "key.mget n a b c");
    check_unanswered("MGET n:a, MGET n:b, MGET n:c");
    answer_part(2, ITEM("z"));
    answer_part(0, ITEM("x"));
    check_reply(0, "");
    answer_part(1, NO_ITEM);
    check_reply(0, "*3\r\n$1\r\nx\r\n$-1\r\n$1\r\nz\r\n");
    ck_assert_uint_eq(stats()->hits, 1);
    ck_assert_uint_eq(stats()->bytes_out, strlen("*3\r\n$1\r\nx\r\n$-1\r\n$1\r\nz\r\n"));
    ck_assert_uint_eq(held(), 0);
}
END_TEST

START_TEST(numbers_are_added) {
    say(0, "del n a b a");
    check_unanswered("UNLINK n:a, UNLINK n:b, UNLINK n:a");
    answer_part(0, ":1\r\n");
    answer_part(1, ":1\r\n");
    answer_part(2, ":0\r\n");
    check_reply(0, ":2\r\n");
    ck_assert_uint_eq(stats()->writes, 1);
}
END_TEST

START_TEST(one_key_goes_the_ordinary_way) {
    say(0, "key.mget n a");
    answer(ITEM("x"));
    check_reply(0, ITEM("x"));
}
END_TEST

START_TEST(with_one_server_all_keys_are_one_command) {
    backend.hash_slot_of = NULL;
    say(0, "del n a b c");
    check_unanswered("UNLINK n:a");
    answer(":3\r\n");
    check_reply(0, ":3\r\n");
}
END_TEST

START_TEST(replies_keep_the_order_of_the_requests) {
    say(0, "key.get n a");
    say(0, "key.mget n b c");
    say(0, "key.get n d");
    answer_part(3, "$1\r\n4\r\n");
    answer_part(2, ITEM("3"));
    answer_part(1, ITEM("2"));
    check_reply(0, "");
    answer_part(0, "$1\r\n1\r\n");
    check_reply(0, "$1\r\n1\r\n*2\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n");
    ck_assert_uint_eq(held(), 0);
}
END_TEST

START_TEST(a_write_of_many_keys_wakes_who_waits_for_one) {
    wait_for(1, "memo.get wait=10s n b");
    say(0, "del n a b");
    check_unanswered("UNLINK n:a, UNLINK n:b, ASK n:b");
    ck_assert_uint_eq(strlen(last_token()), MEMO_TOKEN_SIZE);
    answer(":0\r\n");
    answer(":1\r\n");
    answer(RESULT);
    check_reply(1, RESULT);
    ck_assert(pass(100)); // nobody waits any more
}
END_TEST

START_TEST(an_answer_that_no_server_gives_is_a_fault) {
    static const char *const odd[] = {"*2\r\n$1\r\nx\r\n$1\r\ny\r\n", "*0\r\n", "$1\r\nx\r\n",
                                      ":1\r\n"};
    for (size_t i = 0; i < COUNT(odd); i++) {
        say(0, "key.mget n a b");
        answer(odd[i]);
        answer(ITEM("y"));
        check_reply(0, "-INTERNAL the backend gave an unknown answer\r\n");
    }
}
END_TEST

// --- failures ---------------------------------------------------------------------------------

#define LATE "-TIMEOUT backend main did not answer in time\r\n"
#define GONE "-LOST backend main broke the connection before it answered\r\n"

START_TEST(the_first_failure_in_the_order_of_keys_is_the_reply) {
    say(0, "key.mget n a b c");
    lose_part(2);
    end_time_of(1);
    check_reply(0, "");
    answer_part(0, ITEM("x"));
    check_reply(0, LATE);
    ck_assert_uint_eq(stats()->errors[REPLY_TIMEOUT], 1);
    ck_assert_uint_eq(stats()->errors[REPLY_LOST], 0);
    ck_assert_uint_eq(stats()->hits, 0);
    answer_part(1, ITEM("y"));
    check_reply(0, "");
}
END_TEST

START_TEST(an_error_of_the_server_is_a_failure) {
    say(0, "key.mget n a b");
    answer_part(1, "-WRONGTYPE of b\r\n");
    answer_part(0, "-ERR of a\r\n");
    check_reply(0, "-INTERNAL the backend gave an unknown answer\r\n");
}
END_TEST

START_TEST(a_write_that_was_applied_in_part_is_lost) {
    say(0, "del n a b c");
    answer_part(0, ":1\r\n");
    answer_part(2, ":1\r\n");
    end_time_of(1);
    check_reply(0, "-LOST 2 keys were removed, others perhaps not: "
                   "backend main did not answer in time\r\n");
    answer_part(1, ":1\r\n");
    check_reply(0, "");
    ck_assert_uint_eq(stats()->errors[REPLY_LOST], 1);
    ck_assert_uint_eq(stats()->writes, 0);
}
END_TEST

START_TEST(a_write_that_was_refused_for_all_keys_was_not_applied) {
    say(0, "del n a b");
    answer("-OOM command not allowed\r\n");
    answer("-OOM command not allowed\r\n");
    check_reply(0, "-OVERLOADED the backend is out of memory\r\n");
}
END_TEST

START_TEST(a_refusal_of_one_key_does_not_say_that_others_were_not_applied) {
    say(0, "del n a b");
    answer_part(0, "-OOM command not allowed\r\n");
    lose_part(1);
    check_reply(0,
                "-LOST 0 keys were removed, others perhaps not: the backend is out of memory\r\n");
    say(0, "del n a b");
    answer_part(2, "-OOM command not allowed\r\n");
    answer_part(3, ":1\r\n");
    check_reply(0,
                "-LOST 1 keys were removed, others perhaps not: the backend is out of memory\r\n");
}
END_TEST

START_TEST(failures_are_told_in_the_words_of_the_clients_dialect) {
    say(0, "del n a b");
    peers[0].session.dialect = &redis_dialect; // a request of this dialect is not read here
    answer("-ERR unknown command 'del'\r\n");
    answer("-LOADING Redis is loading the dataset in memory\r\n");
    check_reply(0, "-ERR unknown command 'del'\r\n");
    peers[0].session.dialect = &native_dialect;
    say(0, "del n a b");
    peers[0].session.dialect = &redis_dialect;
    answer_part(2, "-LOADING Redis is loading the dataset in memory\r\n");
    answer_part(3, ":1\r\n");
    check_reply(0, "-LOST 1 keys were removed, others perhaps not: "
                   "cachesd: the backend is loading its data\r\n");
    peers[0].session.dialect = &native_dialect;
    say(0, "del n a b");
    peers[0].session.dialect = &redis_dialect;
    answer_part(4, "-MINE\r\n");
    answer_part(5, ":1\r\n");
    check_reply(0, "-LOST 1 keys were removed, others perhaps not: MINE\r\n");
}
END_TEST

START_TEST(items_come_in_the_protocol_of_the_client) {
    peers[0].session.is_resp3 = true;
    say(0, "key.mget n a b");
    answer_part(1, NO_ITEM);
    answer_part(0, ITEM("x"));
    check_reply(0, "*2\r\n$1\r\nx\r\n_\r\n");
}
END_TEST

START_TEST(on_error_miss_holds_for_each_key) {
    conf()->on_error = ON_ERROR_MISS;
    say(0, "key.mget n a b c d");
    answer_part(0, ITEM("x"));
    lose_part(1);
    end_time_of(2);
    answer_part(3, "-LOADING Redis is loading\r\n");
    check_reply(0, "*4\r\n$1\r\nx\r\n$-1\r\n$-1\r\n$-1\r\n");
    ck_assert_uint_eq(stats()->misses, 1);
    answer_part(2, ITEM("z"));
    say(0, "del n a b");
    lose_part(4);
    lose_part(5);
    check_reply(0, GONE);
}
END_TEST

START_TEST(a_part_whose_time_is_over_is_answered_to_nobody) {
    say(0, "del n a b");
    end_time_of(0);
    end_time_of(1);
    check_reply(0, LATE);
    answer_part(1, ":1\r\n");
    lose_part(0);
    check_reply(0, "");
}
END_TEST

START_TEST(time_may_be_over_while_the_answer_comes) {
    struct coming late;
    say(0, "key.mget n a b");
    begin_coming(&late, 0);
    ck_assert_uint_gt(held(), LONG);
    answer_cancel(&late.a);
    late.a.is_failed = true;
    late.slot->owner->failed(late.slot, SLOT_TIMEOUT);
    answer_part(1, ITEM("x"));
    check_reply(0, LATE);
    ck_assert_uint_eq(held(), 0);
    end_coming(&late);
    check_reply(0, "");
}
END_TEST

// --- the client has gone ----------------------------------------------------------------------

START_TEST(a_client_may_leave_at_any_time) {
    struct coming half;
    say(0, "key.mget n a b c d");
    answer_part(0, ITEM("x"));
    begin_coming(&half, 1);
    leave(0);
    half.slot->owner->half(half.slot, &half.a);
    ck_assert(half.a.is_failed); // what follows is dropped
    end_coming(&half);
    answer_part(2, ITEM("z"));
    lose_part(3);
    check_reply(0, "");
    ck_assert_uint_eq(held(), 0);
}
END_TEST

START_TEST(a_client_may_leave_while_parts_are_late) {
    say(0, "del n a b");
    end_time_of(0);
    leave(0);
    end_time_of(1);
    answer_part(0, ":1\r\n");
    answer_part(1, ":1\r\n");
    check_reply(0, "");
}
END_TEST

// --- room -------------------------------------------------------------------------------------

static enum progress start(const char *text, bool may_wait) {
    struct sample sample = sample_of(text);
    return dispatch(&peers[0].session, sample.words, sample.count, strlen(text), may_wait);
}

START_TEST(a_request_waits_for_the_slot_that_lacks_room) {
    static const enum backend_room some[] = {BACKEND_FULL, BACKEND_STARTING, BACKEND_TURNING};
    for (size_t i = 0; i < COUNT(some); i++) {
        rooms['b'] = some[i];
        rooms['c'] = BACKEND_DOWN;
        ck_assert_int_eq(start("del n a b c", true), PROGRESS_WAIT_ROOM);
        ck_assert_uint_eq(peers[0].session.full_slot, 'b');
        check_unanswered("");
    }
    ck_assert_uint_eq(held(), 0);
}
END_TEST

START_TEST(late_it_is_refused_and_nothing_is_sent) {
    rooms['b'] = BACKEND_FULL;
    ck_assert_int_eq(start("del n a b c", false), PROGRESS_DONE);
    check_reply(0, "-OVERLOADED too many requests at backend main for too long\r\n");
    rooms['b'] = BACKEND_TURNING;
    ck_assert_int_eq(start("del n a b c", false), PROGRESS_DONE);
    check_reply(0, "-UNAVAILABLE backend main has no server for the key now\r\n");
    rooms['b'] = BACKEND_DOWN;
    say(0, "del n a b c");
    check_reply(0, "-UNAVAILABLE backend main is down\r\n");
    say(0, "key.mget n a b c");
    check_reply(0, "-UNAVAILABLE backend main is down\r\n");
    check_unanswered("");
}
END_TEST

START_TEST(on_error_miss_asks_for_the_keys_that_have_a_server) {
    conf()->on_error = ON_ERROR_MISS;
    rooms['b'] = BACKEND_DOWN;
    say(0, "key.mget n a b");
    check_unanswered("MGET n:a");
    answer(ITEM("x"));
    check_reply(0, "*2\r\n$1\r\nx\r\n$-1\r\n");
    rooms['a'] = BACKEND_DOWN;
    say(0, "key.mget n a b");
    check_reply(0, "*2\r\n$-1\r\n$-1\r\n");
    check_unanswered("");
}
END_TEST

START_TEST(a_request_has_at_most_as_many_keys_as_may_be_pending) {
    ((struct backend_conf *)backend.conf)->max_pending = 2;
    say(0, "del n a b");
    answer(":1\r\n");
    answer(":1\r\n");
    check_reply(0, ":2\r\n");
    say(0, "del n a b c");
    check_reply(0, "-OVERLOADED more keys than backend main may have pending\r\n");
}
END_TEST

// --- memory -----------------------------------------------------------------------------------

#define FULL "-OVERLOADED the reply is longer than client_output has room for\r\n"

static void limit_output(int64_t bytes) {
    ((struct settings *)context.policy->settings)->daemon.client_output = bytes;
}

START_TEST(a_reply_that_is_too_long_is_refused_when_all_parts_have_ended) {
    limit_output(20);
    say(0, "key.mget n a b c d");
    answer_part(0, "*1\r\n$5\r\n12345\r\n");
    answer_part(1, "*1\r\n$5\r\n12345\r\n");
    check_reply(0, "");
    answer_part(2, ITEM("x"));
    answer_part(3, ITEM("x"));
    check_reply(0, FULL);
    ck_assert(peers[0].session.replies.is_over);
    ck_assert_uint_eq(held(), 0);
}
END_TEST

START_TEST(an_answer_that_comes_in_pieces_is_joined) {
    struct coming a;
    say(0, "key.mget n a b");
    begin_coming(&a, 0);
    answer_part(1, ITEM("y"));
    end_coming(&a);
    struct bytes *out = stream_out(&peers[0].stream);
    ck_assert_uint_eq(out->len, strlen("*2\r\n$100000\r\n") + LONG + strlen("\r\n$1\r\ny\r\n"));
    out->len = 0;
    ck_assert_uint_eq(held(), 0);
}
END_TEST

START_TEST(what_is_about_to_come_counts) {
    struct coming a, b;
    limit_output(LONG + HALF);
    say(0, "key.mget n a b");
    begin_coming(&a, 0);
    ck_assert(!a.a.is_failed);
    begin_coming(&b, 1);
    ck_assert(b.a.is_too_long);
    end_coming(&b);
    check_reply(0, "");
    a.slot->owner->half(a.slot, &a.a);
    ck_assert(a.a.is_failed); // what follows is dropped
    end_coming(&a);
    check_reply(0, FULL);
}
END_TEST

START_TEST(the_parts_themselves_leave_room_for_the_reply) {
    limit_output(100);
    say(0, "del n x");
    peers[0].session.replies.usual_size = 10;
    say(0, "key.mget n a b");
    ck_assert_uint_gt(held(), 100);
    answer_part(1, ITEM("1"));
    answer_part(2, ITEM("2"));
    answer_part(0, ":1\r\n");
    check_reply(0, ":1\r\n*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
}
END_TEST

START_TEST(what_is_held_counts_as_unread_of_the_client) {
    limit_output(4000);
    peers[0].session.replies.usual_size = 10;
    say(0, "key.get n x");
    say(0, "key.mget n a b");
    say(0, "key.mget n a b");
    answer_part(1, "*1\r\n$5\r\n12345\r\n");
    size_t before = held();
    ck_assert_uint_gt(before, 2 * 2 * sizeof(struct slot) + 5);
    answer_part(3, "*1\r\n$5\r\n12345\r\n");
    ck_assert_uint_eq(held(), before + 11);
    limit_output(0);
    answer_part(4, ITEM("x"));
    limit_output(4000);
    answer_part(2, ITEM("x"));
    answer_part(0, "$1\r\n1\r\n");
    check_reply(0, "$1\r\n1\r\n*2\r\n$5\r\n12345\r\n$1\r\nx\r\n" FULL);
    ck_assert_uint_eq(held(), 0);
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND(
        "fanout", begin_cluster, end_cluster,
        each_key_is_asked_for_alone_and_the_items_come_in_the_order_of_the_keys, numbers_are_added,
        one_key_goes_the_ordinary_way, with_one_server_all_keys_are_one_command,
        replies_keep_the_order_of_the_requests, a_write_of_many_keys_wakes_who_waits_for_one,
        an_answer_that_no_server_gives_is_a_fault,
        the_first_failure_in_the_order_of_keys_is_the_reply, an_error_of_the_server_is_a_failure,
        a_write_that_was_applied_in_part_is_lost,
        a_write_that_was_refused_for_all_keys_was_not_applied,
        a_refusal_of_one_key_does_not_say_that_others_were_not_applied,
        failures_are_told_in_the_words_of_the_clients_dialect,
        items_come_in_the_protocol_of_the_client, on_error_miss_holds_for_each_key,
        a_part_whose_time_is_over_is_answered_to_nobody, time_may_be_over_while_the_answer_comes,
        a_client_may_leave_at_any_time, a_client_may_leave_while_parts_are_late,
        a_request_waits_for_the_slot_that_lacks_room, late_it_is_refused_and_nothing_is_sent,
        on_error_miss_asks_for_the_keys_that_have_a_server,
        a_request_has_at_most_as_many_keys_as_may_be_pending,
        a_reply_that_is_too_long_is_refused_when_all_parts_have_ended,
        an_answer_that_comes_in_pieces_is_joined, what_is_about_to_come_counts,
        the_parts_themselves_leave_room_for_the_reply, what_is_held_counts_as_unread_of_the_client);
}
