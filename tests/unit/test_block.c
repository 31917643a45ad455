// Answer: the reply to a client's MULTI, fed whole and moved between any two bytes.
#include "helpers.h"
#include "protocol/redis/resp3.h"
#include "protocol/redis/words.h"
#include "protocol/resp.h"

// A block and the answers of Redis to its commands.
struct exchange {
    struct answer answer;
    struct bytes out; // the reply, behind what stood there before
    struct resp *resp;
    bool is_done;
};

static const struct slice before = {"+BEFORE\r\n", 9};

static void on_event(void *owner, const struct event *e) {
    struct exchange *x = owner;
    answer_event(&x->answer, e);
}

static bool on_reply(void *owner) {
    struct exchange *x = owner;
    ck_assert(!x->is_done);
    x->is_done = answer_end(&x->answer);
    return true;
}

static void exchange_feed(struct exchange *x, const char *data, size_t len) {
    char *exact = copy_exactly(data, len);
    ck_assert_ptr_null(resp_feed(x->resp, exact, len));
    free(exact);
}

static void exchange_end(struct exchange *x) {
    ck_assert_msg(x->is_done, "more answers awaited");
    resp_free(x->resp);
    bytes_deinit(&x->out);
}

// Of INCR, GET, HGETALL, SMEMBERS and LPUSH, whose key is of another kind; two repairs follow.
static const char block_redis[] = "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n"
                                  "+QUEUED\r\n+QUEUED\r\n"
                                  "*7\r\n:7\r\n$5\r\nvalue\r\n*2\r\n$1\r\nf\r\n$-1\r\n"
                                  "*1\r\n$1\r\nm\r\n-WRONGTYPE of another kind\r\n:1\r\n:0\r\n";

#define BLOCK_REPLY(map, nil, set)                                                                 \
    "*5\r\n:7\r\n$5\r\nvalue\r\n" map "\r\n$1\r\nf\r\n" nil "\r\n" set                             \
    "\r\n$1\r\nm\r\n-WRONGTYPE of another kind\r\n"

static struct answer_block *block_new(bool is_resp3) {
    static const uint8_t kinds[] = {SHAPE_SAME, SHAPE_SAME, SHAPE_MAP, SHAPE_SET, SHAPE_SAME};
    struct answer_block *block = calloc(1, sizeof(*block) + 5 * sizeof(*block->items));
    block->count = 5;
    block->is_resp3 = is_resp3;
    for (size_t i = 0; i < block->count; i++) {
        block->items[i].render = render_as_is;
        block->items[i].shape = kinds[i];
    }
    return block;
}

static void begin_block(struct exchange *x, const struct answer_block *block) {
    struct command command = {.replies = 9, .frame = {.is_transaction = true, .is_any = true}};
    *x = (struct exchange){.resp = resp_new((struct resp_handler){on_event, on_reply, x})};
    bytes_append_slice(&x->out, before);
    answer_begin(&x->answer, &command, render_as_is, &x->out);
    x->answer.dialect = &redis_dialect;
    answer_set_block(&x->answer, block);
}

static void check_block(bool is_resp3, const char *reply) {
    struct slice redis = {block_redis, sizeof(block_redis) - 1};
    struct answer_block *block = block_new(is_resp3);
    for (size_t cut = 0; cut < redis.len; cut++) {
        struct exchange x;
        struct bytes other = {0}, wanted = {0};
        begin_block(&x, block);
        exchange_feed(&x, redis.data, cut);
        bytes_append_literal(&other, "+ANOTHER\r\n");
        answer_move(&x.answer, &other);
        exchange_feed(&x, redis.data + cut, redis.len - cut);
        bytes_printf(&wanted, "+ANOTHER\r\n%s", reply);
        check_same("left behind", bytes_slice(&x.out), before);
        check_same("moved", bytes_slice(&other), bytes_slice(&wanted));
        bytes_deinit(&other);
        bytes_deinit(&wanted);
        exchange_end(&x);
    }
    free(block);
}

START_TEST(block_moves_to_another_buffer_between_any_two_bytes) {
    check_block(false, BLOCK_REPLY("*2", "$-1", "*1"));
}
END_TEST

START_TEST(block_moves_likewise_for_a_client_of_protocol_3) {
    check_block(true, BLOCK_REPLY("%1", "_", "~1"));
}
END_TEST

int main(void) {
    return RUN_TESTS("block", block_moves_to_another_buffer_between_any_two_bytes,
                     block_moves_likewise_for_a_client_of_protocol_3);
}
