// Stream: a socket, as clients and backends share it: reading, and output in two buffers.
//
//   stream_out() ──append──► out ──flush──► the socket
//                             └─ the rest ──► writing (libuv's until it is written)
//
// The owner embeds the stream. Closing is asynchronous: on_closed is the last call, and the owner
// may then free the memory.
//
// The loop's flusher writes the output of every dirty stream once per turn. The order of a turn of
// libuv is: timers → prepare → poll (reads) → check → closed handles. Output that timers append is
// written in prepare, output that reads append in check: one write call a stream and turn, however
// many requests or replies it carries. The flusher also lends the streams their output buffers.
#pragma once

#include <uv.h>

#include "protocol/bytes.h"

struct stream;

enum { FLUSHER_SPARES = 64 };

struct flusher {
    uv_prepare_t prepare;
    uv_check_t check;
    struct stream *dirty; // a stack: the order among streams does not matter
    struct bytes spares[FLUSHER_SPARES];
    size_t spare_count;
    size_t spare_bytes;
    void (*before)(void *owner); // called first in each check: it may make more streams dirty
    void *owner;
};

void flusher_init(struct flusher *f, uv_loop_t *loop, void (*before)(void *owner), void *owner);
void flusher_deinit(struct flusher *f); // closes its handles; the caller frees the memory

void flusher_add(struct flusher *f, struct stream *s);

// Returns an empty buffer, with memory when the flusher has some to spare. The stream gives the
// buffer back when its bytes are written.
struct bytes flusher_lend(struct flusher *f);

struct stream_events {
    // Returns the buffer that the next bytes are read into.
    uv_buf_t (*on_buffer)(struct stream *s);
    void (*on_read)(struct stream *s, char *data, size_t len);
    // The peer ended its side (UV_EOF) or the socket failed (another libuv error).
    void (*on_end)(struct stream *s, int status);
    // All output is written.
    void (*on_written)(struct stream *s);
    void (*on_closed)(struct stream *s);
};

struct stream {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    const struct stream_events *events;
    struct flusher *flusher;
    struct stream *next_dirty;
    struct bytes out;
    struct bytes writing;
    uint64_t accepted; // bytes that the kernel took, in all
    uv_write_t write;
    uv_shutdown_t shutdown;
    bool is_dirty;
    bool is_corked; // not connected yet: output is kept, not written
    bool is_reading;
    bool is_closing;
};

void stream_init_tcp(struct stream *s, uv_loop_t *loop, struct flusher *flusher,
                     const struct stream_events *events);
void stream_init_unix(struct stream *s, uv_loop_t *loop, struct flusher *flusher,
                      const struct stream_events *events);

// Returns the buffer to append output to; its bytes are written at the end of this turn of the
// loop.
static inline struct bytes *stream_out(struct stream *s) {
    if (!s->is_dirty && !s->is_closing)
        flusher_add(s->flusher, s);
    if (!s->out.data)
        s->out = flusher_lend(s->flusher);
    return &s->out;
}

// Returns how many bytes of output the peer has not taken yet.
static inline size_t stream_unread(const struct stream *s) { return s->out.len + s->writing.len; }

// Returns how many bytes the kernel took in all, those of a write still under way included.
static inline uint64_t stream_taken(const struct stream *s) {
    return s->accepted + s->writing.len - uv_stream_get_write_queue_size(&s->uv.stream);
}

void stream_start_reading(struct stream *s);
void stream_stop_reading(struct stream *s);

// Writes the bytes at once, before any output in the buffer. Meant for the greeting of a connection
// whose stream is held. Returns 0, or a libuv error: UV_EAGAIN when the socket took only a part.
int stream_write_first(struct stream *s, struct slice bytes) __attribute__((warn_unused_result));

// Ends this side of the connection once all output is written; reading goes on.
void stream_end(struct stream *s);

// Closes the stream, and drops the output that is not written. May be called again.
void stream_close(struct stream *s);
