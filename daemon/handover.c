#include "handover.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "client.h"
#include "listener.h"
#include "mem.h"
#include "server.h"
#include "workers.h"

enum { RESERVED_FILES = 16 };

// Descriptors are given out lowest first: one near the limit means that few are left, which
// backends and reloads may need. (The limit may have been lowered since max_clients was held
// against it.)
static bool is_among_the_last(const uv_stream_t *accepted) {
    struct rlimit limit;
    int fd;
    return uv_fileno((const uv_handle_t *)accepted, &fd) == 0 &&
           getrlimit(RLIMIT_NOFILE, &limit) == 0 && (rlim_t)fd + RESERVED_FILES >= limit.rlim_cur;
}

// Accepts the client, which is counted already, into `stream`. Returns false when it has gone, or
// was turned away: the stream is to be closed.
static bool accept_client(struct workers *workers, struct listener *listener, uv_stream_t *stream) {
    struct server_stats *stats = &workers->all[0]->context.stats;
    const char *why = NULL;
    if (uv_accept(&listener->uv.stream, stream) != 0)
        return false;
    if (atomic_load(&workers->clients) > stats->max_clients)
        why = "max_clients are connected";
    else if (is_among_the_last(stream))
        why = "few file descriptors are left";
    if (!why)
        return true;
    listener_turn_away(listener, stream, why);
    stats->turned_away++;
    return false;
}

// --- to another worker ------------------------------------------------------------------------

struct newcomer {
    struct message message;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv; // where it was accepted: on worker 0's loop
    struct server *to;
    int fd;
    bool is_unix;
};

static void run_newcomer(struct message *message, void *owner) {
    struct server *server = owner;
    struct newcomer *n = (struct newcomer *)message;
    if (server->is_closed) {
        close(n->fd);
        atomic_fetch_sub(&server->crew->clients, 1);
    } else {
        client_adopt(&server->clients, n->fd, n->is_unix);
    }
    mem_free(n);
}

// libuv has let go of its descriptor; ours, a copy, goes to the worker.
static void on_handle_closed(uv_handle_t *handle) {
    struct newcomer *n = handle->data;
    n->message.run = run_newcomer;
    if (n->fd < 0 || !mailbox_post(&n->to->mailbox, &n->message)) {
        if (n->fd >= 0)
            close(n->fd);
        atomic_fetch_sub(&n->to->crew->clients, 1);
        mem_free(n);
    }
}

static void give_client(struct workers *workers, struct listener *listener, struct server *to) {
    uv_loop_t *loop = listener->uv.handle.loop;
    struct newcomer *n = mem_new(sizeof(*n));
    int fd;
    n->to = to;
    n->fd = -1;
    n->is_unix = listener_is_unix(listener);
    if (n->is_unix)
        uv_pipe_init(loop, &n->uv.pipe, 0);
    else
        uv_tcp_init(loop, &n->uv.tcp);
    n->uv.handle.data = n;
    if (accept_client(workers, listener, &n->uv.stream) && uv_fileno(&n->uv.handle, &fd) == 0)
        n->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    uv_close(&n->uv.handle, on_handle_closed);
}

// --- to worker 0 ------------------------------------------------------------------------------

static void keep_client(struct workers *workers, struct listener *listener) {
    struct server *main = workers->all[0];
    struct client *c = client_new(&main->clients, listener_is_unix(listener));
    if (!accept_client(workers, listener, &c->stream.uv.stream)) {
        client_close(c);
        return;
    }
    main->context.stats.accepted++;
    client_start(c);
}

void handover_client(void *owner, struct listener *listener) {
    struct workers *workers = owner;
    struct server *to = workers->all[workers->next];
    workers->next = (workers->next + 1) % workers->count;
    atomic_fetch_add(&workers->clients, 1); // which the client's end will take back
    if (to == workers->all[0])
        keep_client(workers, listener);
    else
        give_client(workers, listener, to);
}
