#include "protocol/sentinel_reply.h"

#include "protocol/number.h"

void sentinel_reply_init(struct sentinel_reply *r, const char *name) {
    *r = (struct sentinel_reply){.name = name};
}

static bool note_host(struct sentinel_reply *r, struct slice host) {
    if (host.len == 0 || host.len > sizeof(r->host))
        return false;
    memcpy(r->host, host.data, host.len);
    r->host_len = host.len;
    return true;
}

static bool note_port(struct sentinel_reply *r, struct slice digits) {
    int64_t port;
    if (!number_parse_int(digits, &port) || port < 1 || port > 65535)
        return false;
    r->port = (int)port;
    return true;
}

static struct slice take_word(struct slice *s) {
    const char *space = s->len > 0 ? memchr(s->data, ' ', s->len) : NULL;
    struct slice word = {s->data, space ? (size_t)(space - s->data) : s->len};
    size_t used = word.len + (space ? 1 : 0);
    *s = (struct slice){s->data + used, s->len - used};
    return word;
}

// The news of all masters come on one channel.
static void read_news(struct sentinel_reply *r, struct slice news) {
    if (!slice_equal(take_word(&news), slice_of(r->name)))
        return;
    take_word(&news); // where it was
    take_word(&news);
    struct slice host = take_word(&news);
    r->said = note_host(r, host) && note_port(r, news) ? SENTINEL_SWITCH : SENTINEL_WRONG;
}

static void begin(struct sentinel_reply *r, const struct event *e, bool is_awaited) {
    r->said = SENTINEL_ANSWER;
    if (is_awaited && e->type == EVENT_NIL)
        r->said = SENTINEL_UNKNOWN;
    else if (is_awaited && (e->type != EVENT_ARRAY || e->count < 2 || e->count > 3))
        r->said = SENTINEL_WRONG;
    else if (is_awaited && e->count == 2)
        r->said = SENTINEL_MASTER;
}

static void read_element(struct sentinel_reply *r, const struct event *e, bool is_awaited) {
    bool is_text = e->type == EVENT_BULK && e->rest == 0;
    if (r->said == SENTINEL_MASTER) {
        if (!is_text || !(e->index == 0 ? note_host(r, e->text) : note_port(r, e->text)))
            r->said = SENTINEL_WRONG;
    } else if (e->index == 0 && is_text && slice_equal(e->text, SLICE("message"))) {
        r->said = SENTINEL_NEWS;
    } else if (is_awaited && r->said == SENTINEL_ANSWER) {
        r->said = SENTINEL_WRONG; // three words, but no news
    } else if (r->said == SENTINEL_NEWS && e->index == 2 && is_text) {
        read_news(r, e->text);
    }
}

void sentinel_reply_event(struct sentinel_reply *r, const struct event *e, bool is_awaited) {
    if (e->depth == 0 && e->type != EVENT_MORE)
        begin(r, e, is_awaited);
    else if (e->depth == 1 && e->type != EVENT_MORE)
        read_element(r, e, is_awaited);
}
