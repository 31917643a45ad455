// Resp: the bytes of a backend → events, fed whole, byte by byte and in pieces.
#include "helpers.h"
#include "protocol/resp.h"

// The events that were heard, as text: "*2 .bulk(4:abcd) .nil END".
struct ear {
    struct bytes heard;
    size_t more; // bytes of a long string that came behind its head
};

static void on_event(void *owner, const struct event *e) {
    static const char *const names[] = {"+", "-", ":", "$", "MORE", "nil", "*"};
    struct ear *ear = owner;
    if (e->type == EVENT_MORE) {
        ear->more += e->text.len;
        if (e->rest == 0)
            bytes_printf(&ear->heard, "more(%zu) ", ear->more);
        return;
    }
    for (uint32_t i = 0; i < e->depth; i++)
        bytes_append_literal(&ear->heard, ".");
    bytes_printf(&ear->heard, "%u%s", e->index, names[e->type]);
    if (e->type == EVENT_INTEGER)
        bytes_printf(&ear->heard, "%lld", (long long)e->integer);
    else if (e->type == EVENT_ARRAY)
        bytes_printf(&ear->heard, "%zu", e->count);
    else if (e->text.len > 100)
        bytes_printf(&ear->heard, "(%zu,%zu)", e->text.len, e->rest);
    else
        bytes_append_slice(&ear->heard, e->text);
    bytes_append_literal(&ear->heard, " ");
}

static bool on_reply(void *owner) {
    struct ear *ear = owner;
    bytes_append_literal(&ear->heard, "END ");
    return true;
}

static const char *hear(struct ear *ear, struct slice said, size_t piece) {
    struct resp *resp = resp_new((struct resp_handler){on_event, on_reply, ear});
    const char *error = NULL;
    for (size_t at = 0; at < said.len && !error; at += piece) {
        size_t len = said.len - at < piece ? said.len - at : piece;
        char *exact = copy_exactly(said.data + at, len);
        error = resp_feed(resp, exact, len);
        free(exact);
    }
    resp_free(resp);
    return error;
}

static const size_t pieces[] = {1, 2, 3, 7, 1000, SIZE_MAX / 2};

static void check_heard(struct slice said, const char *wanted) {
    for (size_t i = 0; i < COUNT(pieces); i++) {
        struct ear ear = {0};
        const char *error = hear(&ear, said, pieces[i]);
        ck_assert_msg(!error, "%.40s in pieces of %zu: %s", said.data, pieces[i], error);
        check_text(wanted, &ear.heard, wanted);
        bytes_deinit(&ear.heard);
    }
}

START_TEST(resp_reads_each_type) {
    check_heard(SLICE("+OK\r\n"), "0+OK END ");
    check_heard(SLICE("+\r\n"), "0+ END ");
    check_heard(SLICE("-ERR no\r\n"), "0-ERR no END ");
    check_heard(SLICE(":-9223372036854775808\r\n:0\r\n"), "0:-9223372036854775808 END 0:0 END ");
    check_heard(SLICE("$5\r\n\r\n+a\r\r\n"), "0$\r\n+a\r END ");
    check_heard(SLICE("$0\r\n\r\n$-1\r\n*-1\r\n"), "0$ END 0nil END 0nil END ");
}
END_TEST

START_TEST(resp_counts_depth_and_index) {
    check_heard(SLICE("*0\r\n+a\r\n"), "0*0 END 0+a END ");
    check_heard(SLICE("*3\r\n*0\r\n$1\r\na\r\n:2\r\n"), "0*3 .0*0 .1$a .2:2 END ");
    check_heard(SLICE("*2\r\n*2\r\n:1\r\n*1\r\n:2\r\n:3\r\n+z\r\n"),
                "0*2 .0*2 ..0:1 ..1*1 ...0:2 .1:3 END 0+z END ");
}
END_TEST

START_TEST(resp_hands_on_a_long_string_in_pieces) {
    struct bytes said = {0};
    size_t len = RESP_WHOLE + 5;
    char wanted[100];
    bytes_printf(&said, "*2\r\n$%zu\r\n%0*d\r\n$%d\r\n%0*d\r\n", len, (int)len, 1, RESP_WHOLE,
                 RESP_WHOLE, 2);
    snprintf(wanted, sizeof(wanted), "0*2 .0$(%d,5) more(5) .1$(%d,0) END ", RESP_WHOLE,
             RESP_WHOLE);
    check_heard(bytes_slice(&said), wanted);
    bytes_deinit(&said);
}
END_TEST

static void check_refused(struct slice said) {
    for (size_t i = 0; i < COUNT(pieces); i++) {
        struct ear ear = {0};
        ck_assert_msg(hear(&ear, said, pieces[i]), "%.*s in pieces of %zu accepted", (int)said.len,
                      said.data, pieces[i]);
        ck_assert_msg(!ear.heard.data || !memmem(ear.heard.data, ear.heard.len, "END", 3),
                      "%.*s: replied", (int)said.len, said.data);
        bytes_deinit(&ear.heard);
    }
}

// hiredis 1.x reads all of them, and inside an array some without an event: the rest would shift.
START_TEST(resp_refuses_the_types_of_resp3) {
    for (const char *mark = "_,#(=~%>|!"; *mark; mark++) {
        char alone[] = "?1\r\n", inside[] = "*2\r\n?1\r\n:1\r\n";
        alone[0] = inside[4] = *mark;
        check_refused(slice_of(alone));
        check_refused(slice_of(inside));
        alone[1] = '\0'; // at once
        check_refused(slice_of(alone));
    }
    check_refused(SLICE("$?\r\n;1\r\na\r\n;0\r\n"));
}
END_TEST

START_TEST(resp_refuses_what_redis_never_writes) {
    static const struct slice rows[] = {
        SLICE("HTTP/1.1 200 OK\r\n"),
        SLICE("\r\n"),
        SLICE("OK\r\n"),
        SLICE("\0"),
        SLICE(":\r\n"),
        SLICE(":x\r\n"),
        SLICE(":+1\r\n"),
        SLICE(":01\r\n"),
        SLICE(": 1\r\n"),
        SLICE(":1 \r\n"),
        SLICE(":-0\r\n"),
        SLICE(":9223372036854775808\r\n"),
        SLICE(":1\n"),
        SLICE("$\r\n"),
        SLICE("$-2\r\n"),
        SLICE("$1x\r\n"),
        SLICE("$01\r\n"),
        SLICE("$ 1\r\n"),
        SLICE("$1\r\nab\r\n"),
        SLICE("$1\r\na\n\n"),
        SLICE("$629145600\r\n"),
        SLICE("$99999999999"),
        SLICE("*-2\r\n"),
        SLICE("*1x\r\n"),
        SLICE("*\r\n"),
        SLICE("*2147483648\r\n"),
        SLICE("*999999999999"),
        SLICE("*18446744073709551617\r\n"),
        SLICE("+a\rb\r\n"),
        SLICE("+a\nb\r\n"),
        SLICE("-a\rb\r\n"),
        SLICE("-a\n"),
        SLICE("+a\r\r\n"),
        SLICE("*1\r\n+a\nb\r\n"),
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        check_refused(rows[i]);
}
END_TEST

START_TEST(resp_refuses_the_wrong_end_of_a_long_string) {
    struct bytes said = {0};
    bytes_printf(&said, "$%d\r\n%0*d\r-", RESP_WHOLE + 5, RESP_WHOLE + 5, 1);
    check_refused(bytes_slice(&said));
    bytes_deinit(&said);
}
END_TEST

START_TEST(resp_counts_what_is_nested_deeper_than_eight_as_elements_there) {
    check_heard(SLICE("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"),
                "0*1 .0*1 ..0*1 ...0*1 ....0*1 .....0*1 ......0*1 .......0*1 ........0:1 END ");
    check_heard(
        SLICE("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*2\r\n*2\r\n:1\r\n*1\r\n*0\r\n:2\r\n"),
        "0*1 .0*1 ..0*1 ...0*1 ....0*1 .....0*1 ......0*1 .......0*2 ........0*2 ........1:1 "
        "........2*1 ........3*0 ........4:2 END ");
    check_refused(SLICE("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*2\r\n*2147483647\r\n"
                        "*2147483647\r\n*2147483647\r\n"));
}
END_TEST

START_TEST(resp_reads_arrays_that_are_nested_very_deep) {
    struct bytes said = {0};
    struct ear ear = {0};
    for (int i = 0; i < 8000; i++)
        bytes_append_literal(&said, "*1\r\n");
    bytes_append_literal(&said, ":1\r\n:2\r\n");
    ck_assert_ptr_null(hear(&ear, bytes_slice(&said), 1000));
    struct slice heard = bytes_slice(&ear.heard), end = SLICE("........7992:1 END 0:2 END ");
    check_same("end", (struct slice){heard.data + heard.len - end.len, end.len}, end);
    bytes_deinit(&said);
    bytes_deinit(&ear.heard);
}
END_TEST

START_TEST(resp_refuses_a_line_without_end) {
    static char line[64 * 1024];
    memset(line, 'x', sizeof(line));
    line[0] = '+';
    check_refused((struct slice){line, sizeof(line)});
    struct ear ear = {0};
    ck_assert_ptr_null(hear(&ear, (struct slice){line, sizeof(line) - 1}, 1000));
    bytes_deinit(&ear.heard);
}
END_TEST

int main(void) {
    return RUN_TESTS("resp", resp_reads_each_type, resp_counts_depth_and_index,
                     resp_hands_on_a_long_string_in_pieces, resp_refuses_the_types_of_resp3,
                     resp_refuses_what_redis_never_writes,
                     resp_refuses_the_wrong_end_of_a_long_string,
                     resp_counts_what_is_nested_deeper_than_eight_as_elements_there,
                     resp_reads_arrays_that_are_nested_very_deep, resp_refuses_a_line_without_end);
}
