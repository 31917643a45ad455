// JSON: writes a JSON text with yajl, which minds commas, quotes and escapes.
//
// Texts may be anybody's bytes: those that are no UTF-8 are written as a request line would show
// them. A name is only given inside of an object; NULL elsewhere.
#pragma once

#include "protocol/bytes.h"

struct json;

struct json *json_new(void);
// Frees the writer, and gives its text to `to`.
void json_finish(struct json *j, struct bytes *to);

void json_open_object(struct json *j, const char *name);
void json_close_object(struct json *j);
void json_open_array(struct json *j, const char *name);
void json_close_array(struct json *j);

void json_text(struct json *j, const char *name, struct slice text);
void json_integer(struct json *j, const char *name, int64_t value);
void json_count(struct json *j, const char *name, uint64_t value);
void json_real(struct json *j, const char *name, double value); // with four digits
void json_bool(struct json *j, const char *name, bool value);
void json_null(struct json *j, const char *name);
// An array of numbers.
void json_line(struct json *j, const char *name, const float *values, size_t count);
