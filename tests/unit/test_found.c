// What fuzzing found: one test for each bug, so that it does not come back.
#include "configuration.h"
#include "protocol/mem.h"
#include "protocol/number.h"
#include "protocol/resp.h"

// --- what a backend says ----------------------------------------------------------------------

struct exchange {
    struct answer answer;
    bool is_done;
};

static void on_event(void *owner, const struct event *e) {
    struct exchange *x = owner;
    answer_event(&x->answer, e);
}

static bool on_reply(void *owner) {
    struct exchange *x = owner;
    x->is_done = answer_end(&x->answer);
    return true;
}

// The reply to `request` when the backend says this; NULL: the connection would be closed.
static void check_reply(const char *request, struct slice said, const char *reply) {
    struct sample sample = sample_of(request);
    struct call call;
    struct bytes commands = {0}, out = {0};
    struct command command = {.out = &commands};
    const struct verb_entry *entry = read_sample(table, &sample, TTL_KEEP, &call);
    struct exchange x = {0};
    entry->build(&command, &call);
    answer_begin(&x.answer, &command, entry->verb->render, &out);
    struct resp *resp = resp_new((struct resp_handler){on_event, on_reply, &x});
    const char *error = resp_feed(resp, said.data, said.len);
    ck_assert_int_eq(error == NULL, reply != NULL);
    if (reply) {
        ck_assert(x.is_done);
        check_same(request, bytes_slice(&out), slice_of(reply));
    }
    answer_deinit(&x.answer);
    resp_free(resp);
    bytes_deinit(&out);
    bytes_deinit(&commands);
}

#define UNKNOWN "-INTERNAL the backend gave an unknown answer\r\n"

START_TEST(a_line_end_in_a_status_begins_no_second_reply) {
    check_reply("key.get n k", SLICE("+a\n+b\r\n"), NULL);
    check_reply("key.get n k", SLICE("+a\rb\r\n"), NULL);
    check_reply("key.mget n k", SLICE("*1\r\n+a\n+b\r\n"), NULL);
}
END_TEST

START_TEST(an_array_for_a_number_is_not_several_replies) {
    check_reply("counter.get n k f", SLICE("*2\r\n$1\r\n1\r\n$1\r\n2\r\n"), UNKNOWN);
    check_reply("counter.get n k f", SLICE("*0\r\n"), UNKNOWN);
}
END_TEST

START_TEST(a_top_whose_fields_are_no_strings_is_unknown) {
    check_reply("counter.top n k 2", SLICE("*2\r\n:1\r\n$1\r\n5\r\n"), UNKNOWN);
    check_reply("counter.top n k 2", SLICE("*1\r\n*2\r\n:1\r\n$1\r\n5\r\n"), UNKNOWN);
    check_reply("counter.top n k 2", SLICE("*2\r\n$-1\r\n$1\r\n5\r\n"), UNKNOWN);
}
END_TEST

START_TEST(a_length_that_no_redis_sends_is_refused_at_once) {
    check_reply("key.get n k", SLICE("$629145600\r\n"), NULL);
    check_reply("key.get n k", SLICE("*1\r\n$99999999999"), NULL);
}
END_TEST

START_TEST(a_line_without_end_is_refused) {
    static char line[200 * 1024];
    memset(line, 'x', sizeof(line));
    for (const char *mark = "+-:$*"; *mark; mark++) {
        line[0] = *mark;
        check_reply("key.get n k", (struct slice){line, sizeof(line)}, NULL);
    }
}
END_TEST

START_TEST(a_long_value_in_pieces_is_no_line_without_end) {
    static char value[300 * 1024];
    struct bytes said = {0};
    memset(value, 'x', sizeof(value));
    bytes_printf(&said, "$%zu\r\n", sizeof(value));
    bytes_append(&said, value, sizeof(value));
    bytes_append_literal(&said, "\r\n");
    bytes_append(&said, "", 1);
    check_reply("key.get n k", (struct slice){said.data, said.len - 1}, said.data);
    bytes_deinit(&said);
}
END_TEST

// --- settings ---------------------------------------------------------------------------------

START_TEST(a_token_that_is_not_hex_is_a_problem) {
    check_problems(SLICE("[backend a]\nurl = redis://127.0.0.1\n[namespace n]\n"
                         "[user u]\nnamespaces = *\ntoken = sha256:"
                         "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz\n"),
                   NULL,
                   "c.ini:6: token: use sha256: and 64 hexadecimal digits, as printed by printf %s "
                   "TOKEN | sha256sum\n");
}
END_TEST

// Nothing at all was replied: the client would have waited for ever.
START_TEST(an_answer_that_a_lease_does_not_have_is_unknown) {
    static const char unknown[] = "-INTERNAL the backend gave an unknown answer\r\n";
    check_reply("memo.put n k lease v", SLICE("$-1\r\n"), unknown);
    check_reply("memo.null n k lease", SLICE("*1\r\n:1\r\n"), unknown);
    check_reply("memo.get n k", SLICE("*1\r\n$1\r\nv\r\n"), unknown);
}
END_TEST

START_TEST(a_size_of_no_bytes_at_all_is_none) {
    int64_t size;
    ck_assert(!number_parse_size((struct slice){0}, &size));
    ck_assert(!number_parse_duration((struct slice){0}, &size));
}
END_TEST

START_TEST(a_text_of_no_bytes_at_all_is_empty) {
    char *text = mem_text_of(NULL, 0);
    ck_assert_str_eq(text, "");
    mem_free(text);
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND(
        "found", begin, end, a_line_end_in_a_status_begins_no_second_reply,
        an_array_for_a_number_is_not_several_replies, a_top_whose_fields_are_no_strings_is_unknown,
        a_length_that_no_redis_sends_is_refused_at_once, a_line_without_end_is_refused,
        a_long_value_in_pieces_is_no_line_without_end, a_token_that_is_not_hex_is_a_problem,
        an_answer_that_a_lease_does_not_have_is_unknown, a_size_of_no_bytes_at_all_is_none,
        a_text_of_no_bytes_at_all_is_empty);
}
