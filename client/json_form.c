#include "client/json_form.h"

#include "client/json.h"
#include "client/table.h"
#include "protocol/answer.h"

static void write_error(yajl_gen json, const struct reply *reply) {
    yajl_gen_map_open(json);
    json_name(json, SLICE("error"));
    json_text(json, reply_error_code(reply));
    json_name(json, SLICE("message"));
    json_text(json, reply_error_message(reply));
    yajl_gen_map_close(json);
}

static void write_value(yajl_gen json, const struct reply *reply) {
    switch (reply->type) {
    case EVENT_INTEGER: yajl_gen_integer(json, reply->integer); break;
    case EVENT_ERROR: write_error(json, reply); break;
    case EVENT_STATUS:
    case EVENT_BULK: json_text(json, reply->text); break;
    case EVENT_ARRAY:
        yajl_gen_array_open(json);
        for (size_t i = 0; i < reply->count; i++)
            write_value(json, &reply->items[i]);
        yajl_gen_array_close(json);
        break;
    default: yajl_gen_null(json);
    }
}

static void write_field(yajl_gen json, struct slice name, struct slice value) {
    json_name(json, name);
    if (table_is_number(name, value))
        json_number(json, value);
    else
        json_text(json, value);
}

static void write_line(yajl_gen json, struct slice line) {
    struct slice name, value;
    struct bytes unquoted = {0};
    yajl_gen_map_open(json);
    while (table_next_pair(&line, &name, &value, &unquoted))
        write_field(json, name, value);
    yajl_gen_map_close(json);
    bytes_deinit(&unquoted);
}

static void write_pairs(yajl_gen json, struct slice text) {
    struct slice line;
    yajl_gen_array_open(json);
    while (table_next_line(&text, &line))
        write_line(json, line);
    yajl_gen_array_close(json);
}

static void write_sections(yajl_gen json, struct slice text) {
    struct slice line, name, value;
    bool is_open = false;
    yajl_gen_map_open(json);
    while (table_next_line(&text, &line)) {
        if (table_heading(line, &name)) {
            if (is_open)
                yajl_gen_map_close(json);
            json_name(json, name);
            yajl_gen_map_open(json);
            is_open = true;
        } else if (is_open && table_cut_field(line, &name, &value)) {
            write_field(json, name, value);
        }
    }
    if (is_open)
        yajl_gen_map_close(json);
    yajl_gen_map_close(json);
}

void json_form_write(struct slice verb, const struct reply *reply, FILE *out) {
    enum table_kind kind = reply->type == EVENT_BULK ? table_kind_of(verb) : TABLE_NONE;
    yajl_gen json = json_to(out);
    if (reply->type == EVENT_STATUS && slice_equal_nocase(verb, SLICE("tap")))
        kind = TABLE_LINE;
    switch (kind) {
    case TABLE_LINE: write_line(json, reply->text); break;
    case TABLE_PAIRS: write_pairs(json, reply->text); break;
    case TABLE_SECTIONS: write_sections(json, reply->text); break;
    case TABLE_NONE: write_value(json, reply); break;
    }
    yajl_gen_free(json);
    fputc('\n', out);
}
