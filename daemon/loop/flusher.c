#include "daemon/loop/flusher.h"

#include "daemon/loop/reader.h"
#include "daemon/loop/spares.h"
#include "daemon/loop/stream.h"
#include "daemon/loop/turn_clock.h"
#include "daemon/loop/turnstile.h"
#include "protocol/mem.h"
#include "transport/ring.h"

static struct stream *pop_dirty(struct flusher *f) {
    struct stream *s = f->dirty;
    f->dirty = s->next_dirty;
    s->is_dirty = false;
    return s;
}

// Sends the output of the next streams whose output is plain, and returns how many these are. They
// are told when all is sent and noted, since what they do then may close others or add output.
static __attribute__((noinline)) size_t send_many(struct flusher *f) {
    struct stream *streams[TRANSFERS_MOST];
    struct transfer transfers[TRANSFERS_MOST];
    int errors[TRANSFERS_MOST];
    size_t count = 0;
    while (count < TRANSFERS_MOST && f->dirty && stream_is_plain(f->dirty) &&
           f->dirty->out.len > 0) {
        struct stream *s = streams[count] = pop_dirty(f);
        transfers[count++] = (struct transfer){stream_fd(s), s->out.data, s->out.len, 0};
    }
    ring_send(f->ring, transfers, count);
    for (size_t i = 0; i < count; i++)
        errors[i] = stream_note_sent(streams[i], transfers[i].done);
    for (size_t i = 0; i < count; i++)
        if (!streams[i]->is_closing)
            stream_tell_sent(streams[i], errors[i]);
    return count;
}

static __attribute__((noinline)) void flush_dirty(struct flusher *f) {
    while (f->dirty)
        if (!f->dirty->next_dirty || send_many(f) == 0)
            stream_flush(pop_dirty(f));
}

static void flush_all(struct flusher *f) {
    f->before(f->owner);
    if (f->dirty)
        flush_dirty(f);
    turn_clock_end(&f->clock);
}

static void on_prepare(uv_prepare_t *handle) { flush_all(handle->data); }

static void on_check(uv_check_t *handle) {
    struct flusher *f = handle->data;
    reader_end_turn(f);
    flush_all(f);
}

void flusher_init(struct flusher *f, uv_loop_t *loop, void (*before)(void *owner), void *owner) {
    *f = (struct flusher){.before = before, .owner = owner, .read_many = reader_read_many};
    f->buffer = mem_new(READER_SIZE);
    uv_prepare_init(loop, &f->prepare);
    uv_check_init(loop, &f->check);
    turnstile_init(&f->handshakes, loop);
    f->prepare.data = f->check.data = f;
    uv_prepare_start(&f->prepare, on_prepare);
    uv_check_start(&f->check, on_check);
    uv_unref((uv_handle_t *)&f->prepare);
    uv_unref((uv_handle_t *)&f->check);
}

int flusher_use_io_uring(struct flusher *f, bool does) {
    int error = 0;
    if (does == (f->ring != NULL))
        return 0;
    ring_free(f->ring);
    f->ring = does ? ring_new(&error) : NULL;
    return error;
}

int flusher_drop_failed_ring(struct flusher *f) {
    int error = ring_error(f->ring);
    if (error)
        flusher_use_io_uring(f, false);
    return error;
}

void flusher_deinit(struct flusher *f) {
    uv_close((uv_handle_t *)&f->prepare, NULL);
    uv_close((uv_handle_t *)&f->check, NULL);
    turnstile_close(&f->handshakes);
    ring_free(f->ring);
    mem_free(f->buffer);
    mem_free(f->records);
    spares_deinit(&f->spares);
}
