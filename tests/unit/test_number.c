// Number: whole numbers, doubles, durations and sizes.
#include <inttypes.h>
#include <math.h>

#include "helpers.h"
#include "protocol/number.h"

#define HOUR_MS (INT64_C(3600) * 1000)

struct number_row {
    const char *text;
    int64_t value;
};

typedef bool number_reader(struct slice s, int64_t *value);

static void check_accepted(number_reader *read, const struct number_row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(rows[i].text);
        char *exact = copy_exactly(rows[i].text, len);
        int64_t value = -77;
        ck_assert_msg(read((struct slice){exact, len}, &value), "'%s' refused", rows[i].text);
        ck_assert_msg(value == rows[i].value, "'%s' read as %" PRId64, rows[i].text, value);
        free(exact);
    }
}

static void check_refused(number_reader *read, const char *const *texts, size_t count) {
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(texts[i]);
        char *exact = copy_exactly(texts[i], len);
        int64_t value;
        ck_assert_msg(!read((struct slice){exact, len}, &value), "'%s' accepted", texts[i]);
        free(exact);
    }
}

START_TEST(number_reads_whole_numbers_of_64_bits) {
    static const struct number_row rows[] = {
        {"0", 0},
        {"7", 7},
        {"-1", -1},
        {"1234567890", 1234567890},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
    };
    check_accepted(number_parse_int, rows, COUNT(rows));
}
END_TEST

START_TEST(number_refuses_what_redis_takes_for_no_whole_number) {
    static const char *const texts[] = {
        "",
        "-",
        "+1",
        " 1",
        "1 ",
        "01",
        "-01",
        "-0",
        "1.0",
        "1e3",
        "0x",
        "--1",
        "abc",
        "9223372036854775808",
        "1\n2",
        "1-",
        "-9223372036854775809",
        "18446744073709551616",
        "99999999999999999999999",
    };
    check_refused(number_parse_int, texts, COUNT(texts));
    int64_t value;
    ck_assert(!number_parse_int(SLICE("1\0"), &value));
    ck_assert(!number_parse_int((struct slice){0}, &value));
}
END_TEST

START_TEST(number_reads_cursors_of_64_bits_without_sign) {
    uint64_t value;
    ck_assert(number_parse_unsigned(SLICE("0"), &value));
    ck_assert_uint_eq(value, 0);
    ck_assert(number_parse_unsigned(SLICE("18446744073709551615"), &value));
    ck_assert_uint_eq(value, UINT64_MAX);
    ck_assert(!number_parse_unsigned(SLICE("18446744073709551616"), &value));
    ck_assert(!number_parse_unsigned(SLICE("99999999999999999999"), &value));
    ck_assert(!number_parse_unsigned(SLICE("-1"), &value));
    ck_assert(!number_parse_unsigned(SLICE("00"), &value));
    ck_assert(!number_parse_unsigned(SLICE(""), &value));
}
END_TEST

START_TEST(number_reads_doubles_as_redis_does) {
    static const struct {
        const char *text;
        double value;
    } rows[] = {
        {"0", 0},      {"1.5", 1.5},       {"-2", -2},          {"+3", 3},
        {"1e3", 1000}, {".5", .5},         {"-1.5E-3", -.0015}, {"inf", INFINITY},
        {"5.", 5},     {"+inf", INFINITY}, {"-inf", -INFINITY}, {"Infinity", INFINITY},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t len = strlen(rows[i].text);
        char *exact = copy_exactly(rows[i].text, len);
        double value = 0;
        ck_assert_msg(number_parse_double((struct slice){exact, len}, &value), "'%s' refused",
                      rows[i].text);
        ck_assert_msg(value == rows[i].value, "'%s' read as %g", rows[i].text, value);
        free(exact);
    }
}
END_TEST

START_TEST(number_refuses_what_is_no_score) {
    static const char *const texts[] = {
        "",      "nan",    "-nan", "NaN", " 1",   "\t1",     "1 ",    "\n1", "abc", "1x",
        "1e400", "1e-400", "(1",   "--1", "1,5",  "0x10",    "0X1p3", ".",   "-",   "+.",
        "1e",    "1e+",    "e5",   ".e1", "infi", "infinit", "1_0",   "1f",  "+-1", "nan(1)"};
    double value;
    for (size_t i = 0; i < COUNT(texts); i++)
        ck_assert_msg(!number_parse_double(slice_of(texts[i]), &value), "'%s' accepted", texts[i]);
    ck_assert(!number_parse_double(SLICE("1\0"), &value));
    ck_assert(!number_parse_double((struct slice){0}, &value));
}
END_TEST

START_TEST(number_reads_every_double_written_out_in_full) {
    char digits[NUMBER_LONGEST_DOUBLE + 1];
    double value;
    int len = snprintf(digits, sizeof(digits), "%f", -1.7e308);
    ck_assert_int_eq(len, 317);
    ck_assert(number_parse_double((struct slice){digits, (size_t)len}, &value));
    ck_assert(value == -1.7e308);
    len = snprintf(digits, sizeof(digits), "%.1074f", 5e-324);
    ck_assert(number_parse_double((struct slice){digits, (size_t)len}, &value));
    ck_assert(value == 5e-324);
    memset(digits, '0', sizeof(digits));
    ck_assert(number_parse_double((struct slice){digits, NUMBER_LONGEST_DOUBLE}, &value));
    ck_assert(!number_parse_double((struct slice){digits, NUMBER_LONGEST_DOUBLE + 1}, &value));
}
END_TEST

START_TEST(number_reads_durations_in_milliseconds) {
    static const struct number_row rows[] = {
        {"0", 0},
        {"90", 90 * 1000},
        {"1500ms", 1500},
        {"30s", 30 * 1000},
        {"5m", 5 * 60 * 1000},
        {"2h", 2 * HOUR_MS},
        {"7d", 7 * 24 * HOUR_MS},
        {"2H", 2 * HOUR_MS},
        {"10MS", 10},
        {"36500d", DURATION_MAX_MS},
        {"forever", DURATION_FOREVER},
        {"FOREVER", DURATION_FOREVER},
    };
    check_accepted(number_parse_duration, rows, COUNT(rows));
}
END_TEST

START_TEST(number_refuses_what_is_no_duration) {
    static const char *const texts[] = {
        "",
        "s",
        "ms",
        "h",
        "-1",
        "-1s",
        "+1s",
        "1.5h",
        "2 h",
        " 2h",
        "2h ",
        "2w",
        "2hs",
        "02h",
        "1h30m",
        "for ever",
        "never",
        "inf",
        "1y",
        "1b",
        "36501d",
        "3153600001",
        "9223372036854775807",
        "9223372036854775807d",
        "99999999999999999999s",
    };
    check_refused(number_parse_duration, texts, COUNT(texts));
}
END_TEST

START_TEST(number_reads_sizes_in_bytes) {
    static const struct number_row rows[] = {
        {"0", 0},
        {"4096", 4096},
        {"4096b", 4096},
        {"1kb", 1024},
        {"16mb", 16 << 20},
        {"1gb", 1 << 30},
        {"16MB", 16 << 20},
        {"3Gb", INT64_C(3) << 30},
        {"9223372036854775807", INT64_MAX},
        {"8589934591gb", INT64_C(8589934591) << 30},
    };
    check_accepted(number_parse_size, rows, COUNT(rows));
}
END_TEST

START_TEST(number_refuses_what_is_no_size) {
    static const char *const texts[] = {"",    "kb",      "-1kb",        "1.5mb", "1 kb",
                                        "1k",  "1m",      "1kib",        "1tb",   "01kb",
                                        "kb1", "forever", "8589934592gb"};
    check_refused(number_parse_size, texts, COUNT(texts));
}
END_TEST

START_TEST(number_formats_what_it_reads) {
    static const int64_t values[] = {0, 1, -1, 9, 10, -10, 1234567890, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < COUNT(values); i++) {
        char text[NUMBER_TEXT_SIZE], wanted[32];
        size_t len = number_format(text, values[i]);
        snprintf(wanted, sizeof(wanted), "%" PRId64, values[i]);
        check_same(wanted, (struct slice){text, len}, slice_of(wanted));
    }
}
END_TEST

START_TEST(number_shows_durations_in_their_largest_whole_unit) {
    static const struct number_row rows[] = {
        {"0", 0},
        {"1ms", 1},
        {"1500ms", 1500},
        {"1s", 1000},
        {"90s", 90000},
        {"2m", 120000},
        {"90m", 90 * 60000},
        {"2h", 2 * HOUR_MS},
        {"1d", 24 * HOUR_MS},
        {"25h", 25 * HOUR_MS},
        {"36500d", DURATION_MAX_MS},
        {"forever", DURATION_FOREVER},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bytes b = {0};
        number_append_duration(&b, rows[i].value);
        check_text(rows[i].text, &b, rows[i].text);
    }
}
END_TEST

START_TEST(number_shows_sizes_in_their_largest_whole_unit) {
    static const struct number_row rows[] = {
        {"0", 0},        {"1b", 1},          {"1023b", 1023},  {"1kb", 1024},
        {"1025b", 1025}, {"16mb", 16 << 20}, {"1gb", 1 << 30}, {"1536kb", 1536 << 10},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bytes b = {0};
        number_append_size(&b, rows[i].value);
        check_text(rows[i].text, &b, rows[i].text);
    }
}
END_TEST

int main(void) {
    return RUN_TESTS(
        "number", number_reads_whole_numbers_of_64_bits,
        number_refuses_what_redis_takes_for_no_whole_number,
        number_reads_cursors_of_64_bits_without_sign, number_reads_doubles_as_redis_does,
        number_refuses_what_is_no_score, number_reads_every_double_written_out_in_full,
        number_reads_durations_in_milliseconds, number_refuses_what_is_no_duration,
        number_reads_sizes_in_bytes, number_refuses_what_is_no_size, number_formats_what_it_reads,
        number_shows_durations_in_their_largest_whole_unit,
        number_shows_sizes_in_their_largest_whole_unit);
}
