// JSON form: a reply as a line of JSON.
#pragma once

#include <stdio.h>

#include "client/reply.h"
#include "protocol/bytes.h"

// Writes +text as a string, numbers, nil as null, arrays, errors as {"error": CODE, "message": …},
// and a bulk as json_text() does. What is a table (table.h) becomes objects.
void json_form_write(struct slice verb, const struct reply *reply, FILE *out);
