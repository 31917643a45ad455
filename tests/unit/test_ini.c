// Ini: sections and options with their lines.
#include "conf/ini.h"
#include "helpers.h"

// What was read goes here as text, a line each.
static void on_section(void *owner, int line, struct slice kind, struct slice name) {
    bytes_printf(owner, "%d [%.*s|%.*s]\n", line, (int)kind.len, kind.data, (int)name.len,
                 name.data);
}

static void on_option(void *owner, int line, struct slice name, struct slice value, bool is_more) {
    bytes_printf(owner, "%d %s%.*s=%.*s\n", line, is_more ? "+" : "", (int)name.len, name.data,
                 (int)value.len, value.data);
}

static struct bytes read_ini(struct slice text) {
    struct bytes seen = {0};
    struct problems problems = {0};
    problems_set_file(&problems, "f");
    char *exact = copy_exactly(text.data, text.len);
    struct ini_handler handler = {&seen, on_section, on_option};
    ini_read((struct slice){exact, text.len}, 1, &handler, &problems);
    free(exact);
    problems_append(&problems, &seen);
    problems_deinit(&problems);
    return seen;
}

static void check_ini(const char *text, const char *wanted) {
    struct bytes seen = read_ini(slice_of(text));
    check_text(text, &seen, wanted);
}

START_TEST(ini_gives_each_section_and_option_its_line) {
    check_ini("[cachesd]\nlisten = systemd\n\n; comment\n# comment\n[backend main]\n"
              "url=redis://h:1\nname :  value with spaces  \n",
              "1 [cachesd|]\n2 listen=systemd\n6 [backend|main]\n7 url=redis://h:1\n"
              "8 name=value with spaces\n");
}
END_TEST

START_TEST(ini_reads_line_ends_of_both_kinds) {
    check_ini("[a b]\r\nx = 1\r\n\r\ny = 2", "1 [a|b]\n2 x=1\n4 y=2\n");
}
END_TEST

START_TEST(ini_reads_nothing_from_nothing) {
    check_ini("", "");
    check_ini("\n\n", "");
    check_ini("; only a comment", "");
    struct bytes seen = read_ini((struct slice){0});
    check_text("no data", &seen, "");
}
END_TEST

START_TEST(ini_passes_over_a_byte_order_mark) {
    check_ini("\xef\xbb\xbf[a]\nx = 1\n", "1 [a|]\n2 x=1\n");
}
END_TEST

START_TEST(ini_trims_the_names_of_sections) {
    check_ini("[  user \t web  ]\n[]\n[a b c]\n", "1 [user|web]\n2 [|]\n3 [a|b c]\n");
}
END_TEST

START_TEST(ini_reads_sections_without_options) {
    check_ini("[a]\n[b]\n[c x]", "1 [a|]\n2 [b|]\n3 [c|x]\n");
}
END_TEST

START_TEST(ini_goes_on_over_indented_lines) {
    check_ini("[a]\nx = 1,\n  2,\n\t3\ny = 4\n ; comment\n   5\n",
              "1 [a|]\n2 x=1,\n3 +x=2,\n4 +x=3\n5 y=4\n7 +y=5\n");
}
END_TEST

START_TEST(ini_goes_on_with_addresses_in_brackets) {
    check_ini("[a]\nx = 1,\n  [::1]:5, b,\n\t[::2]\n[b c:d]\n",
              "1 [a|]\n2 x=1,\n3 +x=[::1]:5, b,\n4 +x=[::2]\n5 [b|c:d]\n");
    check_ini("[a]\nx = 1,\n  [b]\n",
              "1 [a|]\n2 x=1,\nf:3: a [section] must begin in the first column\n");
    check_ini("[a]\nx = 1,\n  [::1\n",
              "1 [a|]\n2 x=1,\nf:3: a [section] must begin in the first column\n");
}
END_TEST

START_TEST(ini_takes_an_indented_first_option_for_an_option) {
    check_ini("[a]\n  x = 1\n[b]\n  y = 2\n", "1 [a|]\n2 x=1\n3 [b|]\n4 y=2\n");
}
END_TEST

START_TEST(ini_drops_comments_behind_a_namespace) {
    check_ini("[a] ; comment\nx = 1 ; comment\ny = a;b\nz = ;\nw = 1,\n  2 ; comment\n",
              "1 [a|]\n2 x=1\n3 y=a;b\n4 z=\n5 w=1,\n6 +w=2\n");
}
END_TEST

START_TEST(ini_reports_what_is_no_ini) {
    check_ini("x = 1\n[a]\n", "2 [a|]\nf:1: an option before the first [section]\n");
    check_ini("[a]\nx\n", "1 [a|]\nf:2: not a section, an option (name = value) or a comment\n");
    check_ini("[a\nx = 1\n[b c ; d\n",
              "1 [a|]\n2 x=1\n3 [b|c]\n"
              "f:1: a section needs its closing ]\nf:3: a section needs its closing ]\n");
    check_ini("[a]\n [b]\n", "1 [a|]\nf:2: a [section] must begin in the first column\n");
    check_ini("[a]\n [::1]\n", "1 [a|]\nf:2: a [section] must begin in the first column\n");
}
END_TEST

START_TEST(ini_reports_an_indented_line_that_goes_on_with_nothing) {
    check_ini("[a]\n  x\ny = 1\n",
              "1 [a|]\n3 y=1\nf:2: not a section, an option (name = value) or a comment\n");
}
END_TEST

START_TEST(ini_reports_what_follows_a_section_on_its_line) {
    check_ini("[a] x = 1\n", "1 [a|]\nf:1: a [section] needs a line of its own\n");
}
END_TEST

START_TEST(ini_reports_nul_bytes) {
    struct bytes seen = read_ini(SLICE("[a]\nx = 1\0 2\ny = 3\n"));
    check_text("NUL", &seen, "1 [a|]\n3 y=3\nf:2: a NUL byte\n");
}
END_TEST

// "[a]\n", then a line of `len` bytes, then "y = 2\n".
static struct bytes read_line_of(size_t len, const char *end) {
    struct bytes text = {0};
    bytes_printf(&text, "[a]\nx = %0*d%sy = 2\n", (int)(len - strlen("x = ")), 1, end);
    struct bytes seen = read_ini(bytes_slice(&text));
    bytes_deinit(&text);
    return seen;
}

// Lines about the limit, between two short ones, each with each end of a line: none of them may
// take its neighbours with it.
START_TEST(ini_takes_lines_of_199_bytes_and_no_longer) {
    static const char *const ends[] = {"\n", "\r\n"};
    for (size_t i = 0; i < COUNT(ends); i++) {
        for (int len = 196; len <= 203; len++) {
            struct bytes seen = read_line_of((size_t)len, ends[i]), wanted = {0};
            if (len <= 199)
                bytes_printf(&wanted, "1 [a|]\n2 x=%0*d\n3 y=2\n", len - 4, 1);
            else
                bytes_printf(&wanted, "1 [a|]\n3 y=2\nf:2: longer than 199 bytes: go on over "
                                      "indented lines, or shorten it\n");
            check_same("about 199", bytes_slice(&seen), bytes_slice(&wanted));
            bytes_deinit(&seen);
            bytes_deinit(&wanted);
        }
    }
}
END_TEST

// A line of `len` bytes that goes on with the option above it, that is the first of a file with a
// byte order mark, or that is a comment.
static struct bytes read_kind_of_line(int kind, int len) {
    struct bytes text = {0};
    if (kind == 0)
        bytes_printf(&text, "[a]\nx = 1\n  %0*d\ny = 2", len - 2, 1);
    else if (kind == 1)
        bytes_printf(&text, "\xef\xbb\xbf[a]%*s\nx = 1\ny = 2", len - 3, "");
    else
        bytes_printf(&text, "[a]\nx = 1\n;%0*d\ny = 2", len - 1, 1);
    struct bytes seen = read_ini(bytes_slice(&text));
    bytes_deinit(&text);
    return seen;
}

START_TEST(ini_holds_every_kind_of_line_to_the_same_limit) {
    static const char *const lines[] = {":3: ", ":1: ", ":3: "};
    for (int kind = 0; kind < 3; kind++) {
        for (int len = 197; len <= 201; len++) {
            struct bytes seen = read_kind_of_line(kind, len);
            bytes_append(&seen, "", 1);
            bool is_refused = strstr(seen.data, "longer than 199 bytes");
            ck_assert_msg(is_refused == (len > 199), "%d, %d: %s", kind, len, seen.data);
            ck_assert_msg(!is_refused || strstr(seen.data, lines[kind]), "%s", seen.data);
            ck_assert_msg(kind == 1 ? !is_refused == !!strstr(seen.data, " y=2")
                                    : !!strstr(seen.data, " y=2"),
                          "%d, %d: %s", kind, len, seen.data);
            bytes_deinit(&seen);
        }
    }
}
END_TEST

START_TEST(ini_reads_a_last_line_of_199_bytes_without_its_end) {
    struct bytes text = {0};
    bytes_printf(&text, "[a]\ny = 2\nx = %0195d", 1);
    struct bytes seen = read_ini(bytes_slice(&text)), wanted = {0};
    bytes_printf(&wanted, "1 [a|]\n2 y=2\n3 x=%0195d\n", 1);
    check_same("last", bytes_slice(&seen), bytes_slice(&wanted));
    bytes_deinit(&seen);
    bytes_deinit(&wanted);
    bytes_deinit(&text);
}
END_TEST

START_TEST(ini_keeps_names_of_any_length_whole) {
    check_ini("[a]\na_name_that_is_longer_than_the_fifty_bytes_that_inih_keeps = 1\n",
              "1 [a|]\n2 a_name_that_is_longer_than_the_fifty_bytes_that_inih_keeps=1\n");
    check_ini("[a]\n = 1\n: 2\n", "1 [a|]\nf:2: an option needs its name: name = value\n"
                                  "f:3: an option needs its name: name = value\n");
}
END_TEST

START_TEST(ini_counts_lines_behind_a_very_long_one) {
    struct bytes seen = read_line_of(5000, "\n");
    check_text("5000", &seen,
               "1 [a|]\n3 y=2\nf:2: longer than 199 bytes: go on over indented lines, or shorten "
               "it\n");
}
END_TEST

START_TEST(problems_are_shown_in_the_order_of_their_lines) {
    struct problems problems = {0};
    problems_set_file(&problems, "dir/c.ini");
    struct bytes out = {0};
    problems_add(&problems, 12, "twelve %d", 12);
    problems_add(&problems, 0, "about nothing");
    problems_add(&problems, 3, "three");
    problems_append(&problems, &out);
    check_text("order", &out,
               "dir/c.ini: about nothing\ndir/c.ini:3: three\ndir/c.ini:12: twelve 12\n");
    problems_deinit(&problems);
}
END_TEST

int main(void) {
    return RUN_TESTS(
        "ini", ini_gives_each_section_and_option_its_line, ini_reads_line_ends_of_both_kinds,
        ini_reads_nothing_from_nothing, ini_passes_over_a_byte_order_mark,
        ini_trims_the_names_of_sections, ini_reads_sections_without_options,
        ini_goes_on_over_indented_lines, ini_goes_on_with_addresses_in_brackets,
        ini_takes_an_indented_first_option_for_an_option, ini_drops_comments_behind_a_namespace,
        ini_reports_what_is_no_ini, ini_reports_an_indented_line_that_goes_on_with_nothing,
        ini_reports_what_follows_a_section_on_its_line, ini_reports_nul_bytes,
        ini_takes_lines_of_199_bytes_and_no_longer, ini_holds_every_kind_of_line_to_the_same_limit,
        ini_reads_a_last_line_of_199_bytes_without_its_end, ini_keeps_names_of_any_length_whole,
        ini_counts_lines_behind_a_very_long_one, problems_are_shown_in_the_order_of_their_lines);
}
