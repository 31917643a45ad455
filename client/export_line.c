#include "client/export_line.h"

#include "client/json.h"
#include "protocol/answer.h"

const char *export_type_name(enum export_type type) {
    static const char *const names[] = {"key", "memo", "dict", "counter", "set", "sorted", "none"};
    return names[type];
}

static bool is_number(enum export_type type) {
    return type == EXPORT_COUNTER || type == EXPORT_SORTED;
}

static void write_item(yajl_gen json, enum export_type type, const struct reply *item) {
    if (item->type == EVENT_INTEGER)
        yajl_gen_integer(json, item->integer);
    else if (is_number(type) && json_is_number(item->text))
        json_number(json, item->text);
    else
        json_text(json, item->text); // an infinite score is no number of JSON's
}

static void write_object(yajl_gen json, enum export_type type, const struct reply *value) {
    yajl_gen_map_open(json);
    for (size_t i = 0; i + 1 < value->count; i += 2) {
        json_name(json, value->items[i].text);
        write_item(json, type, &value->items[i + 1]);
    }
    yajl_gen_map_close(json);
}

static void write_pairs(yajl_gen json, enum export_type type, const struct reply *value) {
    yajl_gen_array_open(json);
    for (size_t i = 0; i + 1 < value->count; i += 2) {
        yajl_gen_array_open(json);
        json_text(json, value->items[i].text);
        write_item(json, type, &value->items[i + 1]);
        yajl_gen_array_close(json);
    }
    yajl_gen_array_close(json);
}

static void write_members(yajl_gen json, const struct reply *value) {
    yajl_gen_array_open(json);
    for (size_t i = 0; i < value->count; i++)
        json_text(json, value->items[i].text);
    yajl_gen_array_close(json);
}

static bool has_names(const struct reply *value) {
    for (size_t i = 0; i < value->count; i += 2)
        if (!json_is_text(value->items[i].text))
            return false;
    return true;
}

static void write_value(yajl_gen json, enum export_type type, const struct reply *value) {
    bool is_dict = type == EXPORT_DICT || type == EXPORT_COUNTER;
    if (type == EXPORT_KEY || type == EXPORT_MEMO)
        json_text(json, value->text);
    else if (type == EXPORT_SET)
        write_members(json, value);
    else if (is_dict && has_names(value))
        write_object(json, type, value);
    else
        write_pairs(json, type, value);
}

void export_line_write(const struct export_line *line, const struct reply *value, FILE *out) {
    yajl_gen json = json_to(out);
    yajl_gen_map_open(json);
    json_name(json, SLICE("key"));
    json_text(json, line->key);
    json_name(json, SLICE("type"));
    json_text(json, slice_of(export_type_name(line->type)));
    json_name(json, SLICE("pttl"));
    yajl_gen_integer(json, line->pttl);
    if (line->is_more) {
        json_name(json, SLICE("more"));
        yajl_gen_bool(json, true);
    }
    json_name(json, SLICE("value"));
    write_value(json, line->type, value);
    yajl_gen_map_close(json);
    yajl_gen_free(json);
    fputc('\n', out);
}
