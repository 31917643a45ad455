// Numbers as clients and settings write them: whole, floating, durations and sizes.
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

// A whole number of 64 bits, as Redis reads them: an optional '-', digits, no leading zero,
// no '+', no space.
bool number_parse_int(struct slice s, int64_t *value) __attribute__((warn_unused_result));

// An unsigned whole number of 64 bits (a cursor).
bool number_parse_unsigned(struct slice s, uint64_t *value) __attribute__((warn_unused_result));

// A double as every Redis reads a score: decimal, or "inf", "infinity" in either case; no NaN, no
// hexadecimal, no space.
bool number_parse_double(struct slice s, double *value) __attribute__((warn_unused_result));

// Seconds, or with a unit ms s m h d, or "forever". The result is in milliseconds.
bool number_parse_duration(struct slice s, int64_t *ms) __attribute__((warn_unused_result));

// Bytes, or with a unit kb mb gb (powers of 1024), in either case.
bool number_parse_size(struct slice s, int64_t *size) __attribute__((warn_unused_result));

// The value of a hexadecimal digit; -1 when it is none.
int number_hex_digit(char c);

// Writes the decimal digits of `value` to `to`, NUMBER_MOST_DIGITS at most; returns their end.
char *number_write(char *to, uint64_t value);

// Writes the decimal digits of `value`, not NUL-terminated; returns how many.
size_t number_format(char text[NUMBER_TEXT_SIZE], int64_t value);

// The duration in its largest whole unit: "2h", "1500ms", "forever".
void number_append_duration(struct bytes *b, int64_t ms);
void number_append_size(struct bytes *b, int64_t size);
