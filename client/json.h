// JSON: texts of any bytes as values of JSON.
#pragma once

#include <stdio.h>
#include <yajl/yajl_gen.h>

#include "protocol/bytes.h"

// Returns a writer to the stream. The caller frees it with yajl_gen_free().
yajl_gen json_to(FILE *out);

// Returns whether the text is UTF-8, and so can be a string of JSON.
bool json_is_text(struct slice text);

// Returns whether the text is a number as JSON writes it.
bool json_is_number(struct slice text);

// Writes a string; or {"base64": "…"} for bytes that are no UTF-8.
void json_text(yajl_gen json, struct slice text);

// Writes the name of a member, which must be UTF-8.
void json_name(yajl_gen json, struct slice name);

// Writes a number as it stands.
void json_number(yajl_gen json, struct slice digits);
