// Stream: a socket, as clients and backends share it: reading, and output in two buffers.
//
//   stream_out() ──append──► out ──flush──► the socket
//                             └─ the rest ──► writing (libuv's until it is written)
//
// Bytes that lie elsewhere, and stay there until they are sent, can be lent to the stream (lent.h).
//
// The owner embeds the stream. Closing is asynchronous: on_closed is the last call, and the owner
// may then free the memory.
//
// The loop's flusher writes the output of the streams once per turn (flusher.h).
//
// A stream may be given TLS once it is connected. Its owner then reads and writes as before: what
// it appends becomes records when it is flushed, one for all of a turn unless there is much, and
// what it reads has been records. A stream without TLS pays one test a read and a flush for that.
#pragma once

#include <uv.h>

#include "daemon/loop/spares.h"
#include "daemon/loop/turn_clock.h"
#include "daemon/loop/turnstile.h"
#include "protocol/bytes.h"
#include "transport/ring.h"

struct stream;
struct stream_tls;
struct tls;

enum { STREAM_READ = 64 * 1024 }; // bytes that are read at once

// A flusher is what the streams of a loop share.
struct flusher {
    uv_prepare_t prepare;
    uv_check_t check;
    struct stream *dirty;                  // a stack: the order among streams does not matter
    struct stream *to_read, *last_to_read; // a queue (reader.h)
    size_t to_read_count;
    struct stream *last_readable;         // of those that are many
    size_t readable;                      // how many of these could be read in this turn, so far
    bool is_crowded;                      // these are read together
    void (*read_many)(struct flusher *f); // reads those of the queue
    struct spares spares;                 // for their output
    struct ring *ring;                    // NULL: each stream has calls of its own
    struct turnstile handshakes;          // that have not begun
    struct turn_clock clock;              // ends with each flush
    char *buffer;                         // to read into; of READER_SIZE bytes
    char *records;                        // a buffer to read TLS into; NULL: never needed yet
    void (*before)(void *owner); // called before each flush: it may make more streams dirty
    void *owner;
};

void flusher_add(struct flusher *f, struct stream *s);

struct stream_events {
    // Returns the buffer that the next bytes are read into; an empty one, or no function: any will
    // do.
    uv_buf_t (*on_buffer)(struct stream *s);
    void (*on_read)(struct stream *s, char *data, size_t len);
    // The peer ended its side (UV_EOF) or the socket failed (another libuv error).
    void (*on_end)(struct stream *s, int status);
    // All output is written.
    void (*on_written)(struct stream *s);
    void (*on_closed)(struct stream *s);
    // While some can be read at once, such streams are read together (reader.h). Then on_read() or
    // on_end() may be called once more after stream_stop_reading().
    bool are_many;
};

// Output that lies elsewhere, of which lent.c knows more.
struct stream_lent {
    void (*flush)(struct stream *s);    // as stream_flush(), for a stream with such output
    void (*on_taken)(struct stream *s); // libuv has written what it was handed before
    void (*free)(struct stream *s);     // the stream is closed
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
    int fd; // for stream_fd()
    struct stream *next_dirty;
    struct stream *next_to_read;
    struct bytes out;
    struct bytes writing;
    size_t beside;            // bytes of output that are not accepted and not in `out`
    size_t handed;            // the first of these, which are libuv's now, or become records
    struct stream_lent *lent; // NULL: nothing is lent
    struct stream_tls *tls;   // NULL: plain
    uint64_t accepted;        // bytes that the kernel took, in all; with TLS: whose records it took
    uv_write_t write;
    uv_shutdown_t shutdown;
    bool is_dirty;
    bool is_to_read; // is in the flusher's queue
    bool is_corked;  // not connected yet: output is kept, not written
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
        s->out = spares_lend(&s->flusher->spares);
    return &s->out;
}

// Returns the socket of a stream that is open; -1: it has none yet.
static inline int stream_fd(struct stream *s) {
    if (s->fd < 0)
        uv_fileno(&s->uv.handle, &s->fd);
    return s->fd;
}

// Returns the owner's buffer to read into, or the loop's when any will do.
static inline uv_buf_t stream_buffer(struct stream *s) {
    uv_buf_t own = s->events->on_buffer ? s->events->on_buffer(s) : uv_buf_init(NULL, 0);
    return own.base ? own : uv_buf_init(s->flusher->buffer, STREAM_READ);
}

// Returns whether all output that is not sent yet is in s->out, to be sent as it is.
static inline bool stream_is_plain(const struct stream *s) {
    return !s->tls && !s->lent && !s->is_corked && !s->is_closing && s->beside == 0;
}

// For the flusher: writes the output of this stream alone.
void stream_flush(struct stream *s);

// Returns how many bytes of output the peer has not taken yet.
static inline size_t stream_unread(const struct stream *s) { return s->out.len + s->beside; }

// As stream_note_sent(), when the socket has not taken all.
int stream_note_part_sent(struct stream *s, int sent);

// For the flusher, which sends plain output itself: notes that the socket took so many bytes of it;
// negative: an errno. Returns 0 or a libuv error, of which the owner is told by the other call.
static inline int stream_note_sent(struct stream *s, int sent) {
    if (sent < 0 || (size_t)sent < s->out.len)
        return stream_note_part_sent(s, sent);
    s->accepted += (size_t)sent;
    spares_return(&s->flusher->spares, &s->out);
    return 0;
}

static inline void stream_tell_sent(struct stream *s, int error) {
    if (error)
        s->events->on_end(s, error);
    else if (stream_unread(s) == 0)
        s->events->on_written(s);
}

// Returns how many bytes of output, in all, the kernel may have taken.
static inline uint64_t stream_sent(const struct stream *s) { return s->accepted + s->handed; }

// Returns a number that changes whenever the kernel takes output: how many bytes it took in all,
// those of a write still under way included.
uint64_t stream_taken(const struct stream *s);

void stream_start_reading(struct stream *s);
void stream_stop_reading(struct stream *s);

// Writes the bytes at once, before any output in the buffer. Meant for the greeting of a connection
// whose stream is held. Returns 0, or a libuv error: UV_EAGAIN when the socket took only a part.
int stream_write_first(struct stream *s, struct slice bytes) __attribute__((warn_unused_result));

// Called when a handshake is over: `trouble` is NULL when it went well, otherwise a text for
// people, valid during the call; the owner then closes the stream.
typedef void stream_shaken(void *context, const char *trouble);

// Begins TLS on a connected stream, which owns `tls` from then on. The stream reads by itself for
// the handshake, and then stops reading. on_shaken() is called exactly once, never from inside this
// call; if the stream is closed before, then just before on_closed(). Until then no output is
// written, and of `events` only on_closed() is called. `context` is for on_shaken().
void stream_start_tls(struct stream *s, struct tls *tls, stream_shaken *on_shaken, void *context);

// Returns the stream's TLS; NULL: it has none.
const struct tls *stream_tls(const struct stream *s);

// Returns a text for people on why the stream has ended with that status, a libuv error that
// on_end() was called with or that stream_write_first() returned.
const char *stream_trouble(const struct stream *s, int status);

// Ends this side of the connection once all output is written; reading goes on.
void stream_end(struct stream *s);

// Closes the stream, and drops the output that is not written. May be called again.
void stream_close(struct stream *s);
