// Number: reads and writes numbers as clients and settings write them: whole numbers, doubles,
// durations and sizes. The parse functions return false, and leave the result open, when the text
// is no such number or is out of range.
#pragma once

#include "protocol/bytes.h"

// The longest duration that is accepted: a hundred years. It keeps every ttl far below the
// point where Redis's PEXPIRE overflows, which EXEC would not roll back.
#define DURATION_MAX_MS (INT64_C(36500) * 24 * 3600 * 1000)
// Above every real duration, so that the smaller of two is the stricter.
#define DURATION_FOREVER INT64_MAX

enum { NUMBER_TEXT_SIZE = 24, NUMBER_MOST_DIGITS = 20 };

// The longest double that is accepted: "%f" of the largest has 316 characters, "%.1074f" of the
// smallest 1,077.
enum { NUMBER_LONGEST_DOUBLE = 1100 };

// Reads a whole number of 64 bits, as Redis does: an optional '-', digits, no leading zero, no '+',
// no space.
bool number_parse_int(struct slice s, int64_t *value) __attribute__((warn_unused_result));

// Reads an unsigned whole number of 64 bits (a cursor).
bool number_parse_unsigned(struct slice s, uint64_t *value) __attribute__((warn_unused_result));

// Reads a double as every Redis reads a score: decimal, or "inf" or "infinity" in either case; no
// NaN, no hexadecimal digits, no space.
bool number_parse_double(struct slice s, double *value) __attribute__((warn_unused_result));

// Reads a duration: a number of seconds, or of a unit (ms s m h d), or "forever". The result is in
// milliseconds.
bool number_parse_duration(struct slice s, int64_t *ms) __attribute__((warn_unused_result));

// Reads a size: a number of bytes, or of a unit (kb mb gb, powers of 1024, in either case).
bool number_parse_size(struct slice s, int64_t *size) __attribute__((warn_unused_result));

// Returns the value of a hexadecimal digit; -1 for any other byte.
int number_hex_digit(char c);

// Writes the decimal digits of `value`, at most NUMBER_MOST_DIGITS, to `to`. Returns their end.
char *number_write(char *to, uint64_t value);

// Writes `value` in decimal, not NUL-terminated. Returns how many bytes were written.
size_t number_format(char text[NUMBER_TEXT_SIZE], int64_t value);

// Appends the duration or size in its largest whole unit: "2h", "1500ms", "forever".
void number_append_duration(struct bytes *b, int64_t ms);
void number_append_size(struct bytes *b, int64_t size);
