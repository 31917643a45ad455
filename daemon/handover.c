#include "daemon/handover.h"

#include <assert.h>
#include <fcntl.h>
#include <unistd.h>

#include "conf/tls_context.h"
#include "daemon/descriptors.h"
#include "daemon/front/client.h"
#include "daemon/front/listener.h"
#include "daemon/loop/mailbox.h"
#include "daemon/policy/stats.h"
#include "daemon/worker.h"
#include "daemon/workers.h"
#include "protocol/mem.h"

// Accepts the client, which is counted already, into `stream`. Returns false when the client has
// gone, or was turned away: then the caller closes the stream.
static bool accept_client(struct workers *workers, struct listener *listener, uv_stream_t *stream) {
    struct daemon_stats *stats = &workers->all[0]->context.stats;
    const char *why = NULL;
    if (uv_accept(&listener->uv.stream, stream) != 0)
        return false;
    if (atomic_load(&workers->shared.clients) > stats->max_clients)
        why = "max_clients are connected";
    else if (descriptors_are_few(stream))
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
    struct workers *workers;
    size_t to; // the number of the worker that gets it
    const struct dialect *dialect;
    char *section; // of the listener; NULL: [cachesd]
    int fd;
    bool is_unix;
    struct tls_server *tls; // NULL: it comes without TLS
};

enum { MOST_HANDSHAKES = 64 }; // that are under way, of all workers

// The client's worker may not know the settings of the listener yet.
static struct tls_server *tls_of(const struct workers *workers, const struct listener *listener) {
    struct tls_server *tls = workers->all[0]->context.policy->settings->daemon.tls;
    assert(tls || !listener->address.is_tls);
    return listener->address.is_tls ? tls : NULL;
}

static void free_newcomer(struct newcomer *n) {
    tls_server_unref(n->tls);
    mem_free(n->section);
    mem_free(n);
}

// Frees a newcomer of which no client has become.
static void give_up(struct newcomer *n, struct worker_shared *shared) {
    if (n->fd >= 0)
        close(n->fd);
    if (n->tls)
        atomic_fetch_sub(&shared->handshakes, 1);
    atomic_fetch_sub(&shared->clients, 1);
    free_newcomer(n);
}

static void run_newcomer(struct message *message, void *owner) {
    struct worker *worker = owner;
    struct newcomer *n = (struct newcomer *)message;
    if (worker->is_closed) {
        give_up(n, worker->shared);
        return;
    }
    client_adopt(&worker->clients, n->dialect, n->section, n->fd, n->is_unix, n->tls);
    free_newcomer(n);
}

// Returns false when the worker has ended.
static bool post_newcomer(struct newcomer *n) {
    n->message.run = run_newcomer;
    return n->to < n->workers->count && mailbox_post(&n->workers->all[n->to]->mailbox, &n->message);
}

// libuv has closed its descriptor; `fd`, a copy, goes to the worker.
static void on_handle_closed(uv_handle_t *handle) {
    struct newcomer *n = handle->data;
    if (n->fd < 0 || !post_newcomer(n))
        give_up(n, &n->workers->shared);
}

static void give_client(struct workers *workers, struct listener *listener, size_t to) {
    uv_loop_t *loop = listener->uv.handle.loop;
    struct newcomer *n = mem_new(sizeof(*n));
    int fd;
    n->workers = workers;
    n->to = to;
    n->fd = -1;
    n->dialect = listener->dialect;
    n->section = listener->section ? mem_text(listener->section) : NULL;
    n->is_unix = listener_is_unix(listener);
    n->tls = tls_server_ref(tls_of(workers, listener));
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
    struct worker *main = workers->all[0];
    struct client *c = client_new(&main->clients, listener->dialect, listener->section,
                                  listener_is_unix(listener));
    struct tls_server *tls = tls_of(workers, listener);
    if (!accept_client(workers, listener, &c->stream.uv.stream)) {
        if (tls)
            atomic_fetch_sub(&workers->shared.handshakes, 1);
        client_close(c, CLOSED_GONE);
        return;
    }
    client_start(c, tls);
}

void handover_client(void *owner, struct listener *listener) {
    struct workers *workers = owner;
    size_t to = workers->next;
    bool is_tls = listener->address.is_tls;
    bool has_turn = !is_tls || atomic_load(&workers->shared.handshakes) < MOST_HANDSHAKES;
    // Its worker must know the section.
    bool is_known = !listener->section || !workers->settings.is_under_way;
    if (!has_turn || !is_known) {
        listener_wait(listener);
        return;
    }
    workers->next = (to + 1) % workers->count;
    atomic_fetch_add(&workers->shared.clients, 1); // taken back when the client ends
    if (is_tls)
        atomic_fetch_add(&workers->shared.handshakes, 1); // taken back when its handshake is over
    if (to == 0)
        keep_client(workers, listener);
    else
        give_client(workers, listener, to);
}
