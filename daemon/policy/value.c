#include "daemon/policy/value.h"

#include <unistr.h>
#include <yajl/yajl_parse.h>

#include "protocol/mem.h"
#include "protocol/number.h"

static void *allocate(void *owner, size_t size) {
    (void)owner;
    return mem_new(size);
}

static void *resize(void *owner, void *block, size_t size) {
    (void)owner;
    return mem_resize(block, size);
}

static void release(void *owner, void *block) {
    (void)owner;
    mem_free(block);
}

// Without callbacks yajl checks only the grammar. UTF-8 is checked separately, because yajl lets
// overlong encodings and surrogates pass.
static bool is_json(struct slice value) {
    yajl_alloc_funcs memory = {allocate, resize, release, NULL};
    const uint8_t *text = (const uint8_t *)value.data;
    yajl_handle parser = yajl_alloc(NULL, &memory, NULL);
    bool is_good = yajl_parse(parser, text, value.len) == yajl_status_ok &&
                   yajl_complete_parse(parser) == yajl_status_ok && !u8_check(text, value.len);
    yajl_free(parser);
    return is_good;
}

const char *value_problem(enum value_kind kind, struct slice value) {
    int64_t number;
    if (kind == VALUE_INT && !number_parse_int(value, &number))
        return "a whole number of 64 bits";
    if (kind == VALUE_JSON && !is_json(value))
        return "JSON";
    return NULL;
}
