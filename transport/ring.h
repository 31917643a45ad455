// Ring: sends to many sockets, or receives from them, by one call of the system, through io_uring.
// Where the kernel has no io_uring for us, and for few sockets, each has a call of its own.
//
// A call costs by itself, whatever it does. Where the kernel guards itself by page-table isolation,
// and in some virtual machines, that is as much as the sending of a small reply.
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

enum { TRANSFERS_MOST = 64 };

struct transfer {
    int fd;
    void *data;
    size_t len;
    int done; // how many bytes the socket took or gave; negative: an errno, as -EAGAIN or -EPIPE
};

struct ring;

enum {
    RING_LEAST = 4, // fewer calls cost no more than one of io_uring
    RING_FLAGS = MSG_NOSIGNAL | MSG_DONTWAIT,
};

// Send, or receive, by a call for one socket. Return what `done` tells.
static inline int ring_send_alone(int fd, const void *data, size_t len) {
    ssize_t done = send(fd, data, len, RING_FLAGS);
    return done < 0 ? -errno : (int)done;
}

static inline int ring_receive_alone(int fd, void *data, size_t len) {
    ssize_t done = recv(fd, data, len, RING_FLAGS);
    return done < 0 ? -errno : (int)done;
}

// Opens a ring for the calling thread: only that one may transfer through it. Returns a ring, which
// the caller frees; NULL where the kernel has none for us, and *error is the errno that tells why.
struct ring *ring_new(int *error);
void ring_free(struct ring *r); // NULL is allowed

// Returns whether many sockets are served by one call; not so with NULL, and when the kernel has
// failed the ring: then ring_error() returns the errno, else 0.
bool ring_is_of_use(const struct ring *r);
int ring_error(const struct ring *r);

// Send, or receive, for at most TRANSFERS_MOST sockets, and set `done` of each. No call waits.
// With NULL as the ring, each has a call of its own.
void ring_send(struct ring *r, struct transfer *transfers, size_t count);
void ring_receive(struct ring *r, struct transfer *transfers, size_t count);
