#include "gone.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "context.h"

enum {
    PROBE_ENDED_S = 5,
    PROBE_PAUSE_S = 10, // between probes that are not answered
    PROBES = 3,
    AT_ONCE = 256, // looked at in one call
};

static bool is_tcp(const struct client *c) { return c->stream.uv.handle.type == UV_TCP; }

void gone_probe(const struct client *c, int seconds) {
    int fd, on = 1, probes = PROBES;
    int pause = seconds < PROBE_PAUSE_S ? seconds : PROBE_PAUSE_S;
    if (!is_tcp(c) || uv_fileno(&c->stream.uv.handle, &fd) != 0)
        return;
    // Should one fail, the system's own times hold.
    (void)!setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    (void)!setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds));
    (void)!setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &pause, sizeof(pause));
    (void)!setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}

bool gone_is(const struct client *c) {
    struct pollfd fd = {0};
    return uv_fileno(&c->stream.uv.handle, &fd.fd) == 0 && poll(&fd, 1, 0) == 1 &&
           fd.revents & (POLLHUP | POLLERR);
}

static void look(struct client *c, short events) {
    if (events & (POLLHUP | POLLERR)) {
        log_debug(&c->context->reactor.log, "client %s: has gone", c->address);
        client_close(c);
    } else if (events & POLLRDHUP && !c->is_half_closed) {
        c->is_half_closed = true;
        gone_probe(c, PROBE_ENDED_S);
    }
}

static void look_at(struct client *const *clients, struct pollfd *fds, nfds_t count) {
    if (count == 0 || poll(fds, count, 0) <= 0)
        return;
    for (nfds_t i = 0; i < count; i++)
        if (fds[i].revents)
            look(clients[i], fds[i].revents);
}

void gone_close_all(struct clients *all) {
    struct client *clients[AT_ONCE];
    struct pollfd fds[AT_ONCE];
    nfds_t count = 0;
    for (struct client *c = all->first; c; c = c->next) {
        struct pollfd fd = {.events = POLLRDHUP};
        if (c->stream.is_reading || c->state == CLIENT_CLOSED ||
            uv_fileno(&c->stream.uv.handle, &fd.fd) != 0)
            continue;
        clients[count] = c;
        fds[count++] = fd;
        if (count == AT_ONCE) {
            look_at(clients, fds, count);
            count = 0;
        }
    }
    look_at(clients, fds, count);
}
