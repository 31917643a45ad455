// The load generator's parts: what it counts as a reply, its histogram, the requests it sends.
#include "helpers.h"

#include "client/bench/histogram.h"
#include "client/bench/replies.h"
#include "client/bench/requests.h"

struct stream {
    const char *data;
    int64_t replies;
    uint64_t nils, errors;
};

static const struct stream streams[] = {
    {"+OK\r\n", 1, 0, 0},
    {":-1\r\n:22\r\n", 2, 0, 0},
    {"$5\r\nhello\r\n", 1, 0, 0},
    {"$0\r\n\r\n+OK\r\n", 2, 0, 0},
    {"$-1\r\n", 1, 1, 0},
    {"*-1\r\n", 1, 1, 0},
    {"*0\r\n", 1, 0, 0},
    {"$12\r\n+OK\r\n-ERR\r\n$\r\n", 1, 0, 0}, // a bulk that looks like replies
    {"*2\r\n$1\r\na\r\n$-1\r\n", 1, 1, 0},
    {"*2\r\n*2\r\n:1\r\n*0\r\n*1\r\n$1\r\n*\r\n+OK\r\n", 2, 0, 0},
    {"*3\r\n$3\r\nHIT\r\n$1\r\nv\r\n$-1\r\n", 1, 1, 0},
    {"+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n:1\r\n", 4, 0, 0},
    {"-ERR no\r\n+OK\r\n-ERR again\r\n", 3, 0, 2},
    {"*2\r\n-ERR no\r\n:1\r\n", 1, 0, 1},
};

// Feeds the stream in pieces of `piece` bytes, each where reading beyond it shows.
static void check_stream(const struct stream *s, size_t piece) {
    struct replies state = {0};
    struct replies_seen seen = {0};
    int64_t replies = 0;
    size_t len = strlen(s->data);
    for (size_t at = 0; at < len; at += piece) {
        size_t n = len - at < piece ? len - at : piece;
        char *copy = copy_exactly(s->data + at, n);
        int64_t more = replies_scan(&state, copy, n, &seen);
        free(copy);
        ck_assert_int_ge(more, 0);
        replies += more;
    }
    ck_assert_msg(replies == s->replies, "%s: %d replies", s->data, (int)replies);
    ck_assert_msg(seen.nils == s->nils, "%s: %d nils", s->data, (int)seen.nils);
    ck_assert_msg(seen.errors == s->errors, "%s: %d errors", s->data, (int)seen.errors);
    if (s->errors > 0)
        ck_assert_str_eq(seen.first_error, "ERR no");
    ck_assert_uint_eq(state.awaited, 0);
}

START_TEST(replies_are_counted_in_any_pieces) {
    for (size_t i = 0; i < COUNT(streams); i++)
        for (size_t piece = 1; piece <= strlen(streams[i].data); piece++)
            check_stream(&streams[i], piece);
}
END_TEST

START_TEST(errors_after_which_a_request_may_have_been_applied_are_told_apart) {
    const char *data = "-TIMEOUT a\r\n-ERR b\r\n-LOST c\r\n-LOSTS d\r\n-INTERNAL e\r\n-TIME f\r\n";
    for (size_t piece = 1; piece <= strlen(data); piece++) {
        struct replies state = {0};
        struct replies_seen seen = {0};
        for (size_t at = 0; at < strlen(data); at += piece)
            replies_scan(&state, data + at, strnlen(data + at, piece), &seen);
        ck_assert_uint_eq(seen.errors, 6);
        ck_assert_uint_eq(seen.unsure, 3);
    }
}
END_TEST

START_TEST(a_reply_counts_only_when_it_is_whole) {
    struct replies state = {0};
    struct replies_seen seen = {0};
    ck_assert_int_eq(replies_scan(&state, "*2\r\n:1\r\n$1\r\na\r", 14, &seen), 0);
    ck_assert_int_eq(replies_scan(&state, "\n", 1, &seen), 1);
}
END_TEST

START_TEST(garbage_is_no_reply) {
    static const char *const garbage[] = {"OK\r\n", "$5x\r\n", "*\x01\r\n", "%1\r\n"};
    for (size_t i = 0; i < COUNT(garbage); i++) {
        struct replies state = {0};
        struct replies_seen seen = {0};
        ck_assert_int_eq(replies_scan(&state, garbage[i], strlen(garbage[i]), &seen), -1);
    }
}
END_TEST

START_TEST(the_first_error_is_kept_as_far_as_there_is_room) {
    struct replies state = {0};
    struct replies_seen seen = {0};
    char text[1000];
    memset(text, 'x', sizeof text);
    text[0] = '-';
    text[sizeof text - 1] = '\n';
    ck_assert_int_eq(replies_scan(&state, text, sizeof text, &seen), 1);
    ck_assert_uint_eq(strlen(seen.first_error), sizeof seen.first_error - 1);
}
END_TEST

START_TEST(a_histogram_is_exact_below_128_and_within_a_hundredth_above) {
    for (uint64_t value = 0; value < 10 * 1000 * 1000; value += value / 50 + 1) {
        struct histogram h = {0};
        histogram_add(&h, value);
        histogram_add(&h, UINT64_MAX / 2); // so that the first is not cut to the maximum
        uint64_t got = histogram_percentile(&h, 0.5);
        ck_assert_uint_ge(got, value);
        ck_assert_uint_le(got, value < 128 ? value : value + value / 100);
    }
}
END_TEST

START_TEST(a_percentile_is_the_value_that_so_many_do_not_exceed) {
    static struct histogram h;
    for (uint64_t value = 1; value <= 100; value++)
        histogram_add(&h, value);
    ck_assert_uint_eq(histogram_percentile(&h, 0.5), 50);
    ck_assert_uint_eq(histogram_percentile(&h, 0.99), 99);
    ck_assert_uint_eq(histogram_percentile(&h, 1), 100);
    ck_assert_uint_eq(histogram_percentile(&h, 0), 1);
    ck_assert_uint_eq(h.max, 100);
    histogram_add(&h, UINT64_MAX);
    ck_assert_uint_eq(histogram_percentile(&h, 1), UINT64_MAX);
}
END_TEST

START_TEST(nothing_has_a_percentile_of_zero) {
    static const struct histogram h;
    ck_assert_uint_eq(histogram_percentile(&h, 0.99), 0);
}
END_TEST

static struct requests requests_of(const char *const *words, int count, bool is_line_form) {
    const struct requests_options options = {.words = words,
                                             .word_count = count,
                                             .is_line_form = is_line_form,
                                             .value_bytes = 3,
                                             .keys = 100,
                                             .is_sequential = true,
                                             .depth = 2};
    struct requests r;
    ck_assert_uint_eq(requests_init(&r, &options, 3, 1000), 3);
    return r;
}

static void check_batch(struct requests *r, unsigned count, const char *wanted) {
    const char *batch = requests_batch(r, 0, count);
    check_same("batch", (struct slice){batch, count * r->len}, slice_of(wanted));
}

START_TEST(requests_of_a_batch_differ_in_their_keys) {
    static const char *const words[] = {"SET", "a:{key}", "{value}"};
    struct requests r = requests_of(words, 3, false);
    ck_assert_uint_eq(r.commands, 1);
    check_batch(&r, 2,
                "*3\r\n$3\r\nSET\r\n$10\r\na:00000000\r\n$3\r\nabc\r\n"
                "*3\r\n$3\r\nSET\r\n$10\r\na:00000001\r\n$3\r\nabc\r\n");
    check_batch(&r, 1, "*3\r\n$3\r\nSET\r\n$10\r\na:00000002\r\n$3\r\nabc\r\n");
    requests_deinit(&r);
}
END_TEST

START_TEST(a_value_is_a_block_in_the_line_form) {
    static const char *const words[] = {"key.set", "ttl=1h", "carts", "{key}", "{value}"};
    struct requests r = requests_of(words, 5, true);
    check_batch(&r, 1, "key.set ttl=1h carts 00000000 $3\nabc\n");
    requests_deinit(&r);
}
END_TEST

START_TEST(a_request_may_be_several_commands) {
    static const char *const words[] = {"MULTI", ";", "INCR", "{key}", ";", "EXEC"};
    struct requests r = requests_of(words, 6, false);
    ck_assert_uint_eq(r.commands, 3);
    check_batch(&r, 1,
                "*1\r\n$5\r\nMULTI\r\n*2\r\n$4\r\nINCR\r\n$8\r\n00000000\r\n"
                "*1\r\n$4\r\nEXEC\r\n");
    requests_deinit(&r);
}
END_TEST

int main(void) {
    return RUN_TESTS("load", replies_are_counted_in_any_pieces,
                     errors_after_which_a_request_may_have_been_applied_are_told_apart,
                     a_reply_counts_only_when_it_is_whole, garbage_is_no_reply,
                     the_first_error_is_kept_as_far_as_there_is_room,
                     a_histogram_is_exact_below_128_and_within_a_hundredth_above,
                     a_percentile_is_the_value_that_so_many_do_not_exceed,
                     nothing_has_a_percentile_of_zero, requests_of_a_batch_differ_in_their_keys,
                     a_value_is_a_block_in_the_line_form, a_request_may_be_several_commands);
}
