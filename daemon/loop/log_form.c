#include "daemon/loop/log_form.h"

#include <inttypes.h>
#include <syslog.h>

#include "daemon/loop/escape.h"

static const int priorities[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};
static const char *const levels[] = {"error", "warning", "info", "debug"};

// --- text -------------------------------------------------------------------------------------

static void append_text(struct bytes *out, const struct log_line *line) {
    if (line->time.len > 0) {
        bytes_append_slice(out, line->time);
        bytes_append_literal(out, " ");
    }
    if (!line->has_priority)
        bytes_append_literal(out, "cachesd: ");
    if (!line->has_priority && line->level != LOG_LEVEL_INFO)
        bytes_printf(out, "%s: ", levels[line->level]);
    if (line->worker > 0)
        bytes_printf(out, "worker %zu: ", line->worker);
    bytes_append_slice(out, line->text);
}

// --- logfmt -----------------------------------------------------------------------------------

static bool needs_quotes(struct slice text) {
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] <= ' ' || text.data[i] >= 0x7f || strchr("\"=\\", text.data[i]))
            return true;
    return text.len == 0;
}

static void append_logfmt_text(struct bytes *out, const char *name, struct slice text) {
    bytes_printf(out, "%s=", name);
    if (needs_quotes(text))
        escape_quoted(out, text);
    else
        bytes_append_slice(out, text);
    bytes_append_literal(out, " ");
}

static void append_logfmt_number(struct bytes *out, const char *name, uint64_t number) {
    bytes_printf(out, "%s=%" PRIu64 " ", name, number);
}

// --- JSON -------------------------------------------------------------------------------------

static void append_json_text(struct bytes *out, const char *name, struct slice text) {
    bytes_printf(out, "\"%s\":", name);
    escape_quoted(out, text);
    bytes_append_literal(out, ",");
}

static void append_json_number(struct bytes *out, const char *name, uint64_t number) {
    bytes_printf(out, "\"%s\":%" PRIu64 ",", name, number);
}

// --- both -------------------------------------------------------------------------------------

struct form {
    void (*text)(struct bytes *out, const char *name, struct slice text);
    void (*number)(struct bytes *out, const char *name, uint64_t number);
};

static const struct form logfmt = {append_logfmt_text, append_logfmt_number};
static const struct form json = {append_json_text, append_json_number};

static void append_values(struct bytes *out, const struct form *form,
                          const struct log_values *values) {
    for (size_t i = 0; i < values->count; i++) {
        const struct log_value *value = &values->items[i];
        const char *name = log_field_names[value->field];
        if (value->is_number)
            form->number(out, name, value->number);
        else if (value->text.data)
            form->text(out, name, value->text);
    }
}

// Appends all fields; the last byte parts a field from the next.
static void append_fields(struct bytes *out, const struct form *form, const struct log_line *line) {
    if (line->time.len > 0)
        form->text(out, "time", line->time);
    form->text(out, "level", slice_of(levels[line->level]));
    form->text(out, "event", slice_of(log_events[line->event].name));
    if (line->worker > 0)
        form->number(out, "worker", line->worker);
    append_values(out, form, &line->values);
    form->text(out, "message", line->text);
    out->len--;
}

static void append(struct bytes *out, enum log_format format, const struct log_line *line) {
    switch (format) {
    case LOG_FORMAT_TEXT: append_text(out, line); break;
    case LOG_FORMAT_LOGFMT: append_fields(out, &logfmt, line); break;
    case LOG_FORMAT_JSON:
        bytes_append_literal(out, "{");
        append_fields(out, &json, line);
        bytes_append_literal(out, "}");
        break;
    }
}

void log_form_append(struct bytes *out, enum log_format format, const struct log_line *line) {
    if (line->has_priority)
        bytes_printf(out, "<%d>", priorities[line->level]);
    append(out, format, line);
    bytes_append_literal(out, "\n");
}

// --- the journal ------------------------------------------------------------------------------

// No value has an end of line once it is escaped, so none can pass for another field.
static void append_journal_text(struct bytes *out, const char *name, struct slice text) {
    bytes_append_literal(out, "CACHESD_");
    for (; *name; name++)
        bytes_printf(out, "%c", *name >= 'a' && *name <= 'z' ? *name - 'a' + 'A' : *name);
    bytes_append_literal(out, "=");
    escape_plain(out, text);
    bytes_append_literal(out, "\n");
}

static void append_journal_number(struct bytes *out, const char *name, uint64_t number) {
    char text[24];
    snprintf(text, sizeof(text), "%" PRIu64, number);
    append_journal_text(out, name, slice_of(text));
}

static const struct form journal = {append_journal_text, append_journal_number};

void log_form_append_journal(struct bytes *out, enum log_format format,
                             const struct log_line *line) {
    const struct log_event_row *row = &log_events[line->event];
    bytes_append_literal(out, "MESSAGE=");
    append(out, format, line);
    bytes_printf(out, "\nPRIORITY=%d\nSYSLOG_IDENTIFIER=cachesd\n", priorities[line->level]);
    if (row->message_id)
        bytes_printf(out, "MESSAGE_ID=%s\n", row->message_id);
    journal.text(out, "event", slice_of(row->name));
    if (line->worker > 0)
        journal.number(out, "worker", line->worker);
    append_values(out, &journal, &line->values);
}
