#include "client/form.h"

#include <stdlib.h>
#include <unistr.h>

#include "client/csv_form.h"
#include "client/json.h"
#include "client/json_form.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/mem.h"

static void write_bytes(struct slice text, FILE *out) {
    if (text.len > 0)
        fwrite(text.data, 1, text.len, out);
}

// --- raw --------------------------------------------------------------------------------------

static void write_raw(const struct form *form, const struct reply *reply, FILE *out) {
    if (reply->type == EVENT_ARRAY) {
        for (size_t i = 0; i < reply->count; i++)
            write_raw(form, &reply->items[i], out);
        return;
    }
    if (reply->type == EVENT_INTEGER)
        fprintf(out, "%lld", (long long)reply->integer);
    else if (reply->type != EVENT_NIL)
        write_bytes(reply->text, out);
    if (!form->has_no_line_end)
        fputc('\n', out);
}

// --- CSV --------------------------------------------------------------------------------------

// Returns how many bytes at the beginning are a letter that a terminal shows as it is.
static size_t harmless_len(const uint8_t *at, size_t len) {
    ucs4_t letter;
    int size = u8_mbtoucr(&letter, at, len);
    bool is_control = letter < ' ' || (letter >= 0x7f && letter < 0xa0);
    return size > 0 && (!is_control || letter == '\n' || letter == '\t') ? (size_t)size : 0;
}

// CSV has no escapes, so that a terminal gets another text than a program.
static void write_guarded(const uint8_t *at, size_t len, FILE *out) {
    while (len > 0) {
        size_t size = harmless_len(at, len);
        if (size > 0)
            fwrite(at, 1, size, out);
        else
            fprintf(out, "\\x%02x", *at);
        size += size == 0;
        at += size;
        len -= size;
    }
}

static void write_csv(const struct form *form, struct slice verb, const struct reply *reply,
                      FILE *out) {
    char *text = NULL;
    size_t len = 0;
    if (!form->is_terminal) {
        csv_form_write(verb, reply, out);
        return;
    }
    FILE *stream = open_memstream(&text, &len);
    if (!stream)
        mem_out();
    csv_form_write(verb, reply, stream);
    fclose(stream);
    write_guarded((const uint8_t *)text, len, out);
    free(text);
}

// --- text -------------------------------------------------------------------------------------

enum { DEEPEST_INDENT = 64 };

// Returns whether a terminal shows the text as it is: UTF-8 without control bytes, which could do
// anything there. C1 controls begin with the byte 0xc2 in UTF-8.
static bool is_harmless(struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        unsigned char next = i + 1 < text.len ? (unsigned char)text.data[i + 1] : 0xff;
        if ((c < ' ' && c != '\n' && c != '\t') || c == 0x7f || (c == 0xc2 && next < 0xa0))
            return false;
    }
    return json_is_text(text);
}

static void write_escaped(struct slice text, FILE *out) {
    struct bytes escaped = {0};
    bytes_append_readable(&escaped, text, SIZE_MAX);
    write_bytes(bytes_slice(&escaped), out);
    bytes_deinit(&escaped);
}

static void write_value(const struct form *form, const struct reply *reply, FILE *out) {
    const char *on = "", *off = form->has_colour ? "\033[m" : "";
    if (reply->type == EVENT_ERROR)
        on = form->has_colour ? "\033[31m" : "";
    else if (reply->type == EVENT_NIL)
        on = form->has_colour ? "\033[2m" : "";
    else
        off = "";
    fputs(on, out);
    if (reply->type == EVENT_INTEGER)
        fprintf(out, "%lld", (long long)reply->integer);
    else if (reply->type == EVENT_NIL)
        fputs("(nil)", out);
    else if (is_harmless(reply->text))
        write_bytes(reply->text, out);
    else
        write_escaped(reply->text, out);
    fputs(off, out);
}

static int width_of(size_t number) { return snprintf(NULL, 0, "%zu", number); }

// Writes the items with their numbers. The first line stands where the output is, the others are
// indented.
static void write_items(const struct form *form, const struct reply *array, int indent, FILE *out) {
    int width = width_of(array->count);
    if (array->count == 0)
        fputs("(none)\n", out);
    for (size_t i = 0; i < array->count; i++) {
        const struct reply *item = &array->items[i];
        fprintf(out, "%*s%*zu) ", i > 0 ? indent : 0, "", width, i + 1);
        if (item->type == EVENT_ARRAY && indent < DEEPEST_INDENT) {
            write_items(form, item, indent + width + 2, out);
            continue;
        }
        write_value(form, item, out);
        fputc('\n', out);
    }
}

static void write_text(const struct form *form, const struct reply *reply, FILE *out) {
    if (reply->type == EVENT_ARRAY) {
        write_items(form, reply, 0, out);
        return;
    }
    write_value(form, reply, out);
    bool has_line_end = reply->type == EVENT_BULK && reply->text.len > 0 &&
                        reply->text.data[reply->text.len - 1] == '\n';
    if (!has_line_end && !(form->has_no_line_end && reply->type == EVENT_BULK))
        fputc('\n', out);
}

void form_write(const struct form *form, struct slice verb, const struct reply *reply, FILE *out) {
    switch (form->kind) {
    case FORM_JSON: json_form_write(verb, reply, out); break;
    case FORM_CSV: write_csv(form, verb, reply, out); break;
    case FORM_RAW: write_raw(form, reply, out); break;
    case FORM_TEXT: write_text(form, reply, out); break;
    }
}
