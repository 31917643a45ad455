// Bytes: slices and the growing buffer.
#include "helpers.h"

START_TEST(slices_are_equal_when_their_bytes_are) {
    ck_assert(slice_equal(SLICE("abc"), slice_of("abc")));
    ck_assert(slice_equal(SLICE("a\0b"), SLICE("a\0b")));
    ck_assert(!slice_equal(SLICE("a\0b"), SLICE("a\0c")));
    ck_assert(!slice_equal(SLICE("abc"), SLICE("ab")));
    ck_assert(!slice_equal(SLICE("abc"), SLICE("ABC")));
}
END_TEST

START_TEST(slices_without_data_are_equal_to_empty_ones) {
    struct slice none = {0};
    ck_assert(slice_equal(none, SLICE("")));
    ck_assert(slice_equal(none, none));
    ck_assert(slice_equal_nocase(none, SLICE("")));
    ck_assert(slice_begins(SLICE("abc"), none));
}
END_TEST

START_TEST(slice_equal_nocase_folds_ascii_letters_only) {
    ck_assert(slice_equal_nocase(SLICE("Key.GET"), SLICE("kEy.get")));
    ck_assert(slice_equal_nocase(SLICE("AZaz"), SLICE("azAZ")));
    ck_assert(!slice_equal_nocase(SLICE("@"), SLICE("`")));
    ck_assert(!slice_equal_nocase(SLICE("["), SLICE("{")));
    ck_assert(!slice_equal_nocase(SLICE("\xc4"), SLICE("\xe4")));
    ck_assert(!slice_equal_nocase(SLICE("ab"), SLICE("abc")));
}
END_TEST

START_TEST(slice_begins_compares_the_whole_prefix) {
    ck_assert(slice_begins(SLICE("sess:42"), SLICE("sess:")));
    ck_assert(slice_begins(SLICE("sess:"), SLICE("sess:")));
    ck_assert(slice_begins(SLICE("sess:"), SLICE("")));
    ck_assert(!slice_begins(SLICE("sess"), SLICE("sess:")));
    ck_assert(!slice_begins(SLICE("Sess:1"), SLICE("sess:")));
}
END_TEST

START_TEST(bytes_grow_and_keep_what_they_hold) {
    struct bytes b = {0};
    for (int i = 0; i < 10000; i++)
        bytes_append_literal(&b, "0123456789");
    ck_assert_uint_eq(b.len, 100000);
    ck_assert_uint_ge(b.cap, b.len);
    for (size_t i = 0; i < b.len; i++)
        ck_assert_int_eq(b.data[i], '0' + (char)(i % 10));
    bytes_deinit(&b);
}
END_TEST

START_TEST(bytes_append_takes_nothing_from_nowhere) {
    struct bytes b = {0};
    bytes_append(&b, NULL, 0);
    bytes_append_slice(&b, (struct slice){0});
    ck_assert_uint_eq(b.len, 0);
    bytes_deinit(&b);
}
END_TEST

START_TEST(bytes_reserve_makes_room_but_does_not_count_it) {
    struct bytes b = {0};
    bytes_append_literal(&b, "ab");
    char *to = bytes_reserve(&b, 5000);
    ck_assert_ptr_eq(to, b.data + 2);
    ck_assert_uint_ge(b.cap, 5002);
    ck_assert_uint_eq(b.len, 2);
    memset(to, 'x', 5000);
    bytes_grew(&b, 5000);
    ck_assert_uint_eq(b.len, 5002);
    bytes_deinit(&b);
}
END_TEST

START_TEST(bytes_printf_appends_without_a_final_nul) {
    struct bytes b = {0};
    bytes_append_literal(&b, "a");
    bytes_printf(&b, "%d-%s", 42, "b");
    bytes_printf(&b, "%s", "");
    bytes_append_literal(&b, "c");
    check_text("printf", &b, "a42-bc");
}
END_TEST

START_TEST(bytes_printf_writes_texts_longer_than_its_room) {
    struct bytes b = {0};
    bytes_printf(&b, "%0*d", 5000, 7);
    ck_assert_uint_eq(b.len, 5000);
    ck_assert_int_eq(b.data[4999], '7');
    bytes_deinit(&b);
}
END_TEST

START_TEST(bytes_printf_makes_room_for_a_text_of_any_length) {
    char text[1000];
    memset(text, 'x', sizeof(text));
    for (int len = 0; len < (int)sizeof(text); len++) {
        struct bytes b = {0};
        bytes_append_literal(&b, "before ");
        bytes_printf(&b, "%.*s|%d", len, text, 42);
        ck_assert_uint_eq(b.len, strlen("before ") + (size_t)len + strlen("|42"));
        ck_assert(slice_begins(bytes_slice(&b), SLICE("before ")));
        ck_assert_mem_eq(b.data + strlen("before "), text, (size_t)len);
        ck_assert_mem_eq(b.data + b.len - 3, "|42", 3);
        bytes_deinit(&b);
    }
}
END_TEST

START_TEST(bytes_consume_drops_from_the_front) {
    struct bytes b = {0};
    bytes_consume(&b, 0);
    bytes_append_literal(&b, "hello world");
    bytes_consume(&b, 6);
    check_same("rest", bytes_slice(&b), SLICE("world"));
    bytes_consume(&b, 0);
    check_same("none", bytes_slice(&b), SLICE("world"));
    bytes_consume(&b, 5);
    ck_assert_uint_eq(b.len, 0);
    bytes_append_literal(&b, "x");
    check_text("again", &b, "x");
}
END_TEST

START_TEST(bytes_are_usable_after_deinit) {
    struct bytes b = {0};
    bytes_append_literal(&b, "a");
    bytes_deinit(&b);
    ck_assert_ptr_null(b.data);
    ck_assert_uint_eq(b.cap, 0);
    bytes_append_literal(&b, "b");
    check_text("after deinit", &b, "b");
    bytes_deinit(&b);
}
END_TEST

START_TEST(bytes_append_readable_shows_any_word_as_a_request_would_write_it) {
    static const struct {
        struct slice word;
        const char *shown;
    } rows[] = {
        {{"user:42", 7}, "user:42"},
        {{"a$b*c'd", 7}, "a$b*c'd"},
        {{"", 0}, "\"\""},
        {{"$5", 2}, "\"$5\""},
        {{"two words", 9}, "\"two words\""},
        {{"a\"b", 3}, "\"a\\\"b\""},
        {{"a\\b", 3}, "\"a\\\\b\""},
        {{"\n\r\t\0", 4}, "\"\\n\\r\\t\\0\""},
        {{"\x01\x1f\x7f", 3}, "\"\\x01\\x1f\\x7f\""},
        {{"\xc3\xa9\xff", 3}, "\"\\xc3\\xa9\\xff\""},
        {{"~!", 2}, "~!"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bytes b = {0};
        bytes_append_readable(&b, rows[i].word, 64);
        check_text(rows[i].shown, &b, rows[i].shown);
    }
}
END_TEST

START_TEST(bytes_append_readable_cuts_what_is_longer_than_its_limit) {
    struct bytes b = {0};
    bytes_append_readable(&b, SLICE("12345"), 5);
    bytes_append_literal(&b, " ");
    bytes_append_readable(&b, SLICE("123456"), 5);
    bytes_append_literal(&b, " ");
    bytes_append_readable(&b, SLICE("1 3456"), 5);
    bytes_append_literal(&b, " ");
    bytes_append_readable(&b, SLICE("12345 "), 5);
    check_text("cut", &b, "12345 12345... \"1 345\"... 12345...");
}
END_TEST

int main(void) {
    return RUN_TESTS(
        "bytes", slices_are_equal_when_their_bytes_are, slices_without_data_are_equal_to_empty_ones,
        slice_equal_nocase_folds_ascii_letters_only, slice_begins_compares_the_whole_prefix,
        bytes_grow_and_keep_what_they_hold, bytes_append_takes_nothing_from_nowhere,
        bytes_reserve_makes_room_but_does_not_count_it, bytes_printf_appends_without_a_final_nul,
        bytes_printf_writes_texts_longer_than_its_room,
        bytes_printf_makes_room_for_a_text_of_any_length, bytes_consume_drops_from_the_front,
        bytes_are_usable_after_deinit,
        bytes_append_readable_shows_any_word_as_a_request_would_write_it,
        bytes_append_readable_cuts_what_is_longer_than_its_limit);
}
