#include "daemon/request/session.h"

#include <netinet/in.h>
#include <stdio.h>

#include "daemon/loop/complaint.h"
#include "daemon/loop/loop.h"
#include "daemon/request/context.h"
#include "protocol/mem.h"

enum { SHOWN_PEER = 60 };

// --- the peer ---------------------------------------------------------------------------------

static bool is_loopback(const struct sockaddr_storage *peer) {
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)peer;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)peer;
    if (peer->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        return v6->sin6_addr.s6_addr[12] == 127;
    return peer->ss_family == AF_INET6 ? IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr)
                                       : ntohl(v4->sin_addr.s_addr) >> 24 == 127;
}

static void note_peer(struct session *s, char kind, const void *address, size_t len) {
    s->peer[0] = kind;
    memcpy(s->peer + 1, address, len);
    s->peer_len = 1 + len;
}

static void note_internet_peer(struct session *s, const struct sockaddr_storage *peer) {
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)peer;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)peer;
    if (peer->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        note_peer(s, '4', v6->sin6_addr.s6_addr + 12, 4);
    else if (peer->ss_family == AF_INET6) // a host with one address has all of its /64
        note_peer(s, '6', v6->sin6_addr.s6_addr, 8);
    else
        note_peer(s, '4', &v4->sin_addr, 4);
}

void session_init_peer(struct session *s, const struct stream *stream) {
    struct sockaddr_storage peer;
    int len = sizeof(peer), fd;
    char host[46] = "?";
    int port = 0;
    if (stream->uv.handle.type == UV_NAMED_PIPE) {
        if (uv_fileno(&stream->uv.handle, &fd) == 0)
            identity_init_peer(&s->identity, fd);
        s->identity.is_local = true;
        note_peer(s, 'u', &s->identity.uid, sizeof(s->identity.uid));
        snprintf(s->address, sizeof(s->address), "unix:pid=%d,uid=%u", (int)s->identity.pid,
                 (unsigned)s->identity.uid);
        return;
    }
    if (uv_tcp_getpeername(&stream->uv.tcp, (struct sockaddr *)&peer, &len) == 0) {
        uv_ip_name((struct sockaddr *)&peer, host, sizeof(host));
        s->identity.is_local = is_loopback(&peer);
        note_internet_peer(s, &peer);
        port = ntohs(peer.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&peer)->sin6_port
                                                : ((struct sockaddr_in *)&peer)->sin_port);
    }
    snprintf(s->address, sizeof(s->address), "%s:%d", host, port);
}

void session_deinit(struct session *s) {
    identity_deinit(&s->identity);
    mem_free(s->name);
}

// --- log --------------------------------------------------------------------------------------

// Appends a name that stays the same however often the peer connects: "uid 33", or "10.0.0.7"
// without the port.
static void append_peer(struct bytes *text, const struct session *s) {
    const char *port = strrchr(s->address, ':');
    if (s->identity.has_peer)
        bytes_printf(text, "uid %u", (unsigned)s->identity.uid);
    else
        bytes_printf(text, "%.*s", port ? (int)(port - s->address) : SHOWN_PEER, s->address);
    bytes_append(text, "", 1); // the zero byte that ends a C string
}

void session_complain(const struct session *s, enum log_level level, const char *cause,
                      const char *detail) {
    const struct loop *loop = &s->context->loop;
    struct bytes subject = {0}, text = {0};
    if (level > loop->log.level)
        return;
    append_peer(&subject, s);
    bytes_printf(&text, "%s (client %s)", detail, s->address);
    complaints_add(s->context->about_clients, &loop->log, level, loop_now(loop), subject.data,
                   cause, bytes_slice(&text));
    bytes_deinit(&subject);
    bytes_deinit(&text);
}
