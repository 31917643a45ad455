#include "protocol/cluster_info.h"

#include "protocol/number.h"

static struct slice take_line(struct slice *text) {
    const char *end = memchr(text->data, '\n', text->len);
    struct slice line = {text->data, end ? (size_t)(end - text->data) : text->len};
    size_t used = line.len + (end ? 1 : 0);
    *text = (struct slice){text->data + used, text->len - used};
    if (line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    return line;
}

// Returns whether the line begins with the name, and cuts the name off.
static bool cut_name(struct slice *line, struct slice name) {
    if (!slice_begins(*line, name))
        return false;
    *line = (struct slice){line->data + name.len, line->len - name.len};
    return true;
}

bool cluster_info_read(struct slice text, struct cluster_info *info) {
    bool has_state = false;
    *info = (struct cluster_info){0};
    while (text.len > 0) {
        struct slice line = take_line(&text);
        if (cut_name(&line, SLICE("cluster_state:"))) {
            has_state = true;
            info->is_ok = slice_equal(line, SLICE("ok"));
        } else if (cut_name(&line, SLICE("cluster_current_epoch:")) &&
                   !number_parse_unsigned(line, &info->epoch)) {
            info->epoch = 0;
        }
    }
    return has_state;
}
