// Memo: what a string of Redis means to the verbs of `key`, and which replies of the script count.
#include "protocol/memo.h"

#include "helpers.h"
#include "protocol/resp.h"

#define NEVER "9999999999999" // of the server's time, in ms

static void check_look(struct slice text, size_t rest, enum memo_content wanted,
                       struct slice value) {
    char *exact = copy_exactly(text.data, text.len);
    struct slice looked = {exact, text.len};
    enum memo_content content = memo_look(&looked, rest);
    ck_assert_msg(content == wanted, "%.*s: %d", (int)text.len - 5, text.data + 5, (int)content);
    check_same("value", looked, value);
    free(exact);
}

START_TEST(a_lease_and_nothing_are_no_values) {
    static const struct slice rows[] = {
        SLICE("\0memoL0aF 1"),     SLICE("\0memoL0 " NEVER),
        SLICE("\0memoN1"),         SLICE("\0memoN" NEVER),
        SLICE("\0memoS0 1 2 3 v"), // its value has ended
    };
    for (size_t i = 0; i + 1 < COUNT(rows); i++)
        check_look(rows[i], 0, MEMO_NO_VALUE, rows[i]);
    check_look(rows[COUNT(rows) - 1], 0, MEMO_NO_VALUE, SLICE("v"));
}
END_TEST

START_TEST(a_value_stands_behind_its_numbers) {
    check_look(SLICE("\0memoV7 v"), 0, MEMO_VALUE, SLICE("v"));
    check_look(SLICE("\0memoV0 \0memo"), 3, MEMO_VALUE, SLICE("\0memo"));
    check_look(SLICE("\0memoV123456789012345 "), 0, MEMO_VALUE, SLICE(""));
    check_look(SLICE("\0memoS0f 1 " NEVER " 3 a b"), 0, MEMO_VALUE, SLICE("a b"));
    check_look(SLICE("\0memoS0f 1 " NEVER " 3 "), 9, MEMO_VALUE, SLICE(""));
}
END_TEST

// Other programs may write such strings.
START_TEST(what_only_begins_like_a_memo_is_plain) {
    static const struct slice rows[] = {
        SLICE(""),
        SLICE("\0mem"),
        SLICE("\0memo"),
        SLICE("1memoV7 v"),
        SLICE("\0memoX7 v"),
        SLICE("\0memoL"),
        SLICE("\0memoLab"),
        SLICE("\0memoL 1"),
        SLICE("\0memoLxy 1"),
        SLICE("\0memoLabx1"),
        SLICE("\0memoLab x"),
        SLICE("\0memoN"),
        SLICE("\0memoNx"),
        SLICE("\0memoV"),
        SLICE("\0memoV7"),
        SLICE("\0memoV v"),
        SLICE("\0memoV7v"),
        SLICE("\0memoV/ v"),
        SLICE("\0memoV: v"),
        SLICE("\0memoV1234567890123456 v"),
        SLICE("\0memoSx 1 " NEVER " 3 v"),
        SLICE("\0memoSa x " NEVER " 3 v"),
        SLICE("\0memoSa 1 x 3 v"),
        SLICE("\0memoSa 1 " NEVER " x v"),
        SLICE("\0memoSa 1 " NEVER " 3"),
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        check_look(rows[i], 0, MEMO_PLAIN, rows[i]);
    check_look(SLICE("\0memoLab 1"), 4, MEMO_PLAIN, SLICE("\0memoLab 1"));
    check_look(SLICE("\0memoN1"), 4, MEMO_PLAIN, SLICE("\0memoN1"));
}
END_TEST

static void on_event(void *answer, const struct event *e) { answer_event(answer, e); }
static bool on_reply(void *answer) { return answer_end(answer); }

// Feeds what the script is said to reply.
static struct answer ask(struct slice redis, struct bytes *out) {
    struct answer answer = {0};
    struct bytes commands = {0};
    struct command command = {.out = &commands};
    struct resp *resp = resp_new((struct resp_handler){on_event, on_reply, &answer});
    memo_build_ask(&command, SLICE("k"), SLICE("0123456789abcdef"), 1, 1, false);
    answer_begin(&answer, &command, render_memo_asked, out);
    ck_assert_ptr_null(resp_feed(resp, redis.data, redis.len));
    resp_free(resp);
    bytes_deinit(&commands);
    return answer;
}

#define TOKEN "$16\r\n0123456789abcdef\r\n"

START_TEST(the_scripts_reply_is_the_clients) {
    static const struct {
        struct slice redis;
        enum memo_state state;
        bool has_lease;
    } rows[] = {
        {SLICE("*3\r\n$3\r\nHIT\r\n$1\r\nv\r\n$-1\r\n"), MEMO_HIT, false},
        {SLICE("*3\r\n$3\r\nHIT\r\n$1\r\nv\r\n" TOKEN), MEMO_HIT, true},
        {SLICE("*3\r\n$5\r\nSTALE\r\n$1\r\nv\r\n" TOKEN), MEMO_STALE, true},
        {SLICE("*3\r\n$4\r\nNULL\r\n$-1\r\n$-1\r\n"), MEMO_NULL, false},
        {SLICE("*3\r\n$4\r\nMISS\r\n$-1\r\n" TOKEN), MEMO_MISS, true},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bytes out = {0};
        struct answer answer = ask(rows[i].redis, &out);
        ck_assert_int_eq(answer.memo_state, rows[i].state);
        ck_assert_int_eq(answer.has_lease, rows[i].has_lease);
        ck_assert_int_eq(answer.is_miss, rows[i].state == MEMO_MISS);
        check_same("reply", bytes_slice(&out), rows[i].redis);
        bytes_deinit(&out);
    }
}
END_TEST

// A server that is none of Redis's kind, or one whose scripts were exchanged.
START_TEST(a_reply_of_another_shape_is_an_error) {
    static const char *const rows[] = {
        "+OK\r\n",
        ":1\r\n",
        "$-1\r\n",
        "*2\r\n$3\r\nHIT\r\n$1\r\nv\r\n",
        "*3\r\n$-1\r\n$1\r\nv\r\n$-1\r\n",
        "*3\r\n:1\r\n$1\r\nv\r\n$-1\r\n",
        "*3\r\n$3\r\nHIT\r\n:1\r\n$-1\r\n",
        "*3\r\n$3\r\nHIT\r\n*1\r\n$1\r\nv\r\n$-1\r\n",
        "*3\r\n$3\r\nHIT\r\n$1\r\nv\r\n$2\r\nab\r\n",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bytes out = {0};
        struct answer answer = ask(slice_of(rows[i]), &out);
        ck_assert_msg(answer.is_failed, "%s", rows[i]);
        ck_assert_int_eq(answer.code, REPLY_INTERNAL);
        ck_assert(slice_begins(bytes_slice(&out), SLICE("-INTERNAL ")));
        bytes_deinit(&out);
    }
}
END_TEST

START_TEST(the_value_is_cut_out_of_the_reply) {
    check_same("with a lease",
               memo_value_part(SLICE("*3\r\n$5\r\nSTALE\r\n$1\r\nv\r\n" TOKEN), true),
               SLICE("$1\r\nv\r\n"));
    check_same("without", memo_value_part(SLICE("*3\r\n$4\r\nNULL\r\n$-1\r\n$-1\r\n"), false),
               SLICE("$-1\r\n"));
}
END_TEST

int main(void) {
    return RUN_TESTS("memo", a_lease_and_nothing_are_no_values, a_value_stands_behind_its_numbers,
                     what_only_begins_like_a_memo_is_plain, the_scripts_reply_is_the_clients,
                     a_reply_of_another_shape_is_an_error, the_value_is_cut_out_of_the_reply);
}
