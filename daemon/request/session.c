#include "daemon/request/session.h"

#include <netinet/in.h>
#include <stdio.h>

#include "daemon/loop/complaint.h"
#include "daemon/loop/log.h"
#include "daemon/loop/loop.h"
#include "daemon/request/context.h"
#include "protocol/mem.h"

enum { SHOWN_PEER = 60 };

// --- the peer ---------------------------------------------------------------------------------

void session_init_peer(struct session *s, const struct stream *stream) {
    struct sockaddr_storage peer;
    int len = sizeof(peer), fd;
    char host[46] = "?";
    int port = 0;
    if (stream->uv.handle.type == UV_NAMED_PIPE) {
        if (uv_fileno(&stream->uv.handle, &fd) == 0)
            identity_init_peer(&s->identity, fd);
        s->identity.is_local = true;
        s->peer_len = peer_write_uid(s->peer, s->identity.uid);
        snprintf(s->address, sizeof(s->address), "unix:pid=%d,uid=%u", (int)s->identity.pid,
                 (unsigned)s->identity.uid);
        return;
    }
    if (uv_tcp_getpeername(&stream->uv.tcp, (struct sockaddr *)&peer, &len) == 0) {
        uv_ip_name((struct sockaddr *)&peer, host, sizeof(host));
        s->identity.is_local = peer_is_loopback(&peer);
        s->peer_len = peer_write(s->peer, &peer);
        port = ntohs(peer.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&peer)->sin6_port
                                                : ((struct sockaddr_in *)&peer)->sin_port);
    }
    snprintf(s->address, sizeof(s->address), "%s:%d", host, port);
}

void session_deinit(struct session *s) {
    identity_deinit(&s->identity);
    mem_free(s->name);
    mem_free(s->listener);
}

bool session_is_name(struct slice name, size_t most) {
    if (name.len > most)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.data[i] <= ' ' || name.data[i] > '~')
            return false;
    return true;
}

void session_set_name(struct session *s, struct slice name) {
    mem_free(s->name);
    s->name = NULL;
    if (name.len > 0) {
        s->name = mem_new(name.len + 1);
        memcpy(s->name, name.data, name.len);
    }
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
}

void session_tell(const struct session *s, enum log_event event) {
    log_tell(&s->context->loop.log, event, log_text(FIELD_CLIENT, s->address));
}

const char *session_user(const struct session *s) {
    return s->identity.user ? s->identity.user->name : "none";
}

void session_complain(const struct session *s, enum log_event event, const char *user,
                      struct log_value more) {
    const struct loop *loop = &s->context->loop;
    struct bytes peer = {0};
    append_peer(&peer, s);
    complaints_add(s->context->about_clients, &loop->log, loop_now(loop), event,
                   &LOG_VALUES(log_slice(FIELD_PEER, bytes_slice(&peer)),
                               log_text(FIELD_CLIENT, s->address),
                               log_text(FIELD_USER, user ? user : session_user(s)), more));
    bytes_deinit(&peer);
}
