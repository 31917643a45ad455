#include "daemon/request/key_scan.h"

#include "protocol/scan.h"

enum {
    MOST_STEPS = 1 << 26, // of one purge: Redis needs as many for 10^10 keys
    MOST_FOUND = 8 << 20, // bytes of keys held at a time; the other keys are found again
};

void key_scan_begin(struct key_scan *s) {
    memcpy(s->cursor, "0", sizeof("0"));
    *s->mark = '\0';
    s->next_mark = s->steps + 1;
    s->is_partial = false;
}

// --- the command ------------------------------------------------------------------------------

void key_scan_build(struct command *c, struct slice prefix) {
    scan_write(c, SLICE("0"), prefix, SLICE("*"), SCAN_KEYS);
}

void key_scan_step(struct key_scan *s, struct command *c, struct slice prefix,
                   struct slice pattern) {
    *s->next_cursor = '\0';
    s->is_partial = s->is_odd = s->has_list = false;
    s->found = 0;
    scan_write(c, slice_of(s->cursor), prefix, pattern, SCAN_KEYS);
}

// --- the answer -------------------------------------------------------------------------------

static bool is_number(struct slice text) {
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    return text.len > 0;
}

static void take_cursor(struct key_scan *s, const struct event *e) {
    if (e->rest > 0 || e->text.len >= sizeof(s->next_cursor) || !is_number(e->text)) {
        s->is_odd = true;
        return;
    }
    memcpy(s->next_cursor, e->text.data, e->text.len);
    s->next_cursor[e->text.len] = '\0';
}

static void take_key(struct key_scan *s, struct answer *a, const struct event *e,
                     struct slice prefix) {
    if (!slice_begins(e->text, prefix))
        return;
    if (a->out->len >= MOST_FOUND) {
        s->is_partial = true;
        return;
    }
    answer_bulk(a, a->out, e->text, e->rest, SLICE("\r\n"));
    s->found++;
}

// The answer is *2 cursor *N key …
void key_scan_event(struct key_scan *s, struct answer *a, const struct event *e,
                    struct slice prefix) {
    bool is_array = e->type == EVENT_ARRAY, is_bulk = e->type == EVENT_BULK;
    if (e->type == EVENT_END || (e->depth == 0 && is_array && e->count == 2))
        return;
    if (e->depth == 1 && e->index == 0 && is_bulk)
        take_cursor(s, e);
    else if (e->depth == 1 && e->index == 1 && is_array)
        s->has_list = true;
    else if (e->depth == 2 && s->has_list && is_bulk)
        take_key(s, a, e, prefix);
    else
        s->is_odd = true;
}

// Returns whether the cursors go round in a circle, or there are too many steps. Brent's way to
// find a circle: the mark is moved on after 1, 2, 4 … steps, and no cursor may be equal to it.
// Redis's own cursors never come twice.
static bool goes_round(struct key_scan *s) {
    if (strcmp(s->cursor, s->mark) == 0 || s->steps > MOST_STEPS)
        return true;
    if (s->steps >= s->next_mark) {
        memcpy(s->mark, s->cursor, sizeof(s->mark));
        s->next_mark = 2 * s->steps;
    }
    return false;
}

bool key_scan_take(struct key_scan *s) {
    s->steps++;
    if (s->is_odd || !*s->next_cursor || !s->has_list)
        return false;
    if (s->is_partial)
        return true;
    memcpy(s->cursor, s->next_cursor, sizeof(s->cursor));
    return strcmp(s->cursor, "0") == 0 || !goes_round(s);
}
