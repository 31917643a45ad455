#include "transport/ring.h"

#include <liburing.h>
#include <limits.h>

#include "protocol/mem.h"

enum { PENDING = INT_MIN }; // what `done` is while it is not known

struct ring {
    struct io_uring uring;
    int error; // an errno: the kernel has failed, and the ring is closed
};

// The two things that a ring does.
struct way {
    void (*queue)(struct io_uring_sqe *entry, const struct transfer *x);
    int (*call)(const struct transfer *x);
};

// Kernels before 5.6 have io_uring, but neither send nor receive through it.
static bool is_able(struct io_uring *uring) {
    struct io_uring_probe *probe = io_uring_get_probe_ring(uring);
    bool is_able = probe && io_uring_opcode_supported(probe, IORING_OP_SEND) &&
                   io_uring_opcode_supported(probe, IORING_OP_RECV);
    io_uring_free_probe(probe);
    return is_able;
}

// Kernels before 6.1 do not know the flags, by which nothing is done outside our own calls. Returns
// 0, or an errno.
static int open_uring(struct io_uring *uring) {
    unsigned flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
    int status = io_uring_queue_init(TRANSFERS_MOST, uring, flags);
    if (status == -EINVAL)
        status = io_uring_queue_init(TRANSFERS_MOST, uring, 0);
    if (status < 0 || is_able(uring))
        return -status;
    io_uring_queue_exit(uring);
    return ENOSYS;
}

struct ring *ring_new(int *error) {
    struct ring *r = mem_new(sizeof(*r));
    *error = open_uring(&r->uring);
    if (*error == 0)
        return r;
    mem_free(r);
    return NULL;
}

static void give_up(struct ring *r, int error) {
    io_uring_queue_exit(&r->uring);
    r->error = error;
}

void ring_free(struct ring *r) {
    if (ring_is_of_use(r))
        io_uring_queue_exit(&r->uring);
    mem_free(r);
}

bool ring_is_of_use(const struct ring *r) { return r && r->error == 0; }

int ring_error(const struct ring *r) { return r ? r->error : 0; }

static void call_pending(struct transfer *transfers, size_t count, const struct way *way) {
    for (size_t i = 0; i < count; i++)
        if (transfers[i].done == PENDING)
            transfers[i].done = way->call(&transfers[i]);
}

// Notes what the kernel has done, and returns how much that is.
static size_t reap(struct io_uring *uring, struct transfer *transfers) {
    struct io_uring_cqe *entry;
    unsigned at, count = 0;
    io_uring_for_each_cqe(uring, at, entry) {
        transfers[io_uring_cqe_get_data64(entry)].done = entry->res;
        count++;
    }
    io_uring_cq_advance(uring, count);
    return count;
}

// Since no transfer waits, all are done when the call returns, unless the kernel lacks memory. Then
// the ring is given up: what the kernel has not taken from it is never done by it.
static void transfer_all(struct ring *r, struct transfer *transfers, size_t count,
                         const struct way *way) {
    for (size_t i = 0; i < count; i++) {
        struct io_uring_sqe *entry = io_uring_get_sqe(&r->uring);
        way->queue(entry, &transfers[i]);
        io_uring_sqe_set_data64(entry, i);
    }
    for (size_t left = count; left > 0;) {
        int status = io_uring_submit_and_wait(&r->uring, (unsigned)left);
        size_t done = reap(&r->uring, transfers);
        left -= done;
        if (left > 0 && done == 0 && status < 0 && status != -EINTR) {
            give_up(r, -status);
            call_pending(transfers, count, way);
            return;
        }
    }
}

static inline void transfer(struct ring *r, struct transfer *transfers, size_t count,
                            const struct way *way) {
    for (size_t i = 0; i < count; i++)
        transfers[i].done = PENDING;
    if (count >= RING_LEAST && ring_is_of_use(r))
        transfer_all(r, transfers, count, way);
    else
        call_pending(transfers, count, way);
}

static void queue_send(struct io_uring_sqe *entry, const struct transfer *x) {
    io_uring_prep_send(entry, x->fd, x->data, x->len, RING_FLAGS);
}

static int call_send(const struct transfer *x) { return ring_send_alone(x->fd, x->data, x->len); }

void ring_send(struct ring *r, struct transfer *transfers, size_t count) {
    static const struct way way = {queue_send, call_send};
    transfer(r, transfers, count, &way);
}

static void queue_receive(struct io_uring_sqe *entry, const struct transfer *x) {
    io_uring_prep_recv(entry, x->fd, x->data, x->len, RING_FLAGS);
}

static int call_receive(const struct transfer *x) {
    return ring_receive_alone(x->fd, x->data, x->len);
}

void ring_receive(struct ring *r, struct transfer *transfers, size_t count) {
    static const struct way way = {queue_receive, call_receive};
    transfer(r, transfers, count, &way);
}
