// Hello: the handshake of Redis's clients.
#include "helpers.h"
#include "protocol/hello.h"

static struct hello h;

static bool read_words(const struct slice *words, size_t count) {
    return hello_read(words, count, &h);
}

START_TEST(hello_without_words_or_with_a_version_alone_says_nothing) {
    struct slice words[] = {SLICE("2")};
    ck_assert(read_words(words, 0));
    ck_assert_ptr_null(h.name);
    ck_assert(read_words(words, 1));
    ck_assert_ptr_null(h.name);
    ck_assert_ptr_null(h.credentials);
}
END_TEST

START_TEST(hello_takes_user_and_token_and_a_name_in_any_order) {
    struct slice words[] = {SLICE("2"),    SLICE("SetName"), SLICE("auth"),
                            SLICE("AUTH"), SLICE("u"),       SLICE("t")};
    ck_assert(read_words(words, 6));
    ck_assert_ptr_eq(h.name, &words[2]);
    ck_assert_ptr_eq(h.credentials, &words[4]);
    struct slice turned[] = {SLICE("2"), SLICE("auth"),    SLICE("u"),
                             SLICE("t"), SLICE("setname"), SLICE("n")};
    ck_assert(read_words(turned, 6));
    ck_assert_ptr_eq(h.name, &turned[5]);
    ck_assert_ptr_eq(h.credentials, &turned[2]);
}
END_TEST

START_TEST(hello_refuses_words_that_are_cut_short_or_unknown) {
    struct slice words[] = {SLICE("2"), SLICE("auth"), SLICE("u"), SLICE("t"), SLICE("setname")};
    ck_assert(!read_words(words, 2));
    ck_assert(!read_words(words, 3));
    ck_assert(read_words(words, 4));
    ck_assert(!read_words(words, 5));
    struct slice other[] = {SLICE("2"), SLICE("name"), SLICE("n")};
    ck_assert(!read_words(other, 3));
}
END_TEST

int main(void) {
    return RUN_TESTS("hello", hello_without_words_or_with_a_version_alone_says_nothing,
                     hello_takes_user_and_token_and_a_name_in_any_order,
                     hello_refuses_words_that_are_cut_short_or_unknown);
}
