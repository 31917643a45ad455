// Words: refusals, and errors of Redis, as clients of Redis's own protocol read them.
#include "helpers.h"
#include "protocol/redis/words.h"
#include "protocol/redis_error.h"
#include "protocol/refusal.h"

#define NO_PASSWORD                                                                                \
    "-ERR AUTH <password> called without any password configured for the default user. "           \
    "Are you sure your configuration is correct?\r\n"

START_TEST(refusal_is_told_in_redis_words) {
    static const struct {
        enum reply_code code;
        const char *text, *reply;
    } rows[] = {
        {REPLY_PROTOCOL, "too big", "-ERR Protocol error: too big\r\n"},
        {REPLY_NOPROTO, "unsupported protocol version",
         "-NOPROTO unsupported protocol version\r\n"},
        {REPLY_VERB, "unknown command 'x', with args beginning with: 'a' ",
         "-ERR unknown command 'x', with args beginning with: 'a' \r\n"},
        {REPLY_ARGS, "syntax error", "-ERR syntax error\r\n"},
        {REPLY_NAMESPACE, "no namespace holds the key 'x'",
         "-NOPERM no namespace holds the key 'x'\r\n"},
        {REPLY_NOAUTH, "authenticate first: auth USER TOKEN",
         "-NOAUTH Authentication required.\r\n"},
        {REPLY_NOAUTH, REFUSAL_WRONG_TOKEN,
         "-WRONGPASS invalid username-password pair or user is disabled.\r\n"},
        {REPLY_NOAUTH, REFUSAL_GUESSES,
         "-WRONGPASS too many wrong tokens for this user from your address: "
         "try again in some seconds\r\n"},
        {REPLY_NOAUTH, REFUSAL_NO_USERS, NO_PASSWORD},
        {REPLY_NOPERM, "this needs access = write", "-NOPERM this needs access = write\r\n"},
        {REPLY_WRONGTYPE, "the key holds another collection",
         "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"},
        {REPLY_WRONGTYPE, ANSWER_NO_NUMBER, "-ERR value is not an integer or out of range\r\n"},
        {REPLY_UNAVAILABLE, "backend main is down", "-LOADING cachesd: backend main is down\r\n"},
        {REPLY_OVERLOADED, "x", "-OVERLOADED x\r\n"},
        {REPLY_OVERLOADED, REFUSAL_CLIENTS "max_clients = 5",
         "-ERR max number of clients reached\r\n"},
        {REPLY_TIMEOUT, "x", "-TIMEOUT x\r\n"},
        {REPLY_LOST, "x", "-LOST x\r\n"},
        {REPLY_LEASE, "x", "-LEASE x\r\n"},
        {REPLY_INTERNAL, "x", "-ERR INTERNAL x\r\n"},
        {REPLY_CROSSSLOT, "x", "-CROSSSLOT Keys in request don't hash to the same slot\r\n"},
        {REPLY_EXECABORT, "x", "-EXECABORT Transaction discarded because of previous errors.\r\n"},
        {REPLY_NOSCRIPT, "x", "-NOSCRIPT No matching script. Please use EVAL.\r\n"},
    };
    struct refusal refusal = {0};
    bool is_told[REPLY_CODE_COUNT] = {[REPLY_POLICY] = true}; // the next test's
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bytes out = {0};
        refusal_set(&refusal, rows[i].code, "%s", rows[i].text);
        redis_dialect.write_refusal(&out, &refusal);
        check_text(rows[i].text, &out, rows[i].reply);
        is_told[rows[i].code] = true;
    }
    for (int code = 0; code < REPLY_CODE_COUNT; code++)
        ck_assert_msg(is_told[code], "%s has no words", reply_code_name((enum reply_code)code));
    refusal_deinit(&refusal);
}
END_TEST

START_TEST(policy_refuses_a_right_and_a_value_by_different_words) {
    static const char *const replies[REFUSALS] = {
        [REFUSED_COLLECTION] = "-NOPERM no\r\n", [REFUSED_VERB] = "-NOPERM no\r\n",
        [REFUSED_READONLY] = "-NOPERM no\r\n",   [REFUSED_KEY] = "-POLICY no\r\n",
        [REFUSED_VALUE] = "-POLICY no\r\n",      [REFUSED_KIND] = "-POLICY no\r\n",
        [REFUSED_TTL] = "-POLICY no\r\n",
    };
    struct refusal refusal = {0};
    for (int reason = 0; reason < REFUSALS; reason++) {
        struct bytes out = {0};
        refusal_set_policy(&refusal, (enum refusal_reason)reason, "no");
        redis_dialect.write_refusal(&out, &refusal);
        ck_assert_ptr_nonnull(replies[reason]);
        check_text("policy", &out, replies[reason]);
    }
    refusal_deinit(&refusal);
}
END_TEST

START_TEST(redis_words_pass_unchanged) {
    static const char *const errors[] = {
        "WRONGTYPE Operation against a key holding the wrong kind of value",
        "ERR wrong number of arguments for 'get' command",
        "NOSCRIPT No matching script. Please use EVAL.",
        "BUSYKEY Target key name already exists.",
        "OOM command not allowed when used memory > 'maxmemory'.",
        "MINE a script's \xc3\xbc\t\x01",
        "moved on",
        "Moved",
    };
    for (size_t i = 0; i < COUNT(errors); i++) {
        struct bytes out = {0}, wanted = {0};
        bytes_printf(&wanted, "-%s\r\n", errors[i]);
        redis_dialect.write_error(&out, slice_of(errors[i]));
        check_same(errors[i], bytes_slice(&out), bytes_slice(&wanted));
        bytes_deinit(&out);
        bytes_deinit(&wanted);
    }
}
END_TEST

START_TEST(no_error_begins_as_one_that_starts_a_failover) {
    static const char *const errors[] = {
        "READONLY You can't write against a read only replica.",
        "MOVED 1 evil:6379",
        "ASK 1 evil:6379",
        "CLUSTERDOWN x",
        "MASTERDOWN x",
        "TRYAGAIN x",
        "NOREPLICAS x",
        "MOVED",
        "READONLY\tx",
    };
    for (size_t i = 0; i < COUNT(errors); i++) {
        struct bytes out = {0}, wanted = {0};
        bytes_printf(&wanted, "-ERR %s\r\n", errors[i]);
        redis_dialect.write_error(&out, slice_of(errors[i]));
        check_same(errors[i], bytes_slice(&out), bytes_slice(&wanted));
        bytes_deinit(&out);
        bytes_deinit(&wanted);
    }
}
END_TEST

START_TEST(error_stays_one_line_of_bounded_length) {
    static char text[10000];
    struct bytes out = {0};
    redis_dialect.write_error(&out, SLICE(""));
    check_text("empty", &out, "-ERR \r\n");
    redis_dialect.write_error(&out, SLICE("ERR a\r\n+OK\nb"));
    check_text("line ends", &out, "-ERR a  +OK b\r\n");
    memset(text, 'a', sizeof(text));
    redis_dialect.write_error(&out, (struct slice){text, sizeof(text)});
    ck_assert_uint_eq(out.len, 1 + 4096 + 2);
    bytes_deinit(&out);
}
END_TEST

int main(void) {
    return RUN_TESTS("words", refusal_is_told_in_redis_words,
                     policy_refuses_a_right_and_a_value_by_different_words,
                     redis_words_pass_unchanged, no_error_begins_as_one_that_starts_a_failover,
                     error_stays_one_line_of_bounded_length);
}
