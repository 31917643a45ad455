#include "protocol/number.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

struct unit {
    const char *name;
    size_t name_len;
    int64_t factor;
};

static const struct unit duration_units[] = {
    {"d", 1, 24 * 3600 * 1000},
    {"h", 1, 3600 * 1000},
    {"m", 1, 60 * 1000},
    {"s", 1, 1000},
    {"ms", 2, 1},
};
static const struct unit size_units[] = {
    {"gb", 2, 1 << 30},
    {"mb", 2, 1 << 20},
    {"kb", 2, 1 << 10},
    {"b", 1, 1},
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool number_parse_unsigned(struct slice s, uint64_t *value) {
    if (s.len == 0 || s.len > 20 || (s.data[0] == '0' && s.len > 1))
        return false;
    uint64_t sum = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (!is_digit(s.data[i]))
            return false;
        if (__builtin_mul_overflow(sum, UINT64_C(10), &sum) ||
            __builtin_add_overflow(sum, (uint64_t)(s.data[i] - '0'), &sum))
            return false;
    }
    *value = sum;
    return true;
}

bool number_parse_int(struct slice s, int64_t *value) {
    bool is_negative = s.len > 0 && s.data[0] == '-';
    uint64_t magnitude;
    if (is_negative)
        s = (struct slice){s.data + 1, s.len - 1};
    if (!number_parse_unsigned(s, &magnitude) || (is_negative && magnitude == 0))
        return false;
    if (magnitude > (uint64_t)INT64_MAX + is_negative)
        return false;
    *value = is_negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

static size_t skip_digits(struct slice s, size_t at) {
    while (at < s.len && is_digit(s.data[at]))
        at++;
    return at;
}

// Returns whether the text is digits, perhaps with a point among them, and perhaps an exponent.
// Hexadecimal numbers are refused, because only older servers read them.
static bool is_decimal(struct slice s) {
    size_t at = skip_digits(s, 0), digits = at;
    if (at < s.len && s.data[at] == '.') {
        size_t fraction = at + 1;
        at = skip_digits(s, fraction);
        digits += at - fraction;
    }
    if (digits == 0)
        return false;
    if (at < s.len && (s.data[at] == 'e' || s.data[at] == 'E')) {
        at++;
        at += at < s.len && (s.data[at] == '+' || s.data[at] == '-');
        digits = at;
        at = skip_digits(s, at);
        if (at == digits)
            return false;
    }
    return at == s.len;
}

static bool is_infinity(struct slice s) {
    return slice_equal_nocase(s, SLICE("inf")) || slice_equal_nocase(s, SLICE("infinity"));
}

bool number_parse_double(struct slice s, double *value) {
    char text[NUMBER_LONGEST_DOUBLE + 1], *end;
    bool has_sign = s.len > 0 && (s.data[0] == '+' || s.data[0] == '-');
    struct slice unsigned_part = {s.data + has_sign, s.len - has_sign};
    if (s.len >= sizeof(text) || !(is_decimal(unsigned_part) || is_infinity(unsigned_part)))
        return false;
    memcpy(text, s.data, s.len);
    text[s.len] = '\0';
    errno = 0;
    *value = strtod(text, &end);
    bool is_out_of_range = errno == ERANGE && (isinf(*value) || *value == 0);
    return *end == '\0' && !is_out_of_range;
}

// Reads digits, then the name of one of `units`; `plain` is the factor when there is no unit.
static bool parse_with_unit(struct slice s, const struct unit *units, size_t count, int64_t plain,
                            int64_t *value) {
    size_t digits = 0;
    int64_t factor = 0;
    if (s.len == 0)
        return false;
    while (digits < s.len && is_digit(s.data[digits]))
        digits++;
    struct slice name = {s.data + digits, s.len - digits};
    if (name.len == 0)
        factor = plain;
    for (size_t i = 0; i < count && factor == 0; i++)
        if (slice_equal_nocase(name, (struct slice){units[i].name, units[i].name_len}))
            factor = units[i].factor;
    int64_t number;
    return factor > 0 && number_parse_int((struct slice){s.data, digits}, &number) &&
           !__builtin_mul_overflow(number, factor, value);
}

bool number_parse_duration(struct slice s, int64_t *ms) {
    if (s.len == strlen("forever") && slice_equal_nocase(s, SLICE("forever"))) {
        *ms = DURATION_FOREVER;
        return true;
    }
    return parse_with_unit(s, duration_units, COUNT(duration_units), 1000, ms) &&
           *ms <= DURATION_MAX_MS;
}

bool number_parse_size(struct slice s, int64_t *size) {
    return parse_with_unit(s, size_units, COUNT(size_units), 1, size);
}

int number_hex_digit(char c) {
    if (is_digit(c))
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// The table "00" "01" … "99" gives two digits for each division.
static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233"
                            "34353637383940414243444546474849505152535455565758596061626364656667"
                            "6869707172737475767778798081828384858687888990919293949596979899";

char *number_write(char *to, uint64_t value) {
    size_t len = 1;
    for (uint64_t bound = 10; value >= bound && len < NUMBER_MOST_DIGITS; bound *= 10)
        len++; // faster than a logarithm, since most numbers are short
    char *at = to + len;
    for (; value >= 100; value /= 100) {
        at -= 2;
        memcpy(at, &pairs[value % 100 * 2], 2);
    }
    if (value >= 10)
        memcpy(at - 2, &pairs[value * 2], 2);
    else
        at[-1] = (char)('0' + value);
    return to + len;
}

size_t number_format(char text[NUMBER_TEXT_SIZE], int64_t value) {
    char *to = text;
    if (value < 0)
        *to++ = '-';
    return (size_t)(number_write(to, value < 0 ? 0 - (uint64_t)value : (uint64_t)value) - text);
}

static void append_with_unit(struct bytes *b, int64_t value, const struct unit *units,
                             size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (value % units[i].factor == 0 && value / units[i].factor > 0) {
            bytes_printf(b, "%" PRId64 "%s", value / units[i].factor, units[i].name);
            return;
        }
    }
    bytes_append_literal(b, "0");
}

void number_append_duration(struct bytes *b, int64_t ms) {
    if (ms == DURATION_FOREVER)
        bytes_append_literal(b, "forever");
    else
        append_with_unit(b, ms, duration_units, COUNT(duration_units));
}

void number_append_size(struct bytes *b, int64_t size) {
    append_with_unit(b, size, size_units, COUNT(size_units));
}
