#include "client/reply.h"

#include "protocol/mem.h"

// Deeper arrays come as further elements of the deepest one: no verb's reply nests so far.
enum { DEEPEST = 9 };

struct reply_builder {
    struct reply root;
    struct reply *open[DEEPEST]; // [depth]: the array around the events of that depth
    struct bytes long_text;      // of a string that comes in pieces
    bool is_ended;
};

static void free_reply(struct reply *reply) {
    for (size_t i = 0; i < reply->count; i++)
        free_reply(&reply->items[i]);
    mem_free(reply->items);
    mem_free((char *)reply->text.data);
    *reply = (struct reply){0};
}

struct reply_builder *reply_builder_new(void) {
    return mem_new(sizeof(struct reply_builder));
}

void reply_builder_free(struct reply_builder *builder) {
    free_reply(&builder->root);
    bytes_deinit(&builder->long_text);
    mem_free(builder);
}

// Returns the place of the event's value. The items of an array move when it grows, so only the
// array that grows may be open: its items are whole by then.
static struct reply *add(struct reply_builder *builder, uint32_t depth) {
    if (depth == 0)
        return &builder->root;
    struct reply *array = builder->open[depth];
    array->items = mem_grow(array->items, array->count, sizeof(*array->items));
    struct reply *item = &array->items[array->count++];
    *item = (struct reply){0};
    return item;
}

static struct reply *last(struct reply_builder *builder, uint32_t depth) {
    if (depth == 0)
        return &builder->root;
    struct reply *array = builder->open[depth];
    return &array->items[array->count - 1];
}

static void set_text(struct reply *reply, struct slice text) {
    reply->text = (struct slice){mem_text_of(text.len > 0 ? text.data : "", text.len), text.len};
}

static void begin_long_text(struct reply_builder *builder, struct reply *reply,
                            const struct event *event) {
    builder->long_text.len = 0;
    bytes_append_slice(&builder->long_text, event->text);
    if (event->rest == 0) {
        set_text(reply, event->text);
        builder->long_text.len = 0;
    }
}

static void go_on(struct reply_builder *builder, const struct event *event) {
    struct bytes *text = &builder->long_text;
    bytes_append_slice(text, event->text);
    if (event->rest > 0)
        return;
    set_text(last(builder, event->depth), bytes_slice(text));
    bytes_empty(text);
}

void reply_builder_event(struct reply_builder *builder, const struct event *event) {
    if (builder->is_ended) {
        free_reply(&builder->root);
        builder->is_ended = false;
    }
    if (event->type == EVENT_MORE) {
        go_on(builder, event);
        return;
    }
    struct reply *reply = add(builder, event->depth);
    reply->type = event->type;
    reply->integer = event->integer;
    if (event->type == EVENT_BULK)
        begin_long_text(builder, reply, event);
    else if (event->type == EVENT_STATUS || event->type == EVENT_ERROR)
        set_text(reply, event->text);
    else if (event->type == EVENT_ARRAY && event->depth + 1 < DEEPEST)
        builder->open[event->depth + 1] = reply;
}

const struct reply *reply_builder_end(struct reply_builder *builder) {
    builder->is_ended = true;
    return &builder->root;
}

struct slice reply_error_code(const struct reply *reply) {
    if (reply->type != EVENT_ERROR)
        return (struct slice){"", 0};
    const char *end = memchr(reply->text.data, ' ', reply->text.len);
    return (struct slice){reply->text.data,
                          end ? (size_t)(end - reply->text.data) : reply->text.len};
}

struct slice reply_error_message(const struct reply *reply) {
    size_t code = reply_error_code(reply).len;
    if (reply->type != EVENT_ERROR || code == reply->text.len)
        return (struct slice){"", 0};
    return (struct slice){reply->text.data + code + 1, reply->text.len - code - 1};
}

bool reply_is_of_down(const struct reply *reply) {
    static const struct slice is_down = SLICE(" is down");
    struct slice text = reply_error_message(reply);
    return slice_equal(reply_error_code(reply), SLICE("UNAVAILABLE")) &&
           slice_begins(text, SLICE("backend ")) && text.len >= is_down.len &&
           memcmp(text.data + text.len - is_down.len, is_down.data, is_down.len) == 0;
}

bool reply_code_is_unsure(struct slice code) {
    return slice_equal(code, SLICE("TIMEOUT")) || slice_equal(code, SLICE("LOST")) ||
           slice_equal(code, SLICE("INTERNAL"));
}

enum exit_code reply_exit_code(const struct reply *reply) {
    if (reply_code_is_unsure(reply_error_code(reply)))
        return EXIT_PERHAPS;
    return reply->type == EVENT_ERROR ? EXIT_REFUSED : EXIT_ANSWERED;
}
