#include "daemon/loop/reader.h"

#include <errno.h>

enum { READS_MOST = 32 }; // of one stream in a turn: then the others go on

// Streams that are read together. A stream with a buffer of its owner's is read alone, after the
// others: what owners do meanwhile may move that buffer.
struct batch {
    struct stream *streams[TRANSFERS_MOST], *alone[TRANSFERS_MOST];
    struct transfer transfers[TRANSFERS_MOST];
    size_t count, alone_count;
};

static struct stream *pop_to_read(struct flusher *f) {
    struct stream *s = f->to_read;
    f->to_read = s->next_to_read;
    f->to_read_count--;
    s->is_to_read = false;
    return s;
}

// Tells the owner what one reading has brought. Returns whether there may be more to be read.
static bool tell_read(struct stream *s, char *data, size_t room, int got) {
    if (s->is_closing || got == -EAGAIN || got == -EINTR)
        return false;
    if (got > 0) {
        s->events->on_read(s, data, (size_t)got);
        return (size_t)got == room && s->is_reading && !s->is_closing;
    }
    stream_stop_reading(s);
    s->events->on_end(s, got == 0 ? UV_EOF : uv_translate_sys_error(-got));
    return false;
}

static void read_alone(struct stream *s) {
    bool is_more = s->is_reading && !s->is_closing;
    for (int i = 0; is_more && i < READS_MOST; i++) {
        uv_buf_t buffer = stream_buffer(s);
        int got = ring_receive_alone(stream_fd(s), buffer.base, buffer.len);
        is_more = tell_read(s, buffer.base, buffer.len, got);
    }
}

static void add(struct batch *b, struct stream *s, char *room) {
    if (s->events->on_buffer && s->events->on_buffer(s).base) {
        b->alone[b->alone_count++] = s;
        return;
    }
    b->streams[b->count] = s;
    b->transfers[b->count++] = (struct transfer){stream_fd(s), room, READER_ROOM, 0};
}

static void collect(struct flusher *f, struct batch *b) {
    b->count = b->alone_count = 0;
    for (size_t i = 0; i < TRANSFERS_MOST && f->to_read; i++) {
        struct stream *s = pop_to_read(f);
        if (s->is_reading && !s->is_closing)
            add(b, s, f->buffer + b->count * READER_STEP);
    }
}

static void read_batch(struct flusher *f, struct batch *b) {
    ring_receive(f->ring, b->transfers, b->count);
    for (size_t i = 0; i < b->count; i++) {
        const struct transfer *x = &b->transfers[i];
        if (tell_read(b->streams[i], x->data, x->len, x->done))
            b->alone[b->alone_count++] = b->streams[i];
    }
    for (size_t i = 0; i < b->alone_count; i++)
        read_alone(b->alone[i]);
}

void reader_read_many(struct flusher *f) {
    struct batch b;
    collect(f, &b);
    read_batch(f, &b);
}

// A turn in which only servers have answered says nothing about clients.
void reader_end_turn(struct flusher *f) {
    while (f->to_read)
        reader_read_many(f);
    if (f->readable > 0)
        f->is_crowded = f->readable >= RING_LEAST && ring_is_of_use(f->ring);
    f->readable = 0;
    f->last_readable = NULL;
}
