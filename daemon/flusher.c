#include "flusher.h"

#include "stream.h"

enum { SPARE_LEAST = 2 * 1024, SPARE_MOST = 1024 * 1024, SPARES_BYTES = 8 * 1024 * 1024 };

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

void flusher_add(struct flusher *f, struct stream *s) {
    if (s->is_dirty)
        return;
    s->is_dirty = true;
    s->next_dirty = f->dirty;
    f->dirty = s;
}

void flusher_remove(struct flusher *f, struct stream *s) {
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
    return (struct bytes){0}; // it grows as it is used: most clients ask little at a time
}

void flusher_return(struct flusher *f, struct bytes *buffer) {
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
