#include "daemon/http/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <unistr.h>
#include <yajl/yajl_gen.h>

#include "protocol/mem.h"

struct json {
    yajl_gen gen;
    struct bytes scratch;
};

struct json *json_new(void) {
    struct json *j = mem_new(sizeof(*j));
    j->gen = yajl_gen_alloc(NULL);
    if (!j->gen)
        mem_out();
    return j;
}

void json_finish(struct json *j, struct bytes *to) {
    const unsigned char *text;
    size_t len = 0;
    yajl_gen_get_buf(j->gen, &text, &len);
    bytes_append(to, text, len);
    bytes_append_literal(to, "\n");
    yajl_gen_free(j->gen);
    bytes_deinit(&j->scratch);
    mem_free(j);
}

static void write_string(struct json *j, struct slice text) {
    yajl_gen_string(j->gen, (const unsigned char *)(text.data ? text.data : ""), text.len);
}

static void write_name(struct json *j, const char *name) {
    if (name)
        write_string(j, slice_of(name));
}

void json_open_object(struct json *j, const char *name) {
    write_name(j, name);
    yajl_gen_map_open(j->gen);
}

void json_close_object(struct json *j) { yajl_gen_map_close(j->gen); }

void json_open_array(struct json *j, const char *name) {
    write_name(j, name);
    yajl_gen_array_open(j->gen);
}

void json_close_array(struct json *j) { yajl_gen_array_close(j->gen); }

void json_text(struct json *j, const char *name, struct slice text) {
    write_name(j, name);
    if (text.len > 0 && u8_check((const uint8_t *)text.data, text.len)) {
        j->scratch.len = 0;
        bytes_append_readable(&j->scratch, text, SIZE_MAX);
        text = bytes_slice(&j->scratch);
    }
    write_string(j, text);
}

static void write_number(struct json *j, const char *text) {
    yajl_gen_number(j->gen, text, strlen(text));
}

void json_integer(struct json *j, const char *name, int64_t value) {
    write_name(j, name);
    yajl_gen_integer(j->gen, value);
}

void json_count(struct json *j, const char *name, uint64_t value) {
    char text[24];
    write_name(j, name);
    snprintf(text, sizeof(text), "%" PRIu64, value);
    write_number(j, text);
}

void json_real(struct json *j, const char *name, double value) {
    char text[32];
    write_name(j, name);
    snprintf(text, sizeof(text), value >= 1000 ? "%.0f" : "%.4g", isfinite(value) ? value : 0);
    write_number(j, text);
}

void json_bool(struct json *j, const char *name, bool value) {
    write_name(j, name);
    yajl_gen_bool(j->gen, value);
}

void json_null(struct json *j, const char *name) {
    write_name(j, name);
    yajl_gen_null(j->gen);
}

void json_line(struct json *j, const char *name, const float *values, size_t count) {
    json_open_array(j, name);
    for (size_t i = 0; i < count; i++)
        json_real(j, NULL, (double)values[i]);
    json_close_array(j);
}
