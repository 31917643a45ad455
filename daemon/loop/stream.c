#include "daemon/loop/stream.h"

enum { SPARE_LEAST = 2 * 1024, SPARE_MOST = 1024 * 1024, SPARES_BYTES = 8 * 1024 * 1024 };

void flusher_add(struct flusher *f, struct stream *s) {
    if (s->is_dirty)
        return;
    s->is_dirty = true;
    s->next_dirty = f->dirty;
    f->dirty = s;
}

static void flusher_remove(struct flusher *f, struct stream *s) {
    struct stream **at = &f->dirty;
    while (*at && *at != s)
        at = &(*at)->next_dirty;
    if (*at)
        *at = s->next_dirty;
    s->is_dirty = false;
}

struct bytes flusher_lend(struct flusher *f) {
    if (f->spare_count > 0) {
        struct bytes buffer = f->spares[--f->spare_count];
        f->spare_bytes -= buffer.cap;
        return buffer;
    }
    return (struct bytes){0}; // the buffer grows when used: most clients ask little at a time
}

static void flusher_return(struct flusher *f, struct bytes *buffer) {
    buffer->len = 0;
    if (f->spare_count < FLUSHER_SPARES && buffer->cap >= SPARE_LEAST &&
        buffer->cap <= SPARE_MOST && f->spare_bytes + buffer->cap <= SPARES_BYTES) {
        f->spare_bytes += buffer->cap;
        f->spares[f->spare_count++] = *buffer;
        *buffer = (struct bytes){0};
    } else {
        bytes_deinit(buffer);
    }
}

static void init(struct stream *s, struct flusher *flusher, const struct stream_events *events) {
    s->uv.handle.data = s;
    s->write.data = s;
    s->flusher = flusher;
    s->events = events;
}

void stream_init_tcp(struct stream *s, uv_loop_t *loop, struct flusher *flusher,
                     const struct stream_events *events) {
    uv_tcp_init(loop, &s->uv.tcp);
    init(s, flusher, events);
}

void stream_init_unix(struct stream *s, uv_loop_t *loop, struct flusher *flusher,
                      const struct stream_events *events) {
    uv_pipe_init(loop, &s->uv.pipe, 0);
    init(s, flusher, events);
}

static void on_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
    struct stream *s = handle->data;
    (void)suggested;
    *buffer = s->events->on_buffer(s);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer) {
    struct stream *s = stream->data;
    if (got > 0)
        s->events->on_read(s, buffer->base, (size_t)got);
    else if (got < 0) {
        s->is_reading = false;
        s->events->on_end(s, (int)got);
    }
}

void stream_start_reading(struct stream *s) {
    if (s->is_reading || s->is_closing)
        return;
    s->is_reading = uv_read_start(&s->uv.stream, on_buffer, on_read) == 0;
}

void stream_stop_reading(struct stream *s) {
    if (s->is_reading)
        uv_read_stop(&s->uv.stream);
    s->is_reading = false;
}

static void stream_flush(struct stream *s);

static void on_written(uv_write_t *write, int status) {
    struct stream *s = write->data;
    if (s->is_closing)
        return;
    if (status < 0) {
        s->events->on_end(s, status);
        return;
    }
    s->accepted += s->writing.len;
    flusher_return(s->flusher, &s->writing);
    stream_flush(s);
}

// Hands the rest of the output to libuv, which writes it when the socket takes more.
static int write_later(struct stream *s) {
    s->writing = s->out;
    s->out = (struct bytes){0};
    uv_buf_t buffer = {.base = s->writing.data, .len = s->writing.len};
    return uv_write(&s->write, &s->uv.stream, &buffer, 1, on_written);
}

static void stream_flush(struct stream *s) {
    if (s->is_corked || s->is_closing || s->writing.len > 0)
        return;
    if (s->out.len > 0) {
        uv_buf_t buffer = {.base = s->out.data, .len = s->out.len};
        int written = uv_try_write(&s->uv.stream, &buffer, 1);
        if (written == UV_EAGAIN)
            written = 0;
        int error = written < 0 ? written : 0;
        if (!error) {
            s->accepted += (uint64_t)written;
            bytes_consume(&s->out, (size_t)written);
            if (s->out.len > 0)
                error = write_later(s);
        }
        if (error) {
            s->events->on_end(s, error);
            return;
        }
    }
    if (s->out.len == 0 && s->out.data)
        flusher_return(s->flusher, &s->out);
    if (s->writing.len == 0)
        s->events->on_written(s);
}

int stream_write_first(struct stream *s, struct slice bytes) {
    uv_buf_t buffer = {.base = (char *)bytes.data, .len = bytes.len};
    int written = uv_try_write(&s->uv.stream, &buffer, 1);
    if (written < 0)
        return written;
    return (size_t)written == bytes.len ? 0 : UV_EAGAIN;
}

static void on_shutdown(uv_shutdown_t *shutdown, int status) {
    (void)shutdown;
    (void)status;
}

void stream_end(struct stream *s) {
    if (!s->is_closing)
        uv_shutdown(&s->shutdown, &s->uv.stream, on_shutdown);
}

static void on_closed(uv_handle_t *handle) {
    struct stream *s = handle->data;
    bytes_deinit(&s->out);
    bytes_deinit(&s->writing);
    s->events->on_closed(s);
}

void stream_close(struct stream *s) {
    if (s->is_closing)
        return;
    s->is_closing = true;
    if (s->is_dirty)
        flusher_remove(s->flusher, s);
    uv_close(&s->uv.handle, on_closed);
}

// --- each turn of the loop ---------------------------------------------------------------------

static void flush_all(struct flusher *f) {
    f->before(f->owner);
    while (f->dirty) {
        struct stream *s = f->dirty;
        f->dirty = s->next_dirty;
        s->is_dirty = false;
        stream_flush(s);
    }
}

static void on_prepare(uv_prepare_t *handle) { flush_all(handle->data); }

static void on_check(uv_check_t *handle) { flush_all(handle->data); }

void flusher_init(struct flusher *f, uv_loop_t *loop, void (*before)(void *owner), void *owner) {
    *f = (struct flusher){.before = before, .owner = owner};
    uv_prepare_init(loop, &f->prepare);
    uv_check_init(loop, &f->check);
    f->prepare.data = f->check.data = f;
    uv_prepare_start(&f->prepare, on_prepare);
    uv_check_start(&f->check, on_check);
    uv_unref((uv_handle_t *)&f->prepare);
    uv_unref((uv_handle_t *)&f->check);
}

void flusher_deinit(struct flusher *f) {
    uv_close((uv_handle_t *)&f->prepare, NULL);
    uv_close((uv_handle_t *)&f->check, NULL);
    while (f->spare_count > 0)
        bytes_deinit(&f->spares[--f->spare_count]);
}
