#include "daemon/loop/stream.h"

#include <errno.h>

#include "protocol/mem.h"
#include "transport/tls.h"

enum { RECORDS_SIZE = 64 * 1024 }; // of TLS, that are read or written at once

// The part of a stream that only TLS needs. Its plain bytes go out → writing → wire → the socket.
struct stream_tls {
    struct stream *stream;
    struct tls *tls;
    stream_shaken *on_shaken; // NULL: the handshake is over
    void *context;            // for that
    struct bytes wire;        // records that libuv writes
    size_t sealed;            // bytes of stream->writing that are records already
    int end; // how the socket ended, after bytes that are not read yet; 0: it has not
    struct turnstile_place place;
};

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

static void init(struct stream *s, struct flusher *flusher, const struct stream_events *events) {
    s->uv.handle.data = s;
    s->write.data = s;
    s->flusher = flusher;
    s->fd = -1;
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

// Code that only TLS needs stays out of the plain path, which is each request's.
#define APART static __attribute__((noinline))

APART void read_records(struct stream *s, const char *data, size_t len);
APART void end_records(struct stream *s, int status);
APART void flush_records(struct stream *s);

// The reader reads the stream. Without a buffer, libuv does not, and reports UV_ENOBUFS.
static void read_later(struct stream *s) {
    if (s->is_to_read)
        return;
    struct flusher *f = s->flusher;
    *(f->to_read ? &f->last_to_read->next_to_read : &f->to_read) = s;
    f->last_to_read = s;
    f->to_read_count++;
    s->next_to_read = NULL;
    s->is_to_read = true;
}

// libuv asks again for a stream that has filled its buffer.
static void count_readable(struct stream *s) {
    struct flusher *f = s->flusher;
    f->readable += f->last_readable != s;
    f->last_readable = s;
}

static void on_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
    struct stream *s = handle->data;
    (void)suggested;
    if (s->tls) {
        *buffer = uv_buf_init(s->flusher->records, RECORDS_SIZE);
        return;
    }
    if (s->events->are_many)
        count_readable(s);
    if (s->events->are_many && s->flusher->is_crowded)
        read_later(s);
    else
        *buffer = stream_buffer(s);
}

// No more streams wait than one call reads: libuv would report them again and again in this turn.
static void limit_queue(struct flusher *f) {
    if (f->to_read_count == TRANSFERS_MOST)
        f->read_many(f);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer) {
    struct stream *s = stream->data;
    if (got == UV_ENOBUFS && !buffer->base)
        limit_queue(s->flusher);
    else if (got > 0 && !s->tls)
        s->events->on_read(s, buffer->base, (size_t)got);
    else if (got > 0)
        read_records(s, buffer->base, (size_t)got);
    else if (got < 0 && s->tls)
        end_records(s, (int)got);
    else if (got < 0) {
        s->is_reading = false;
        s->events->on_end(s, (int)got);
    }
}

void stream_start_reading(struct stream *s) {
    if (s->is_reading || s->is_closing)
        return;
    s->is_reading = uv_read_start(&s->uv.stream, on_buffer, on_read) == 0;
    if (s->tls && (s->tls->end || tls_has_rest(s->tls->tls)))
        flusher_add(s->flusher, s); // the flush reads what is left
}

void stream_stop_reading(struct stream *s) {
    if (s->is_reading)
        uv_read_stop(&s->uv.stream);
    s->is_reading = false;
}

// Makes the output that which is written, but for so many first bytes that are sent already.
static void begin_writing(struct stream *s, size_t sent) {
    s->writing = s->out;
    s->out = (struct bytes){0};
    s->beside = s->handed = s->writing.len - sent;
}

// All that is written was taken.
static void accept_writing(struct stream *s) {
    s->accepted += s->handed;
    s->beside = s->handed = 0;
    spares_return(&s->flusher->spares, &s->writing);
}

static void on_written(uv_write_t *write, int status) {
    struct stream *s = write->data;
    if (s->is_closing)
        return;
    if (status < 0) {
        s->events->on_end(s, status);
    } else if (s->lent) {
        s->lent->on_taken(s);
    } else {
        accept_writing(s);
        flusher_add(s->flusher, s);
    }
}

// Hands libuv the output behind what is sent, to write it when the socket takes more.
static int write_later(struct stream *s, size_t sent) {
    begin_writing(s, sent);
    uv_buf_t buffer = {.base = s->writing.data + sent, .len = s->handed};
    return uv_write(&s->write, &s->uv.stream, &buffer, 1, on_written);
}

int stream_note_part_sent(struct stream *s, int sent) {
    if (sent == -EAGAIN || sent == -EINTR)
        sent = 0;
    if (sent < 0)
        return uv_translate_sys_error(-sent);
    s->accepted += (size_t)sent;
    return write_later(s, (size_t)sent);
}

static void flush_alone(struct stream *s) {
    int sent = s->out.len > 0 ? ring_send_alone(stream_fd(s), s->out.data, s->out.len) : 0;
    stream_tell_sent(s, stream_note_sent(s, sent));
}

void stream_flush(struct stream *s) {
    if (s->tls)
        flush_records(s);
    else if (stream_is_plain(s))
        flush_alone(s);
    else if (s->lent)
        s->lent->flush(s);
}

uint64_t stream_taken(const struct stream *s) {
    uint64_t waiting = uv_stream_get_write_queue_size(&s->uv.stream);
    return s->accepted + (s->tls ? s->tls->sealed + s->tls->wire.len : s->handed) - waiting;
}

int stream_write_first(struct stream *s, struct slice bytes) {
    if (s->tls) {
        struct bytes *wire = tls_wire(s->tls->tls);
        if (!tls_seal(s->tls->tls, bytes))
            return UV_EPROTO;
        bytes = bytes_slice(wire);
    }
    uv_buf_t buffer = {.base = (char *)bytes.data, .len = bytes.len};
    int written = uv_try_write(&s->uv.stream, &buffer, 1);
    if (s->tls)
        bytes_deinit(tls_wire(s->tls->tls));
    if (written < 0)
        return written;
    return (size_t)written == bytes.len ? 0 : UV_EAGAIN;
}

// --- TLS: records in --------------------------------------------------------------------------

static bool write_wire(struct stream *s, int *error);

// The peer should learn why, if the socket takes that much at once.
static const char *give_up(struct stream *s) {
    int error;
    (void)write_wire(s, &error);
    return tls_trouble(s->tls->tls);
}

static void end_shake(struct stream *s, const char *trouble) {
    stream_shaken *on_shaken = s->tls->on_shaken;
    s->tls->on_shaken = NULL;
    stream_stop_reading(s);
    on_shaken(s->tls->context, trouble);
}

static void shake(struct stream *s) {
    switch (tls_shake(s->tls->tls)) {
    case TLS_DONE: end_shake(s, NULL); break;
    case TLS_WANTS: break;
    case TLS_ENDED: end_shake(s, "TLS: the peer ended the handshake"); break;
    case TLS_BROKEN: end_shake(s, give_up(s)); break;
    }
}

static void tell_end(struct stream *s, int status) {
    stream_stop_reading(s);
    s->events->on_end(s, status);
}

// Hands the owner what one buffer of its own takes. Returns whether there may be more.
static bool read_some(struct stream *s) {
    uv_buf_t buffer = stream_buffer(s);
    int end = s->tls->end;
    size_t got;
    enum tls_step step = tls_read(s->tls->tls, buffer.base, buffer.len, &got);
    if (got > 0)
        s->events->on_read(s, buffer.base, got);
    if (got > 0 || step == TLS_DONE)
        return step != TLS_WANTS || end;
    if (step == TLS_BROKEN)
        (void)give_up(s);
    if (step == TLS_WANTS && end)
        tell_end(s, end);
    else if (step != TLS_WANTS)
        tell_end(s, step == TLS_ENDED ? UV_EOF : UV_EPROTO);
    return false;
}

// Reads on while the owner does. OpenSSL may answer with records of its own, which the flush
// writes.
static void read_rest(struct stream *s) {
    struct stream_tls *x = s->tls;
    bool is_more = true;
    if (x->on_shaken)
        shake(s);
    while (is_more && s->is_reading && !x->on_shaken && !s->is_closing)
        is_more = read_some(s);
    tls_keep(x->tls);
    if (tls_wire(x->tls)->len > 0 && !s->is_closing)
        flusher_add(s->flusher, s);
}

APART void read_records(struct stream *s, const char *data, size_t len) {
    tls_feed(s->tls->tls, data, len);
    read_rest(s);
}

APART void end_records(struct stream *s, int status) {
    struct stream_tls *x = s->tls;
    if (x->on_shaken) {
        end_shake(s, status == UV_EOF ? "TLS: the peer closed the connection in the handshake"
                                      : uv_strerror(status));
        return;
    }
    x->end = status;
    read_rest(s);
}

// --- TLS: records out -------------------------------------------------------------------------

static void on_records_written(uv_write_t *write, int status) {
    struct stream *s = write->data;
    if (s->is_closing)
        return;
    spares_return(&s->flusher->spares, &s->tls->wire);
    if (status < 0)
        s->events->on_end(s, status);
    else
        flush_records(s);
}

// Hands the wire to the socket. Returns whether the socket took all of it; then *error is 0.
static bool write_wire(struct stream *s, int *error) {
    struct bytes *wire = tls_wire(s->tls->tls);
    uv_buf_t buffer = uv_buf_init(wire->data, (unsigned)wire->len);
    int written = wire->len > 0 ? uv_try_write(&s->uv.stream, &buffer, 1) : 0;
    if (written == UV_EAGAIN)
        written = 0;
    *error = written < 0 ? written : 0;
    if (*error)
        return false;
    if ((size_t)written == wire->len) {
        spares_return(&s->flusher->spares, wire);
        return true;
    }
    s->tls->wire = *wire;
    *wire = (struct bytes){0};
    buffer =
        uv_buf_init(s->tls->wire.data + written, (unsigned)(s->tls->wire.len - (size_t)written));
    *error = uv_write(&s->write, &s->uv.stream, &buffer, 1, on_records_written);
    return false;
}

// Makes records of the next output. Returns false when TLS is broken.
static bool seal_some(struct stream *s) {
    struct stream_tls *x = s->tls;
    struct bytes *wire = tls_wire(x->tls);
    if (s->writing.len == 0)
        begin_writing(s, 0);
    size_t len = s->writing.len - x->sealed;
    struct slice plain = {s->writing.data + x->sealed, len < RECORDS_SIZE ? len : RECORDS_SIZE};
    x->sealed += plain.len;
    if (plain.len > 0 && !wire->data)
        *wire = spares_lend(&s->flusher->spares);
    return tls_seal(x->tls, plain);
}

// Writes until the socket takes no more. Returns 0 or a libuv error.
static int write_records(struct stream *s) {
    struct stream_tls *x = s->tls;
    int error = 0;
    while (x->wire.len == 0) {
        bool may_seal = !s->is_corked && !x->on_shaken;
        if (may_seal && !seal_some(s))
            return UV_EPROTO;
        if (!write_wire(s, &error))
            return error;
        if (!may_seal)
            break;
        if (x->sealed == s->writing.len) {
            accept_writing(s);
            x->sealed = 0;
            if (s->out.len == 0)
                break;
        }
    }
    return 0;
}

APART void flush_records(struct stream *s) {
    struct stream_tls *x = s->tls;
    if (s->is_closing)
        return;
    if (s->is_reading && (x->end || tls_has_rest(x->tls)))
        read_rest(s);
    if (s->is_closing)
        return;
    int error = write_records(s);
    if (error && !x->on_shaken)
        s->events->on_end(s, error);
    else if (error)
        end_shake(s, uv_strerror(error));
    else if (stream_unread(s) == 0 && x->wire.len == 0 && !s->is_corked && !x->on_shaken)
        s->events->on_written(s);
}

// --- TLS: begin and end -----------------------------------------------------------------------

const struct tls *stream_tls(const struct stream *s) { return s->tls ? s->tls->tls : NULL; }

const char *stream_trouble(const struct stream *s, int status) {
    const char *trouble = s->tls ? tls_trouble(s->tls->tls) : "";
    return *trouble ? trouble : uv_strerror(status);
}

// A handshake takes about 1 ms. Many may be due at once, as with all servers of a cluster.
static void begin_shake(struct turnstile_place *place) {
    struct stream *s = CONTAINER_OF(place, struct stream_tls, place)->stream;
    stream_start_reading(s);
    read_rest(s);
}

void stream_start_tls(struct stream *s, struct tls *tls, stream_shaken *on_shaken, void *context) {
    struct flusher *f = s->flusher;
    s->tls = mem_new(sizeof(*s->tls));
    *s->tls =
        (struct stream_tls){.stream = s, .tls = tls, .on_shaken = on_shaken, .context = context};
    if (!f->records)
        f->records = mem_new(RECORDS_SIZE);
    turnstile_enter(&f->handshakes, &s->tls->place, begin_shake);
}

static void free_tls(struct stream *s) {
    if (!s->tls)
        return;
    if (s->tls->on_shaken)
        end_shake(s, uv_strerror(UV_ECANCELED));
    tls_free(s->tls->tls);
    bytes_deinit(&s->tls->wire);
    mem_free(s->tls);
}

static void on_shutdown(uv_shutdown_t *shutdown, int status) {
    (void)shutdown;
    (void)status;
}

// With TLS the peer is told by a record, too: otherwise somebody else could have cut the rest off.
void stream_end(struct stream *s) {
    if (s->is_closing)
        return;
    if (s->tls) {
        int error;
        tls_say_end(s->tls->tls);
        (void)write_wire(s, &error);
    }
    uv_shutdown(&s->shutdown, &s->uv.stream, on_shutdown);
}

static void on_closed(uv_handle_t *handle) {
    struct stream *s = handle->data;
    free_tls(s);
    if (s->lent)
        s->lent->free(s);
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
    if (s->tls)
        turnstile_leave(&s->flusher->handshakes, &s->tls->place);
    uv_close(&s->uv.handle, on_closed);
}
