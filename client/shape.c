#include "client/shape.h"

// Returns the next part of a syntax: a word, or all that stands in brackets.
static struct slice next_part(struct slice *rest) {
    while (rest->len > 0 && *rest->data == ' ')
        *rest = (struct slice){rest->data + 1, rest->len - 1};
    size_t end = 0, depth = 0;
    for (; end < rest->len; end++) {
        char c = rest->data[end];
        if (c == '[')
            depth++;
        else if (c == ']' && depth > 0)
            depth--;
        else if (c == ' ' && depth == 0)
            break;
    }
    struct slice part = {rest->data, end};
    *rest = (struct slice){rest->data + end, rest->len - end};
    return part;
}

static bool ends_with(struct slice s, struct slice end) {
    return s.len >= end.len && slice_equal((struct slice){s.data + s.len - end.len, end.len}, end);
}

static struct slice without_brackets(struct slice part) {
    bool has_both = part.len >= 2 && *part.data == '[' && ends_with(part, SLICE("]"));
    return has_both ? (struct slice){part.data + 1, part.len - 2} : part;
}

// Splits "order=asc|desc" into the option's name and its values; a word has no "=" but for
// "name=value", where the name is any.
static struct shape_part part_of(struct slice text) {
    struct slice inner = without_brackets(text);
    const char *equals = inner.len > 0 ? memchr(inner.data, '=', inner.len) : NULL;
    struct shape_part part = {.text = text};
    if (!equals || inner.len == text.len)
        return part;
    part.option = (struct slice){inner.data, (size_t)(equals - inner.data)};
    part.values = (struct slice){equals + 1, inner.len - part.option.len - 1};
    return part;
}

static void read_group(struct shape *s, struct slice part) {
    struct slice rest = without_brackets(part);
    s->group_text = part;
    rest.len -= strlen("...");
    for (struct slice word; (word = next_part(&rest)).len > 0;)
        if (s->group_count < SHAPE_PARTS)
            s->group[s->group_count++] = (struct shape_part){.text = word};
}

void shape_read(struct shape *s, struct slice syntax) {
    *s = (struct shape){0};
    for (struct slice part; (part = next_part(&syntax)).len > 0 && s->count < SHAPE_PARTS;) {
        if (ends_with(part, SLICE("...]"))) {
            read_group(s, part);
            return;
        }
        s->parts[s->count] = part_of(part);
        if (s->parts[s->count].option.len > 0 && s->options == s->count)
            s->options++;
        s->count++;
    }
}

const struct shape_part *shape_option(const struct shape *s, struct slice word) {
    const char *equals = word.len > 0 ? memchr(word.data, '=', word.len) : NULL;
    if (!equals)
        return NULL;
    struct slice name = {word.data, (size_t)(equals - word.data)};
    for (size_t i = 0; i < s->options; i++)
        if (slice_equal(s->parts[i].option, name))
            return &s->parts[i];
    return NULL;
}

size_t shape_count_options(const struct shape *s, const struct slice *words, size_t count) {
    size_t options = 0;
    while (options < count && shape_option(s, words[options]))
        options++;
    return options;
}

struct slice shape_name(const struct shape *s, size_t index) {
    size_t words = s->count - s->options;
    if (index < words)
        return without_brackets(s->parts[s->options + index].text);
    return s->group_count > 0 ? s->group[(index - words) % s->group_count].text : (struct slice){0};
}
