// Keys: letters and pastes out of a terminal's bytes, in whatever pieces they come.
#include "client/keys.h"

#include <unistd.h>

#include "client/terminal.h"
#include "helpers.h"

static struct keys keys;
static int ends[2];

static void begin(void) {
    ck_assert_int_eq(pipe(ends), 0);
    keys = (struct keys){.fd = ends[0]};
}

static void end(void) {
    keys_deinit(&keys);
    close(ends[0]);
}

static void send_bytes(struct slice text) {
    ck_assert_int_eq(write(ends[1], text.data, text.len), (ssize_t)text.len);
}

static void check_letter(wchar_t wanted) {
    wchar_t letter = 0;
    ck_assert_int_eq(keys_next(&keys, -1, 10000, &letter), KEYS_LETTER);
    ck_assert_int_eq(letter, wanted);
}

static void check_kind(int timeout_ms, enum keys_kind wanted) {
    wchar_t letter;
    ck_assert_int_eq(keys_next(&keys, -1, timeout_ms, &letter), wanted);
}

START_TEST(letters_come_whole_and_bytes_that_are_none_do_not) {
    send_bytes(SLICE("a\xc3\xb6\xff\x80z"));
    check_letter(L'a');
    check_letter(L'ö');
    check_letter(L'z');
    check_kind(0, KEYS_LATE);
    send_bytes(SLICE("\0b")); // Ctrl-Space
    check_letter(L'\0');
    check_letter(L'b');
}
END_TEST

START_TEST(a_letter_whose_rest_does_not_come_is_passed_over) {
    send_bytes(SLICE("\xe6\x97"));
    check_kind(200, KEYS_LATE);
    send_bytes(SLICE("c"));
    check_letter(L'c');
}
END_TEST

START_TEST(an_escape_alone_is_a_key) {
    send_bytes(SLICE("\033"));
    check_letter(L'\033');
    send_bytes(SLICE("\033[A"));
    check_letter(L'\033');
    check_letter(L'[');
    check_letter(L'A');
    send_bytes(SLICE("\033[20"));
    check_letter(L'\033');
    check_letter(L'[');
}
END_TEST

// Sends the text in two pieces, the second by another process once the first has been read.
static void send_later(struct slice text) {
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        close(ends[0]);
        usleep(20000);
        _exit(write(ends[1], text.data, text.len) == (ssize_t)text.len ? 0 : 1);
    }
}

START_TEST(a_paste_may_come_in_pieces) {
    static const struct {
        const char *first, *second;
    } rows[] = {
        {"\033[200~one\ntwo\033[20", "1~x"},
        {"\033[200~one\n", "two\033[201~x"},
        {"\033[200~one\ntwo\033", "[201~x"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        send_bytes(slice_of(rows[i].first));
        send_later(slice_of(rows[i].second));
        check_kind(10000, KEYS_PASTE);
        check_same(rows[i].first, bytes_slice(&keys.paste), SLICE("one\ntwo"));
        ck_assert(!keys.is_paste_cut);
        check_letter(L'x');
    }
}
END_TEST

START_TEST(a_paste_that_is_too_long_is_cut) {
    struct bytes text = {0};
    bytes_append_literal(&text, "\033[200~");
    for (int i = 0; i < KEYS_MOST_PASTED + 5; i++)
        bytes_append_literal(&text, "p");
    bytes_append_literal(&text, "\033[201~q");
    FILE *file = tmpfile();
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text.data, 1, text.len, file), text.len);
    rewind(file);
    keys.fd = fileno(file);
    check_kind(10000, KEYS_PASTE);
    ck_assert_uint_eq(keys.paste.len, KEYS_MOST_PASTED);
    ck_assert(keys.is_paste_cut);
    check_letter(L'q');
    fclose(file);
    bytes_deinit(&text);
}
END_TEST

START_TEST(a_terminal_that_goes_ends_the_keys_and_a_paste) {
    send_bytes(SLICE("\033[200~half"));
    close(ends[1]);
    check_kind(10000, KEYS_PASTE);
    check_same("half", bytes_slice(&keys.paste), SLICE("half"));
    check_kind(10000, KEYS_END);
}
END_TEST

START_TEST(what_else_is_waited_for_is_told_after_the_keys) {
    int other[2];
    wchar_t letter;
    ck_assert_int_eq(pipe(other), 0);
    ck_assert_int_eq(write(other[1], "x", 1), 1);
    ck_assert_int_eq(keys_next(&keys, other[0], 10000, &letter), KEYS_SOCKET);
    send_bytes(SLICE("k"));
    ck_assert_int_eq(keys_next(&keys, other[0], 10000, &letter), KEYS_LETTER);
    ck_assert_int_eq(letter, L'k');
    ck_assert_int_eq(keys_next(&keys, other[0], 10000, &letter), KEYS_SOCKET);
    close(other[0]);
    close(other[1]);
}
END_TEST

int main(void) {
    terminal_set_locale();
    return RUN_TESTS_AROUND("keys", begin, end, letters_come_whole_and_bytes_that_are_none_do_not,
                            a_letter_whose_rest_does_not_come_is_passed_over,
                            an_escape_alone_is_a_key, a_paste_may_come_in_pieces,
                            a_paste_that_is_too_long_is_cut,
                            a_terminal_that_goes_ends_the_keys_and_a_paste,
                            what_else_is_waited_for_is_told_after_the_keys);
}
