// Flusher: in each turn of the loop, reads the streams that are many, and writes the output of all.
//
// The order of a turn of libuv is: timers → prepare → poll (reads) → check → closed handles. Output
// that timers append is written in prepare, output that reads append in check: one write a stream
// and turn, however many requests or replies it carries.
#pragma once

#include <stdbool.h>
#include <uv.h>

struct flusher;

// `before` is called with `owner` before each flush: it may give streams more output.
void flusher_init(struct flusher *f, uv_loop_t *loop, void (*before)(void *owner), void *owner);
void flusher_deinit(struct flusher *f); // closes its handles; the caller frees the memory

// Has many streams read and written by one call of the system, or no longer. At first they are not.
// Only the loop's own thread may call this. Returns 0; an errno where the kernel refuses: then each
// stream has calls of its own, and the next use asks the kernel again.
int flusher_use_io_uring(struct flusher *f, bool does);

// Does without io_uring if the kernel has failed it since the last call. Returns the errno; 0: it
// has not.
int flusher_drop_failed_ring(struct flusher *f);
