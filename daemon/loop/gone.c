#include "daemon/loop/gone.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

enum {
    PROBE_PAUSE_S = 10, // between unanswered probes
    PROBES = 3,
};

static bool is_tcp(const struct stream *s) { return s->uv.handle.type == UV_TCP; }

void gone_probe(const struct stream *s, int seconds) {
    int fd, on = 1, probes = PROBES;
    int pause = seconds < PROBE_PAUSE_S ? seconds : PROBE_PAUSE_S;
    if (!is_tcp(s) || uv_fileno(&s->uv.handle, &fd) != 0)
        return;
    // Should a call fail, the system's own times hold.
    (void)!setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    (void)!setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds));
    (void)!setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &pause, sizeof(pause));
    (void)!setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}

bool gone_is(const struct stream *s) {
    struct pollfd fd = {0};
    return uv_fileno(&s->uv.handle, &fd.fd) == 0 && poll(&fd, 1, 0) == 1 &&
           fd.revents & (POLLHUP | POLLERR);
}
