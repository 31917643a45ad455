// Flusher: writes every stream that has something to say once per turn of the loop.
//
// libuv turns: timers → prepare → poll (reads) → check → closed handles. What reads and timers
// append is written in check and prepare: one write call a stream and turn, however many requests
// or replies it carries. It also lends the streams their output buffers.
#pragma once

#include <uv.h>

#include "bytes.h"

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
void flusher_deinit(struct flusher *f); // closes its handles; the memory is the caller's

void flusher_add(struct flusher *f, struct stream *s);
void flusher_remove(struct flusher *f, struct stream *s);

// An empty buffer, with memory when some is spare; and its way back.
struct bytes flusher_lend(struct flusher *f);
void flusher_return(struct flusher *f, struct bytes *buffer);
