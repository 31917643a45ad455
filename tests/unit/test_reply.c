// Reply: the Redis 2 reply types.
#include "helpers.h"
#include "protocol/native.h"
#include "protocol/refusal.h"
#include "protocol/reply.h"

START_TEST(reply_writes_each_type_of_reply) {
    struct bytes out = {0};
    reply_status(&out, "OK");
    reply_integer(&out, 1);
    reply_integer(&out, INT64_MIN);
    reply_bulk(&out, SLICE("hello"));
    reply_nil(&out);
    reply_array(&out, 2);
    check_text("all types", &out,
               "+OK\r\n:1\r\n:-9223372036854775808\r\n$5\r\nhello\r\n$-1\r\n*2\r\n");
}
END_TEST

START_TEST(reply_bulk_keeps_any_bytes) {
    struct bytes out = {0};
    reply_bulk(&out, SLICE("a\0\r\nb"));
    reply_bulk(&out, SLICE(""));
    reply_bulk(&out, (struct slice){0});
    check_same("bulks", bytes_slice(&out), SLICE("$5\r\na\0\r\nb\r\n$0\r\n\r\n$0\r\n\r\n"));
    bytes_deinit(&out);
}
END_TEST

START_TEST(reply_array_writes_numbers_of_any_length) {
    static const size_t numbers[] = {0, 1, 9, 10, 99, 100, 65535, 536870912, SIZE_MAX};
    for (size_t i = 0; i < COUNT(numbers); i++) {
        struct bytes out = {0};
        char wanted[32];
        reply_array(&out, numbers[i]);
        snprintf(wanted, sizeof(wanted), "*%zu\r\n", numbers[i]);
        check_text(wanted, &out, wanted);
    }
}
END_TEST

START_TEST(reply_error_begins_with_the_name_of_its_code) {
    static const struct {
        enum reply_code code;
        const char *reply;
    } rows[] = {
        {REPLY_PROTOCOL, "-PROTOCOL 7 x\r\n"},
        {REPLY_NOPROTO, "-NOPROTO 7 x\r\n"},
        {REPLY_VERB, "-VERB 7 x\r\n"},
        {REPLY_ARGS, "-ARGS 7 x\r\n"},
        {REPLY_NAMESPACE, "-NAMESPACE 7 x\r\n"},
        {REPLY_POLICY, "-POLICY 7 x\r\n"},
        {REPLY_NOAUTH, "-NOAUTH 7 x\r\n"},
        {REPLY_NOPERM, "-NOPERM 7 x\r\n"},
        {REPLY_WRONGTYPE, "-WRONGTYPE 7 x\r\n"},
        {REPLY_UNAVAILABLE, "-UNAVAILABLE 7 x\r\n"},
        {REPLY_OVERLOADED, "-OVERLOADED 7 x\r\n"},
        {REPLY_TIMEOUT, "-TIMEOUT 7 x\r\n"},
        {REPLY_LOST, "-LOST 7 x\r\n"},
        {REPLY_LEASE, "-LEASE 7 x\r\n"},
        {REPLY_INTERNAL, "-INTERNAL 7 x\r\n"},
        {REPLY_CROSSSLOT, "-CROSSSLOT 7 x\r\n"},
        {REPLY_EXECABORT, "-EXECABORT 7 x\r\n"},
        {REPLY_NOSCRIPT, "-NOSCRIPT 7 x\r\n"},
    };
    ck_assert_uint_eq(COUNT(rows), REPLY_CODE_COUNT);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bytes out = {0};
        reply_error(&out, rows[i].code, "%d %s", 7, "x");
        check_text(rows[i].reply, &out, rows[i].reply);
    }
}
END_TEST

START_TEST(reply_error_stays_one_line_whatever_is_quoted_in_it) {
    struct bytes out = {0};
    struct slice word = SLICE("a\r\n+OK\r\n\x7f\x01z");
    reply_error(&out, REPLY_ARGS, "'%.*s' is bad", REPLY_WORD(word));
    check_text("line ends", &out, "-ARGS 'a??+OK????z' is bad\r\n");
}
END_TEST

START_TEST(reply_error_shows_64_bytes_of_a_word_at_most) {
    struct bytes out = {0};
    char letters[65];
    memset(letters, 'a', sizeof(letters));
    struct slice whole = {letters, 64}, cut = {letters, 65};
    reply_error(&out, REPLY_ARGS, "%.*s", REPLY_WORD(whole));
    ck_assert_uint_eq(out.len, strlen("-ARGS \r\n") + 64);
    out.len = 0;
    reply_error(&out, REPLY_ARGS, "%.*s", REPLY_WORD(cut));
    ck_assert_uint_eq(out.len, strlen("-ARGS \r\n") + 64);
    bytes_deinit(&out);
}
END_TEST

START_TEST(reply_error_cuts_an_endless_message_and_still_ends_its_line) {
    struct bytes out = {0};
    reply_error(&out, REPLY_INTERNAL, "%01000d", 0);
    ck_assert_uint_lt(out.len, 600);
    check_same("end", (struct slice){out.data + out.len - 3, 3}, SLICE("0\r\n"));
    bytes_deinit(&out);
}
END_TEST

// --- refusals ---------------------------------------------------------------------------------

START_TEST(refusal_is_written_as_an_error_of_one_line) {
    struct refusal refusal = {0};
    struct bytes out = {0};
    ck_assert(!refusal_set(&refusal, REPLY_ARGS, "'%s' is %d", "a\r\n+OK", 7));
    check_same("text", bytes_slice(&refusal.text), SLICE("'a??+OK' is 7"));
    native_dialect.write_refusal(&out, &refusal);
    check_text("written", &out, "-ARGS 'a??+OK' is 7\r\n");
    refusal_deinit(&refusal);
}
END_TEST

START_TEST(refusal_of_policy_has_a_reason) {
    struct refusal refusal = {0};
    struct bytes out = {0};
    refusal_set(&refusal, REPLY_VERB, "a text that was longer");
    ck_assert(!refusal_set_policy(&refusal, REFUSED_KEY, "too long"));
    ck_assert_int_eq(refusal.code, REPLY_POLICY);
    ck_assert_int_eq(refusal.reason, REFUSED_KEY);
    native_dialect.write_refusal(&out, &refusal);
    check_text("written", &out, "-POLICY too long\r\n");
    refusal_deinit(&refusal);
}
END_TEST

START_TEST(refusal_writes_what_reply_error_writes) {
    struct refusal refusal = {0};
    struct bytes out = {0}, error = {0};
    for (int len = 0; len < 600; len += 37) {
        out.len = error.len = 0;
        refusal_set(&refusal, REPLY_INTERNAL, "%0*d", len, 5);
        native_dialect.write_refusal(&out, &refusal);
        reply_error(&error, REPLY_INTERNAL, "%0*d", len, 5);
        check_same("error", bytes_slice(&out), bytes_slice(&error));
    }
    bytes_deinit(&out);
    bytes_deinit(&error);
    refusal_deinit(&refusal);
}
END_TEST

int main(void) {
    return RUN_TESTS("reply", refusal_is_written_as_an_error_of_one_line,
                     refusal_of_policy_has_a_reason, refusal_writes_what_reply_error_writes,
                     reply_writes_each_type_of_reply, reply_bulk_keeps_any_bytes,
                     reply_array_writes_numbers_of_any_length,
                     reply_error_begins_with_the_name_of_its_code,
                     reply_error_stays_one_line_whatever_is_quoted_in_it,
                     reply_error_shows_64_bytes_of_a_word_at_most,
                     reply_error_cuts_an_endless_message_and_still_ends_its_line);
}
