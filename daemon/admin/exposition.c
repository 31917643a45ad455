#include "daemon/admin/exposition.h"

#include "protocol/number.h"

static const char *const types[] = {[METRIC_COUNTER] = "counter",
                                    [METRIC_GAUGE] = "gauge",
                                    [METRIC_INFO] = "info",
                                    [METRIC_HISTOGRAM] = "histogram"};

// In OpenMetrics a family's name lacks the ending that its samples have.
static struct slice family_name(const struct exposition *x, enum metric_type type) {
    struct slice name = x->name;
    if (x->format == EXPOSITION_OPENMETRICS && type == METRIC_COUNTER)
        name.len -= strlen("_total");
    if (x->format == EXPOSITION_OPENMETRICS && type == METRIC_INFO)
        name.len -= strlen("_info");
    return name;
}

void exposition_family(struct exposition *x, const char *name, enum metric_type type,
                       const char *help) {
    x->name = slice_of(name);
    struct slice family = family_name(x, type);
    if (x->format == EXPOSITION_TEXT && type == METRIC_INFO)
        type = METRIC_GAUGE; // the text format has no info
    bytes_printf(x->out, "# HELP %.*s %s\n# TYPE %.*s %s\n", (int)family.len, family.data, help,
                 (int)family.len, family.data, types[type]);
}

void exposition_sample(struct exposition *x, struct slice suffix) {
    bytes_append_slice(x->out, x->name);
    bytes_append_slice(x->out, suffix);
    x->has_label = false;
}

static bool is_plain(struct slice value) {
    for (size_t i = 0; i < value.len; i++)
        if (value.data[i] == '"' || value.data[i] == '\\' || (unsigned char)value.data[i] < ' ' ||
            (unsigned char)value.data[i] > '~')
            return false;
    return true;
}

// Both formats are UTF-8, and know three escapes. Other bytes than printable ASCII are shown as in
// a request line, so that any value is valid, and none can end the line.
static void append_escaped(struct bytes *out, struct slice value) {
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.data[i];
        if (c == '\n')
            bytes_append_literal(out, "\\n");
        else if (c == '"' || c == '\\')
            bytes_printf(out, "\\%c", c);
        else if (c < ' ' || c > '~')
            bytes_printf(out, "\\\\x%02x", c);
        else
            bytes_append(out, &value.data[i], 1);
    }
}

void exposition_label(struct exposition *x, struct slice name, struct slice value) {
    bytes_append(x->out, x->has_label ? "," : "{", 1);
    x->has_label = true;
    bytes_append_slice(x->out, name);
    bytes_append_literal(x->out, "=\"");
    if (is_plain(value))
        bytes_append_slice(x->out, value);
    else
        append_escaped(x->out, value);
    bytes_append_literal(x->out, "\"");
}

// Ends the labels. Returns where to write the value, which may take NUMBER_MOST_DIGITS + 8 bytes.
static char *begin_value(struct exposition *x) {
    bytes_append(x->out, "} ", 2);
    if (!x->has_label) {
        x->out->len -= 2;
        bytes_append(x->out, " ", 1);
    }
    return bytes_reserve(x->out, NUMBER_MOST_DIGITS + 8);
}

void exposition_value(struct exposition *x, uint64_t value) {
    char *to = begin_value(x), *end = number_write(to, value);
    *end++ = '\n';
    bytes_grew(x->out, (size_t)(end - to));
}

void exposition_seconds(struct exposition *x, uint64_t us) {
    char *to = begin_value(x), *end = number_write(to, us / 1000000);
    *end++ = '.';
    for (uint64_t rest = us % 1000000, unit = 100000; unit > 0; rest %= unit, unit /= 10)
        *end++ = (char)('0' + rest / unit);
    *end++ = '\n';
    bytes_grew(x->out, (size_t)(end - to));
}

void exposition_end(struct exposition *x) {
    if (x->format == EXPOSITION_OPENMETRICS)
        bytes_append_literal(x->out, "# EOF\n");
}
