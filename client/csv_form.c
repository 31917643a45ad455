#include "client/csv_form.h"

#include "client/table.h"
#include "protocol/answer.h"
#include "protocol/mem.h"

static void write_text(struct slice text, FILE *out) {
    bool is_plain = text.len > 0;
    for (size_t i = 0; i < text.len; i++)
        if (memchr(",\"\r\n", text.data[i], 4))
            is_plain = false;
    if (is_plain) {
        fwrite(text.data, 1, text.len, out);
        return;
    }
    fputc('"', out);
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"')
            fputc('"', out);
        fputc(text.data[i], out);
    }
    fputc('"', out);
}

static void write_field(const struct reply *reply, FILE *out) {
    if (reply->type == EVENT_INTEGER)
        fprintf(out, "%lld", (long long)reply->integer);
    else if (reply->type != EVENT_NIL)
        write_text(reply->text, out);
}

// Writes the items, with a line end behind each `columns` of them. An array among them has a line
// of its own.
static void write_items(const struct reply *array, size_t columns, FILE *out) {
    size_t column = 0;
    for (size_t i = 0; i < array->count; i++) {
        const struct reply *item = &array->items[i];
        if (item->type == EVENT_ARRAY) {
            if (column > 0)
                fputc('\n', out);
            column = 0;
            write_items(item, columns, out);
            continue;
        }
        if (column > 0)
            fputc(',', out);
        write_field(item, out);
        if (++column == columns) {
            fputc('\n', out);
            column = 0;
        }
    }
    if (column > 0 || array->count == 0)
        fputc('\n', out);
}

static bool has_pairs(struct slice verb) {
    static const char *const verbs[] = {
        "dict.items", "dict.popitem", "dict.scan",    "counter.items",  "counter.top",
        "sorted.pop", "sorted.rpop",  "sorted.range", "sorted.between", "sorted.scan"};
    for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
        if (slice_equal_nocase(verb, slice_of(verbs[i])))
            return true;
    return false;
}

// --- tables -----------------------------------------------------------------------------------

struct columns {
    struct slice *names;
    size_t count;
};

static size_t find_column(const struct columns *columns, struct slice name) {
    size_t i = 0;
    while (i < columns->count && !slice_equal(columns->names[i], name))
        i++;
    return i;
}

// Not every line has all columns, so all lines are looked at first.
static void find_columns(struct columns *columns, struct slice text) {
    struct slice line, name, value;
    struct bytes unquoted = {0};
    while (table_next_line(&text, &line))
        while (table_next_pair(&line, &name, &value, &unquoted)) {
            if (find_column(columns, name) < columns->count)
                continue;
            columns->names = mem_grow(columns->names, columns->count, sizeof(*columns->names));
            columns->names[columns->count++] = name;
        }
    bytes_deinit(&unquoted);
}

static void write_row(const struct columns *columns, struct slice line, FILE *out) {
    struct bytes unquoted = {0};
    for (size_t i = 0; i < columns->count; i++) {
        struct slice rest = line, name, value;
        if (i > 0)
            fputc(',', out);
        while (table_next_pair(&rest, &name, &value, &unquoted))
            if (slice_equal(name, columns->names[i])) {
                write_text(value, out);
                break;
            }
    }
    fputc('\n', out);
    bytes_deinit(&unquoted);
}

static void write_pairs(struct slice text, FILE *out) {
    struct columns columns = {0};
    struct slice line;
    find_columns(&columns, text);
    for (size_t i = 0; i < columns.count; i++) {
        if (i > 0)
            fputc(',', out);
        write_text(columns.names[i], out);
    }
    fputc('\n', out);
    while (table_next_line(&text, &line))
        write_row(&columns, line, out);
    mem_free(columns.names);
}

static void write_sections(struct slice text, FILE *out) {
    struct slice line, heading = {0}, name, value;
    fputs("section,name,value\n", out);
    while (table_next_line(&text, &line)) {
        if (table_heading(line, &heading) || !table_cut_field(line, &name, &value))
            continue;
        write_text(heading, out);
        fputc(',', out);
        write_text(name, out);
        fputc(',', out);
        write_text(value, out);
        fputc('\n', out);
    }
}

void csv_form_write(struct slice verb, const struct reply *reply, FILE *out) {
    enum table_kind kind = reply->type == EVENT_BULK ? table_kind_of(verb) : TABLE_NONE;
    if (kind == TABLE_PAIRS) {
        write_pairs(reply->text, out);
    } else if (kind == TABLE_SECTIONS) {
        write_sections(reply->text, out);
    } else if (reply->type == EVENT_ARRAY) {
        write_items(reply, has_pairs(verb) ? 2 : SIZE_MAX, out);
    } else {
        write_field(reply, out);
        fputc('\n', out);
    }
}
