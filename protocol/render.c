// Render: the renderers that several collections use (answer.h).
//
// An answer whose shape does not fit the command could be another command's answer, so its content
// is not shown: the client gets INTERNAL, and the operator is told.
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/number.h"
#include "protocol/redis_error.h"
#include "protocol/reply.h"

// Libraries take both for nothing; Redis has two.
static void write_nil(struct answer *a, const struct event *e) {
    if (e->count > 0)
        bytes_append_literal(a->out, "*-1\r\n");
    else
        reply_nil(a->out);
}

void render_as_is(struct answer *a, const struct event *e) {
    switch (e->type) {
    case EVENT_STATUS:
        bytes_append_literal(a->out, "+");
        bytes_append_slice(a->out, e->text);
        bytes_append_literal(a->out, "\r\n");
        break;
    case EVENT_INTEGER: reply_integer(a->out, e->integer); break;
    case EVENT_BULK:
        if (e->rest == 0)
            reply_bulk(a->out, e->text);
        else
            answer_bulk(a, a->out, e->text, e->rest, SLICE("\r\n"));
        break;
    case EVENT_NIL: write_nil(a, e); break;
    case EVENT_ARRAY: reply_array(a->out, e->count); break;
    case EVENT_ERROR:
    case EVENT_MORE:
    case EVENT_END: break;
    }
}

static bool is_text(const struct event *e) { return e->type == EVENT_BULK || e->type == EVENT_NIL; }

static void write_text(struct answer *a, const struct event *e) {
    if (e->type == EVENT_NIL)
        write_nil(a, e);
    else if (e->rest == 0)
        reply_bulk(a->out, e->text);
    else
        answer_bulk(a, a->out, e->text, e->rest, SLICE("\r\n"));
}

void render_text(struct answer *a, const struct event *e) {
    if (is_text(e) && e->depth == 0)
        write_text(a, e);
    else if (e->type != EVENT_END)
        answer_fail_unknown(a);
}

void render_texts(struct answer *a, const struct event *e) {
    if (is_text(e) && e->depth == 1)
        write_text(a, e);
    else if (e->type == EVENT_ARRAY && e->depth == 0)
        reply_array(a->out, e->count);
    else if (e->type != EVENT_END)
        answer_fail_unknown(a);
}

void render_text_or_texts(struct answer *a, const struct event *e) {
    if (is_text(e) && e->depth == 0)
        write_text(a, e);
    else
        render_texts(a, e);
}

void render_pairs(struct answer *a, const struct event *e) {
    if (e->type == EVENT_NIL || (e->type == EVENT_ARRAY && e->count % 2 != 0))
        answer_fail_unknown(a);
    else
        render_texts(a, e);
}

void render_scan_step(struct answer *a, const struct event *e) {
    bool is_right = (e->depth == 0 && e->type == EVENT_ARRAY && e->count == 2) ||
                    (e->depth == 1 && e->type == (e->index == 0 ? EVENT_BULK : EVENT_ARRAY)) ||
                    (e->depth == 2 && is_text(e));
    if (e->type == EVENT_END)
        return;
    if (!is_right)
        answer_fail_unknown(a);
    else if (e->type == EVENT_ARRAY)
        reply_array(a->out, e->count);
    else
        write_text(a, e);
}

void render_integer(struct answer *a, const struct event *e) {
    if (e->type == EVENT_INTEGER && e->depth == 0)
        reply_integer(a->out, e->integer);
    else if (e->type != EVENT_END)
        answer_fail_unknown(a);
}

void render_integer_or_nil(struct answer *a, const struct event *e) {
    if (e->type == EVENT_NIL && e->depth == 0)
        reply_nil(a->out);
    else
        render_integer(a, e);
}

void render_status(struct answer *a, const struct event *e) {
    if (e->type == EVENT_STATUS && e->depth == 0 && slice_equal(e->text, SLICE("OK")))
        reply_status(a->out, "OK");
    else if (e->type != EVENT_END)
        answer_fail_unknown(a);
}

void render_is_there(struct answer *a, const struct event *e) {
    bool is_ok = e->type == EVENT_STATUS && slice_equal(e->text, SLICE("OK"));
    if (e->depth == 0 && (is_text(e) || is_ok))
        reply_integer(a->out, e->type == EVENT_NIL ? 0 : 1);
    else if (e->type != EVENT_END)
        answer_fail_unknown(a);
}

void render_ok(struct answer *a, const struct event *e) {
    if (e->depth == 0 && e->type == EVENT_INTEGER)
        reply_status(a->out, "OK");
    else if (e->type != EVENT_END)
        answer_fail_unknown(a);
}

void render_number(struct answer *a, const struct event *e) {
    int64_t number = 0;
    if (e->type == EVENT_END)
        return;
    if (e->depth > 0 || !is_text(e))
        answer_fail_unknown(a);
    else if (e->type == EVENT_BULK && (e->rest > 0 || !number_parse_int(e->text, &number)))
        answer_fail(a, REPLY_WRONGTYPE, ANSWER_NO_NUMBER);
    else
        reply_integer(a->out, number);
}
