#include "value.h"

#include <jansson.h>

#include "number.h"

static bool is_json(struct slice value) {
    json_error_t error;
    json_t *json = json_loadb(value.data, value.len,
                              JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &error);
    json_decref(json);
    return json;
}

const char *value_problem(enum value_kind kind, struct slice value) {
    int64_t number;
    if (kind == VALUE_INT && !number_parse_int(value, &number))
        return "a whole number of 64 bits";
    if (kind == VALUE_JSON && !is_json(value))
        return "JSON";
    return NULL;
}
