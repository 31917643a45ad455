// Resp3: replies of RESP2 as a client of RESP3 reads them.
#include "helpers.h"
#include "protocol/redis/resp3.h"

static const struct slice before = {"$-1\r\n*-1\r\n", 10}; // belongs to an earlier reply

// Checks the reply behind others, in a buffer with no room left, so that each byte too far is seen.
static void check_rewrite(const char *what, struct slice reply, enum shape shape,
                          struct slice wanted) {
    struct bytes whole = {0};
    struct bytes out = {.data = malloc(before.len + reply.len + 1),
                        .cap = before.len + reply.len + 1};
    bytes_append_slice(&out, before);
    bytes_append_slice(&out, reply);
    resp3_rewrite(&out, before.len, shape);
    bytes_append_slice(&whole, before);
    bytes_append_slice(&whole, wanted);
    check_same(what, bytes_slice(&out), bytes_slice(&whole));
    bytes_deinit(&whole);
    bytes_deinit(&out);
}

struct row {
    enum shape shape;
    const char *reply, *wanted;
};

static void check_rows(const struct row *rows, size_t count) {
    for (size_t i = 0; i < count; i++)
        check_rewrite(rows[i].reply, slice_of(rows[i].reply), rows[i].shape,
                      slice_of(rows[i].wanted));
}

START_TEST(nil_is_written_anew_at_any_depth) {
    static const struct row rows[] = {
        {SHAPE_SAME, "$-1\r\n", "_\r\n"},
        {SHAPE_SAME, "*-1\r\n", "_\r\n"},
        {SHAPE_SAME, "*3\r\n$1\r\na\r\n$-1\r\n*-1\r\n", "*3\r\n$1\r\na\r\n_\r\n_\r\n"},
        {SHAPE_SAME, "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*2\r\n$-1\r\n:1\r\n",
         "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*2\r\n_\r\n:1\r\n"},
        // As Redis aborts a transaction, beside a value that only looks like a nil.
        {SHAPE_SAME, "*2\r\n$5\r\n$-1\r\n\r\n$-1\r\n", "*2\r\n$5\r\n$-1\r\n\r\n_\r\n"},
    };
    check_rows(rows, COUNT(rows));
    for (int shape = 0; shape < SHAPES; shape++) {
        check_rewrite("$-1", SLICE("$-1\r\n"), (enum shape)shape, SLICE("_\r\n"));
        check_rewrite("*-1", SLICE("*-1\r\n"), (enum shape)shape, SLICE("_\r\n"));
    }
}
END_TEST

START_TEST(what_has_not_the_shape_stays_as_it_is) {
    static const char *const replies[] = {
        "+OK\r\n",
        "-ERR no\r\n",
        "-$-1\r\n",
        ":12\r\n",
        "*2\r\n+a\r\n-ERR inside a script's array\r\n",
    };
    for (size_t i = 0; i < COUNT(replies); i++) {
        check_rewrite(replies[i], slice_of(replies[i]), SHAPE_SAME, slice_of(replies[i]));
        if (*replies[i] == '*')
            continue;
        for (int shape = 0; shape < SHAPES; shape++)
            check_rewrite(replies[i], slice_of(replies[i]), (enum shape)shape,
                          slice_of(replies[i]));
    }
    static const struct row rows[] = {
        {SHAPE_MAP, "$1\r\na\r\n", "$1\r\na\r\n"},
        {SHAPE_MAP, "*3\r\n:1\r\n$-1\r\n:3\r\n", "*3\r\n:1\r\n_\r\n:3\r\n"},
        {SHAPE_PAIRS, "*1\r\n$1\r\n5\r\n", "*1\r\n$1\r\n5\r\n"},
        {SHAPE_PAIRS_TEXT, "*3\r\n:1\r\n$-1\r\n:3\r\n", "*3\r\n:1\r\n_\r\n:3\r\n"},
        {SHAPE_DOUBLE, "$3\r\nabc\r\n", "$3\r\nabc\r\n"},
        {SHAPE_DOUBLE, "*1\r\n$1\r\n5\r\n", "*1\r\n$1\r\n5\r\n"},
        {SHAPE_DOUBLES, "$1\r\n5\r\n", "$1\r\n5\r\n"},
        {SHAPE_VERBATIM, "*1\r\n$1\r\n5\r\n", "*1\r\n$1\r\n5\r\n"},
    };
    check_rows(rows, COUNT(rows));
}
END_TEST

START_TEST(reply_takes_the_shape_of_its_command) {
    static const struct row rows[] = {
        {SHAPE_MAP, "*0\r\n", "%0\r\n"},
        {SHAPE_MAP, "*4\r\n$1\r\nf\r\n$1\r\n1\r\n$1\r\ng\r\n*2\r\n:1\r\n*-1\r\n",
         "%2\r\n$1\r\nf\r\n$1\r\n1\r\n$1\r\ng\r\n*2\r\n:1\r\n_\r\n"},
        {SHAPE_SET, "*0\r\n", "~0\r\n"},
        {SHAPE_SET, "*2\r\n$1\r\na\r\n$1\r\n1\r\n", "~2\r\n$1\r\na\r\n$1\r\n1\r\n"},
        {SHAPE_DOUBLE, "$3\r\n1.5\r\n", ",1.5\r\n"},
        {SHAPE_DOUBLES, "*3\r\n$1\r\n1\r\n$-1\r\n$3\r\ninf\r\n", "*3\r\n,1\r\n_\r\n,inf\r\n"},
        {SHAPE_PAIRS, "*0\r\n", "*0\r\n"},
        {SHAPE_PAIRS, "*4\r\n$1\r\n1\r\n$1\r\n2\r\n$0\r\n\r\n$4\r\n-0.5\r\n",
         "*2\r\n*2\r\n$1\r\n1\r\n,2\r\n*2\r\n$0\r\n\r\n,-0.5\r\n"},
        {SHAPE_PAIRS_TEXT, "*4\r\n$0\r\n\r\n$0\r\n\r\n$0\r\n\r\n$1\r\n5\r\n",
         "*2\r\n*2\r\n$0\r\n\r\n$0\r\n\r\n*2\r\n$0\r\n\r\n$1\r\n5\r\n"},
        {SHAPE_PAIR, "*0\r\n", "*0\r\n"},
        {SHAPE_PAIR, "*2\r\n$1\r\n1\r\n$1\r\n2\r\n", "*2\r\n$1\r\n1\r\n,2\r\n"},
        {SHAPE_PAIR, "*2\r\n:1\r\n$1\r\n2\r\n", "*2\r\n:1\r\n,2\r\n"},
        {SHAPE_MPOP,
         "*2\r\n$1\r\n7\r\n*2\r\n*2\r\n$1\r\n1\r\n$1\r\n2\r\n*2\r\n$1\r\n3\r\n$1\r\n4\r\n",
         "*2\r\n$1\r\n7\r\n*2\r\n*2\r\n$1\r\n1\r\n,2\r\n*2\r\n$1\r\n3\r\n,4\r\n"},
        {SHAPE_POSITIONS, "*3\r\n*2\r\n$3\r\n1.5\r\n$1\r\n2\r\n*-1\r\n*2\r\n$1\r\n3\r\n$1\r\n4\r\n",
         "*3\r\n*2\r\n,1.5\r\n,2\r\n_\r\n*2\r\n,3\r\n,4\r\n"},
        {SHAPE_GEO,
         "*2\r\n*3\r\n$1\r\n1\r\n$1\r\n9\r\n*2\r\n$1\r\n2\r\n$1\r\n3\r\n"
         "*2\r\n$1\r\n4\r\n*2\r\n$1\r\n5\r\n$1\r\n6\r\n",
         "*2\r\n*3\r\n$1\r\n1\r\n$1\r\n9\r\n*2\r\n,2\r\n,3\r\n*2\r\n$1\r\n4\r\n*2\r\n,5\r\n,6\r\n"},
        {SHAPE_VERBATIM, "$0\r\n\r\n", "=4\r\ntxt:\r\n"},
        {SHAPE_VERBATIM, "$5\r\n$-1\r\n\r\n", "=9\r\ntxt:$-1\r\n\r\n"},
        {SHAPE_VERBATIM, "$8\r\n12345678\r\n", "=12\r\ntxt:12345678\r\n"},
    };
    check_rows(rows, COUNT(rows));
}
END_TEST

START_TEST(double_is_what_redis_writes_as_one) {
    static const char *const doubles[] = {
        "0", "-0", "1.5", "-1.5", "1e300", "1.5e+300", "2e-9", "3.0000000000000004", "inf", "-inf",
    };
    static const char *const texts[] = {"",    "-",    "+1",   "1.",  ".5",   "1e",
                                        "1e+", "1.e5", "1.5x", "x",   "0x10", " 1",
                                        "1 ",  "nan",  "infx", "--1", "1,5",  "1\r\n"};
    for (size_t i = 0; i < COUNT(doubles) + COUNT(texts); i++) {
        bool is_double = i < COUNT(doubles);
        const char *text = is_double ? doubles[i] : texts[i - COUNT(doubles)];
        struct bytes reply = {0}, wanted = {0};
        bytes_printf(&reply, "$%zu\r\n%s\r\n", strlen(text), text);
        if (is_double)
            bytes_printf(&wanted, ",%s\r\n", text);
        else
            bytes_append_slice(&wanted, bytes_slice(&reply));
        check_rewrite(text, bytes_slice(&reply), SHAPE_DOUBLE, bytes_slice(&wanted));
        bytes_deinit(&reply);
        bytes_deinit(&wanted);
    }
}
END_TEST

// A header may lose digits, and pairs without scores make a reply longer.
START_TEST(long_reply_is_rewritten_as_a_whole) {
    struct bytes flat = {0}, pairs = {0}, scored = {0}, map = {0};
    enum { COUNT_OF_PAIRS = 5000 };
    bytes_printf(&flat, "*%d\r\n", 2 * COUNT_OF_PAIRS);
    bytes_printf(&pairs, "*%d\r\n", COUNT_OF_PAIRS);
    bytes_printf(&scored, "*%d\r\n", COUNT_OF_PAIRS);
    bytes_printf(&map, "%%%d\r\n", COUNT_OF_PAIRS);
    for (int i = 0; i < COUNT_OF_PAIRS; i++) {
        bytes_printf(&flat, "$4\r\n%04d\r\n$4\r\n%04d\r\n", i, i);
        bytes_printf(&map, "$4\r\n%04d\r\n$4\r\n%04d\r\n", i, i);
        bytes_printf(&pairs, "*2\r\n$4\r\n%04d\r\n$4\r\n%04d\r\n", i, i);
        bytes_printf(&scored, "*2\r\n$4\r\n%04d\r\n,%04d\r\n", i, i);
    }
    check_rewrite("pairs", bytes_slice(&flat), SHAPE_PAIRS_TEXT, bytes_slice(&pairs));
    check_rewrite("scored", bytes_slice(&flat), SHAPE_PAIRS, bytes_slice(&scored));
    check_rewrite("map", bytes_slice(&flat), SHAPE_MAP, bytes_slice(&map));
    check_rewrite("same", bytes_slice(&flat), SHAPE_SAME, bytes_slice(&flat));
    bytes_deinit(&flat);
    bytes_deinit(&pairs);
    bytes_deinit(&scored);
    bytes_deinit(&map);
}
END_TEST

// Nothing of this comes from a renderer: it must only end well.
START_TEST(broken_reply_is_never_read_behind_its_end) {
    static const char *const replies[] = {
        "*",
        "$",
        "*9",
        "*2\r\n",
        "*2\r\n$1",
        "$5\r\nab\r\n",
        "*2\r\n\n\n",
        "*2147483647\r\n",
        "$99999999999\r\n",
        "*4\r\n$0\r\n\r\n",
        "*2\r\n$-2\r\n",
        "$-1",
        "*-1\r",
        "*1000\r\n+\r\n+\r\n+\r\n",
        "$18446744073709551615\r\n",
        "*\r\n",
        "*1\r\nx",
        "*2\r\nab",
        "$-\r\n",
    };
    for (size_t i = 0; i < COUNT(replies); i++)
        for (int shape = 0; shape < SHAPES; shape++) {
            size_t len = strlen(replies[i]);
            struct bytes out = {.data = copy_exactly(replies[i], len), .len = len, .cap = len};
            resp3_rewrite(&out, 0, (enum shape)shape);
            bytes_deinit(&out);
        }
}
END_TEST

START_TEST(every_cut_of_a_reply_ends_well) {
    static const struct slice reply =
        SLICE("*4\r\n$1\r\na\r\n$3\r\n1.5\r\n*2\r\n*2\r\n$1\r\n1\r\n$-1\r\n:5\r\n-ERR x\r\n");
    for (size_t len = 0; len <= reply.len; len++)
        for (int shape = 0; shape < SHAPES; shape++) {
            struct bytes out = {.data = copy_exactly(reply.data, len), .len = len, .cap = len};
            resp3_rewrite(&out, 0, (enum shape)shape);
            bytes_deinit(&out);
        }
}
END_TEST

int main(void) {
    return RUN_TESTS("resp3", nil_is_written_anew_at_any_depth,
                     what_has_not_the_shape_stays_as_it_is, reply_takes_the_shape_of_its_command,
                     double_is_what_redis_writes_as_one, long_reply_is_rewritten_as_a_whole,
                     broken_reply_is_never_read_behind_its_end, every_cut_of_a_reply_ends_well);
}
