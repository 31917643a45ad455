// Reply queue: replies leave in the order of the requests, whatever the order of the answers.
#include "daemon/request/reply_queue.h"

#include "helpers.h"
#include "protocol/mem.h"

enum { SLOTS = 4, COST = 100, LARGE = 16 * 1024 };

struct owner {
    struct reply_slot slot;
    int left; // how often the queue has let go of the slot
};

static struct flusher flusher;
static struct stream stream;
static struct reply_queue queue;
static struct owner owners[SLOTS];
static struct bytes order; // of the slots that left, a digit each
static int settled;

static void on_left(struct reply_slot *slot) {
    struct owner *owner = CONTAINER_OF(slot, struct owner, slot);
    ck_assert_ptr_ne(queue.first, slot);
    owner->left++;
    bytes_printf(&order, "%d", (int)(owner - owners));
}

static void on_settled(struct reply_queue *q) {
    ck_assert_ptr_eq(q, &queue);
    settled++;
}

static void begin(void) {
    stream = (struct stream){.flusher = &flusher};
    queue = (struct reply_queue){.stream = &stream, .on_left = on_left, .on_settled = on_settled};
}

static void end(void) {
    for (size_t i = 0; i < SLOTS; i++)
        bytes_deinit(&owners[i].slot.reply);
    bytes_deinit(&stream.out);
    bytes_deinit(&order);
}

static void push_all(void) {
    for (size_t i = 0; i < SLOTS; i++)
        reply_queue_push(&queue, &owners[i].slot);
}

static void write_part(int number, const char *text) {
    bytes_append_slice(reply_queue_out(&queue, &owners[number].slot), slice_of(text));
}

static void reply(int number, const char *text) {
    write_part(number, text);
    reply_queue_done(&queue, &owners[number].slot, COST);
}

static void reply_long(int number, char letter, size_t len) {
    struct bytes *out = reply_queue_out(&queue, &owners[number].slot);
    memset(bytes_reserve(out, len), letter, len);
    bytes_grew(out, len);
    reply_queue_done(&queue, &owners[number].slot, COST);
}

static void check_out(const char *wanted) {
    check_same("output", bytes_slice(&stream.out), slice_of(wanted));
}

static void check_order(const char *wanted) {
    check_same("order", bytes_slice(&order), slice_of(wanted));
    for (size_t i = 0; i < SLOTS; i++)
        ck_assert_int_le(owners[i].left, 1);
}

static void check_empty(void) {
    ck_assert_ptr_null(queue.first);
    ck_assert_ptr_null(queue.last);
    ck_assert_uint_eq(queue.count, 0);
    ck_assert_uint_eq(queue.queued_bytes, 0);
}

START_TEST(replies_in_order_leave_at_once) {
    push_all();
    ck_assert_uint_eq(queue.count, SLOTS);
    reply(0, "a");
    check_out("a");
    check_order("0");
    ck_assert_uint_eq(queue.count, SLOTS - 1);
    reply(1, "b");
    reply(2, "c");
    reply(3, "d");
    check_out("abcd");
    check_order("0123");
    ck_assert_int_eq(settled, 4);
    check_empty();
}
END_TEST

START_TEST(replies_out_of_order_leave_in_order) {
    push_all();
    reply(2, "c");
    reply(1, "b");
    check_out("");
    check_order("");
    ck_assert_int_eq(settled, 0);
    reply(0, "a");
    check_out("abc");
    check_order("012");
    ck_assert_int_eq(settled, 1);
    reply(3, "d");
    check_out("abcd");
    check_order("0123");
    check_empty();
}
END_TEST

START_TEST(the_first_writes_straight_to_the_stream) {
    push_all();
    write_part(1, "b1");
    write_part(0, "a1");
    ck_assert_ptr_eq(reply_queue_out(&queue, &owners[0].slot), &stream.out);
    check_out("a1");
    reply(0, "a2");
    check_out("a1a2"); // half a reply does not leave its slot before it is the whole
    reply_queue_done(&queue, &owners[1].slot, COST);
    check_out("a1a2b1");
}
END_TEST

START_TEST(a_queue_that_was_empty_takes_slots_again) {
    for (int round = 0; round < 3; round++) {
        reply_queue_push(&queue, &owners[0].slot);
        reply_queue_push(&queue, &owners[1].slot);
        reply(0, "a");
        ck_assert_uint_eq(queue.count, 1);
        reply(1, "b");
        owners[0].left = owners[1].left = 0;
        owners[0].slot.reply.len = owners[1].slot.reply.len = 0;
        check_empty();
    }
    check_out("ababab");
}
END_TEST

START_TEST(queued_bytes_are_those_of_complete_replies_whose_turn_has_not_come) {
    push_all();
    write_part(1, "not complete");
    ck_assert_uint_eq(queue.queued_bytes, 0);
    reply(2, "c");
    size_t one = COST + owners[2].slot.reply.cap;
    ck_assert_uint_eq(queue.queued_bytes, one);
    reply_long(3, 'd', 5000);
    ck_assert_uint_ge(owners[3].slot.reply.cap, 5000);
    size_t both = one + COST + owners[3].slot.reply.cap;
    ck_assert_uint_eq(queue.queued_bytes, both);
    ck_assert_uint_eq(reply_queue_unread(&queue), both);
    reply(0, "a");
    ck_assert_uint_eq(queue.queued_bytes, both);
    ck_assert_uint_eq(reply_queue_unread(&queue), both + 1);
    reply_queue_done(&queue, &owners[1].slot, COST);
    check_empty();
    ck_assert_uint_eq(reply_queue_unread(&queue), stream.out.len);
}
END_TEST

START_TEST(a_large_reply_is_handed_on) {
    push_all();
    reply_long(1, 'b', LARGE);
    const char *data = owners[1].slot.reply.data;
    reply(0, "");
    ck_assert_ptr_eq(stream.out.data, data);
    ck_assert_uint_eq(stream.out.len, LARGE);
    ck_assert_ptr_ne(owners[1].slot.reply.data, data);
    ck_assert_uint_eq(owners[1].slot.reply.len, 0);
    check_order("01");
}
END_TEST

START_TEST(a_small_reply_is_copied) {
    push_all();
    reply_long(1, 'b', LARGE - 1);
    const char *data = owners[1].slot.reply.data;
    reply(0, "");
    ck_assert_ptr_ne(stream.out.data, data);
    ck_assert_uint_eq(stream.out.len, LARGE - 1);
    ck_assert_ptr_eq(owners[1].slot.reply.data, data);
}
END_TEST

START_TEST(a_large_reply_behind_others_keeps_its_place) {
    push_all();
    reply_long(2, 'c', LARGE);
    reply_long(1, 'b', LARGE);
    reply(0, "a");
    reply(3, "d");
    ck_assert_uint_eq(stream.out.len, 1 + LARGE + LARGE + 1);
    ck_assert_int_eq(stream.out.data[0], 'a');
    ck_assert_int_eq(stream.out.data[1], 'b');
    ck_assert_int_eq(stream.out.data[LARGE], 'b');
    ck_assert_int_eq(stream.out.data[LARGE + 1], 'c');
    ck_assert_int_eq(stream.out.data[2 * LARGE + 1], 'd');
}
END_TEST

START_TEST(a_drop_lets_go_of_each_slot_once_and_writes_nothing) {
    push_all();
    reply(0, "a");
    reply(2, "c");
    reply_queue_drop(&queue);
    check_out("a");
    check_order("0123");
    ck_assert_int_eq(settled, 1);
    check_empty();
    reply_queue_drop(&queue);
    check_order("0123");
}
END_TEST

START_TEST(nobody_needs_to_hear_that_replies_have_left) {
    queue.on_settled = NULL;
    push_all();
    reply(1, "b");
    reply(0, "a");
    check_out("ab");
}
END_TEST

START_TEST(the_usual_size_is_that_of_the_longest_reply_and_fades) {
    reply_queue_learn(&queue, 6400);
    ck_assert_uint_eq(queue.usual_size, 6400);
    reply_queue_learn(&queue, 10);
    ck_assert_uint_eq(queue.usual_size, 6300);
    reply_queue_learn(&queue, 6400);
    ck_assert_uint_eq(queue.usual_size, 6400);
    for (int i = 0; i < 43; i++)
        reply_queue_learn(&queue, 10);
    ck_assert_uint_gt(queue.usual_size, 3200);
    for (int i = 0; i < 357; i++)
        reply_queue_learn(&queue, 10);
    ck_assert_uint_lt(queue.usual_size, 100);
    reply_queue_learn(&queue, 9000);
    ck_assert_uint_eq(queue.usual_size, 9000);
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND("reply_queue", begin, end, replies_in_order_leave_at_once,
                            replies_out_of_order_leave_in_order,
                            the_first_writes_straight_to_the_stream,
                            a_queue_that_was_empty_takes_slots_again,
                            queued_bytes_are_those_of_complete_replies_whose_turn_has_not_come,
                            a_large_reply_is_handed_on, a_small_reply_is_copied,
                            a_large_reply_behind_others_keeps_its_place,
                            a_drop_lets_go_of_each_slot_once_and_writes_nothing,
                            nobody_needs_to_hear_that_replies_have_left,
                            the_usual_size_is_that_of_the_longest_reply_and_fades);
}
