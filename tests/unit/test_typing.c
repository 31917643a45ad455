// Typing: lines, pastes, history and widths, as the prompt takes them.
#include <sys/stat.h>
#include <unistd.h>

#include "client/columns.h"
#include "client/history.h"
#include "client/paste.h"
#include "client/progress.h"
#include "client/request_line.h"
#include "client/terminal.h"
#include "helpers.h"

struct text_row {
    const char *text, *wanted;
};

// --- lines ------------------------------------------------------------------------------------

static void append_words(struct bytes *out, const struct request_line *r) {
    for (size_t i = 0; i < r->count; i++) {
        bytes_printf(out, "%s<", i > 0 ? " " : "");
        bytes_append_slice(out, r->words[i]);
        bytes_append_literal(out, ">");
    }
}

START_TEST(a_line_is_read_as_the_daemon_reads_it) {
    static const struct text_row rows[] = {
        {"", ""},
        {"   ", ""},
        {"ping", "<ping>"},
        {" key.set  carts k  v ", "<key.set> <carts> <k> <v>"},
        {"key.set carts \"a b\" \"\\\"\\x41\\n\"", "<key.set> <carts> <a b> <\"A\n>"},
        {"key.set carts k \"\"", "<key.set> <carts> <k> <>"},
        {"key.set carts größe 日本", "<key.set> <carts> <größe> <日本>"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct request_line r;
        struct bytes error = {0}, text = {0};
        ck_assert_msg(request_line_read(&r, slice_of(rows[i].text), &error), "%s", rows[i].text);
        append_words(&text, &r);
        check_text(rows[i].text, &text, rows[i].wanted);
        check_text(rows[i].text, &error, "");
        request_line_deinit(&r);
    }
}
END_TEST

START_TEST(a_line_that_is_no_request_says_why) {
    static const struct text_row rows[] = {
        {"key.set carts \"a", "unbalanced quote"},
        {"key.set carts a\"b", "quote inside a bare word"},
        {"key.set carts \"a\\q\"",
         "bad escape in a quoted word: use \\\\ \\\" \\n \\r \\t \\0 or \\xHH"},
        {"key.set carts k $5",
         "a word that begins with $ announces a block of bytes: here, quote it"},
        {"key.set carts k $0",
         "a word that begins with $ announces a block of bytes: here, quote it"},
        {"key.set carts k $x", "a word may begin with $ only to announce a block, as $5: quote it"},
        {"*1", "no verb begins with *"},
        {"ping\nping", "a line's end within the line"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct request_line r;
        struct bytes error = {0};
        ck_assert_msg(!request_line_read(&r, slice_of(rows[i].text), &error), "%s", rows[i].text);
        check_text(rows[i].text, &error, rows[i].wanted);
        request_line_deinit(&r);
    }
}
END_TEST

// --- pastes -----------------------------------------------------------------------------------

START_TEST(a_paste_becomes_clean_lines) {
    static const struct text_row rows[] = {
        {"", ""},
        {"ping", "ping"},
        {"ping\n", "ping"},
        {"ping\r", "ping"},
        {"ping\r\n\r\n", "ping"},
        {"\n\nping\n\n\nhelp\n", "ping\nhelp"},
        {"a\tb\r  c  \n", "a b\nc"},
        {" a", " a"}, // within a line that has begun
        {"a\033[31mb\x01\x7f", "a[31mb"},
        {"größe\r日本\r", "größe\n日本"},
        {"   \n  ", ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bytes text = {0};
        bytes_append_slice(&text, slice_of(rows[i].text));
        paste_clean(&text);
        check_text(rows[i].text, &text, rows[i].wanted);
    }
}
END_TEST

START_TEST(a_paste_within_quotes_is_the_same_value) {
    static const char pasted[] = "a \"quoted\"\\ line\r\nand\ttwo\nthree\x01";
    struct bytes line = {0}, error = {0};
    struct request_line r;
    bytes_append_literal(&line, "key.set carts k \"");
    paste_append_quoted(&line, slice_of(pasted));
    bytes_append_literal(&line, "\"");
    ck_assert(request_line_read(&r, bytes_slice(&line), &error));
    check_same("value", r.words[3], SLICE("a \"quoted\"\\ line\nand\ttwo\nthree\x01"));
    request_line_deinit(&r);
    bytes_deinit(&line);
    bytes_deinit(&error);
}
END_TEST

// --- history ----------------------------------------------------------------------------------

START_TEST(lines_with_tokens_are_not_kept) {
    static const char *const kept[] = {"ping", "key.get carts auth", "help auth",
                                       "key.set carts \"a"};
    static const char *const secret[] = {
        "auth web token",       "AUTH web token",       "auth web",      "\"auth\" web token",
        "\"a\\x75th\" web t",   "auth web \"token",     "auth web a\"b", "explain auth web token",
        "hello 2 AUTH web tok", "hello 2 AUTH a b\"c",  " ping",         "",
        "\"auth web token",     "explain auth web t\"",
    };
    for (size_t i = 0; i < COUNT(kept); i++)
        ck_assert_msg(history_may_keep(slice_of(kept[i])), "%s", kept[i]);
    for (size_t i = 0; i < COUNT(secret); i++)
        ck_assert_msg(!history_may_keep(slice_of(secret[i])), "%s", secret[i]);
}
END_TEST

static void check_file(const char *path, const char *wanted) {
    struct bytes text = {0};
    struct stat stat_;
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    text.len = fread(bytes_reserve(&text, 65536), 1, 65536, file);
    fclose(file);
    ck_assert_int_eq(stat(path, &stat_), 0);
    ck_assert_uint_eq(stat_.st_mode & 0777, 0600);
    check_text(path, &text, wanted);
}

START_TEST(history_is_a_file_of_its_owner_alone) {
    char folder[] = "/tmp/cachesd-history-XXXXXX", path[64];
    struct history h;
    struct bytes lines = {0}, error = {0};
    ck_assert_ptr_nonnull(mkdtemp(folder));
    setenv("XDG_STATE_HOME", folder, 1);
    snprintf(path, sizeof(path), "%s/caches/history", folder);
    history_open(&h, &lines, &error);
    check_text("no error", &error, "");
    history_add(&h, SLICE("ping"));
    history_close(&h);
    check_file(path, "ping\n");
    ck_assert_int_eq(chmod(path, 0644), 0);
    history_open(&h, &lines, &error); // a second prompt, which mends the mode
    check_text("lines", &lines, "ping\n");
    history_add(&h, SLICE("größe"));
    history_close(&h);
    check_file(path, "ping\ngröße\n");
    unlink(path);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    history_open(&h, &lines, &error);
    ck_assert_int_eq(h.fd, -1);
    ck_assert(error.len > 0);
    history_add(&h, SLICE("goes nowhere"));
    history_close(&h);
    rmdir(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);
    rmdir(folder);
    bytes_deinit(&error);
}
END_TEST

START_TEST(a_long_history_is_cut_to_its_last_lines) {
    char folder[] = "/tmp/cachesd-history-XXXXXX", path[64];
    struct history h;
    struct bytes lines = {0}, error = {0};
    ck_assert_ptr_nonnull(mkdtemp(folder));
    setenv("XDG_STATE_HOME", folder, 1);
    history_open(&h, &lines, &error);
    for (int i = 0; i <= 2 * HISTORY_LINES; i++)
        history_add(&h, SLICE("old"));
    history_add(&h, SLICE("new"));
    history_close(&h);
    for (int round = 0; round < 2; round++) { // the second reads what the first has cut
        lines.len = 0;
        history_open(&h, &lines, &error);
        ck_assert_uint_eq(lines.len, HISTORY_LINES * 4);
        ck_assert(slice_equal((struct slice){lines.data + lines.len - 8, 8}, SLICE("old\nnew\n")));
        history_close(&h);
    }
    snprintf(path, sizeof(path), "%s/caches/history", folder);
    ck_assert_int_eq(unlink(path), 0);
    *strrchr(path, '/') = '\0';
    ck_assert_int_eq(rmdir(path), 0); // nothing was left beside it
    rmdir(folder);
    bytes_deinit(&lines);
    bytes_deinit(&error);
}
END_TEST

// Why there is no history, or "" when there is one.
static void check_refusal(const char *state, const char *home, const char *wanted) {
    struct history h;
    struct bytes lines = {0}, error = {0};
    setenv("XDG_STATE_HOME", state, 1);
    setenv("HOME", home, 1);
    history_open(&h, &lines, &error);
    bytes_append(&error, "", 1);
    ck_assert_msg(strstr(error.data, wanted) && (*wanted || error.len == 1), "%s", error.data);
    ck_assert_int_eq(h.fd >= 0, !*wanted);
    history_close(&h);
    bytes_deinit(&lines);
    bytes_deinit(&error);
}

START_TEST(history_stands_in_the_home_folder_else_it_is_said_why_there_is_none) {
    char folder[] = "/tmp/cachesd-history-XXXXXX", path[80];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    check_refusal("relative", "elsewhere", "neither $HOME nor $XDG_STATE_HOME");
    check_refusal("", "", "neither $HOME nor $XDG_STATE_HOME");
    check_refusal("relative", folder, "");
    snprintf(path, sizeof(path), "%s/.local/state/caches/history", folder);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    check_refusal("", folder, "it is no file");
    ck_assert_int_eq(unlink(path), 0);
    for (const char *name = path; strlen(name) > strlen(folder);) {
        *strrchr(path, '/') = '\0';
        ck_assert_int_eq(rmdir(path), 0);
    }
    FILE *file = fopen(folder, "w"); // a file where the folder should be
    ck_assert_ptr_nonnull(file);
    fclose(file);
    check_refusal(folder, "", "Not a directory");
    unlink(folder);
}
END_TEST

START_TEST(a_long_history_that_cannot_be_cut_stays_as_it_is) {
    char folder[] = "/tmp/cachesd-history-XXXXXX", path[64], beside[96];
    struct history h;
    struct bytes lines = {0}, error = {0};
    ck_assert_ptr_nonnull(mkdtemp(folder));
    setenv("XDG_STATE_HOME", folder, 1);
    history_open(&h, &lines, &error);
    for (int i = 0; i <= 2 * HISTORY_LINES; i++)
        history_add(&h, SLICE("old"));
    history_close(&h);
    snprintf(path, sizeof(path), "%s/caches/history", folder);
    snprintf(beside, sizeof(beside), "%s.%d", path, (int)getpid());
    ck_assert_int_eq(mkdir(beside, 0700), 0); // where the shorter one would be written
    history_open(&h, &lines, &error);
    check_text("no error", &error, "");
    ck_assert_uint_eq(lines.len, HISTORY_LINES * 4);
    history_add(&h, SLICE("new"));
    struct stat found;
    ck_assert_int_eq(stat(path, &found), 0);
    ck_assert_int_eq(found.st_size, (2 * HISTORY_LINES + 2) * 4);
    history_close(&h);
    ck_assert_int_eq(rmdir(beside), 0);
    ck_assert_int_eq(unlink(path), 0);
    *strrchr(path, '/') = '\0';
    ck_assert_int_eq(rmdir(path), 0);
    rmdir(folder);
    bytes_deinit(&lines);
}
END_TEST

// --- widths -----------------------------------------------------------------------------------

START_TEST(letters_have_their_widths) {
    ck_assert_uint_eq(columns_of(SLICE("")), 0);
    ck_assert_uint_eq(columns_of(SLICE("größe")), 5);
    ck_assert_uint_eq(columns_of(SLICE("日本")), 4);
    ck_assert_uint_eq(columns_of(SLICE("e\xcc\x81")), 1); // a combining accent
    ck_assert_uint_eq(columns_of(SLICE("\xff\xfe")), 2);
    ck_assert_uint_eq(columns_of(SLICE("\xe6\x97")), 2); // cut within a letter
}
END_TEST

START_TEST(texts_are_cut_between_letters) {
    static const struct {
        const char *text;
        size_t room;
        const char *wanted;
    } rows[] = {
        {"hello", 3, "hel"}, {"hello", 9, "hello"}, {"日本", 3, "日"},
        {"日本", 1, ""},     {"größe", 3, "grö"},   {"", 0, ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        check_same(rows[i].text, columns_cut(slice_of(rows[i].text), rows[i].room),
                   slice_of(rows[i].wanted));
    struct bytes out = {0};
    columns_append_left(&out, SLICE("日本"), 5);
    check_text("left", &out, "日本 ");
    columns_append_right(&out, SLICE("日本"), 3);
    check_text("right", &out, " 日");
    columns_append_safe(&out, SLICE("a\033[2J\xff日\n"));
    check_text("safe", &out, "a?[2J?日?");
}
END_TEST

// --- progress ---------------------------------------------------------------------------------

static void check_progress(struct progress p, int64_t now_ms, size_t columns, const char *wanted) {
    struct bytes line = {0};
    progress_append(&line, &p, now_ms, columns);
    check_text(wanted, &line, wanted);
}

START_TEST(progress_tells_how_far_and_how_long) {
    struct progress p = {.what = "purge carts", .total = 123000, .done = 41000};
    check_progress(p, 500, 200,
                   "purge carts [##########--------------------]  33 %  41,000 of 123,000");
    check_progress(
        p, 10000, 200,
        "purge carts [##########--------------------]  33 %  41,000 of 123,000  4,100/s  "
        "0:20 left");
    check_progress(p, 10000, 20, "purge carts [#######");
    p.done = 130000; // more than was expected
    check_progress(
        p, 10000, 200,
        "purge carts [##############################] 100 %  130,000 of 123,000  13,000/s  "
        "0:00 left");
    p.total = 100000000;
    check_progress(p, 10000, 200,
                   "purge carts [------------------------------]   0 %  130,000 of 100,000,000  "
                   "13,000/s  2:08:02 left");
    p.total = 0;
    check_progress(p, 10000, 200, "purge carts  130,000  13,000/s");
    p.done = 0;
    check_progress(p, 10000, 200, "purge carts  0");
}
END_TEST

int main(void) {
    terminal_set_locale();
    return RUN_TESTS("typing", a_line_is_read_as_the_daemon_reads_it,
                     a_line_that_is_no_request_says_why, a_paste_becomes_clean_lines,
                     a_paste_within_quotes_is_the_same_value, lines_with_tokens_are_not_kept,
                     history_is_a_file_of_its_owner_alone, a_long_history_is_cut_to_its_last_lines,
                     history_stands_in_the_home_folder_else_it_is_said_why_there_is_none,
                     a_long_history_that_cannot_be_cut_stays_as_it_is, letters_have_their_widths,
                     texts_are_cut_between_letters, progress_tells_how_far_and_how_long);
}
