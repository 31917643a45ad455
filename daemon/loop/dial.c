#include "daemon/loop/dial.h"

#include <stdio.h>

#include "transport/tls.h"

static void on_shaken(void *context, const char *trouble) {
    struct dial *dial = context;
    int status = dial->stream->is_closing ? UV_ECANCELED : trouble ? UV_EPROTO : 0;
    dial->is_shaking = false;
    dial->on_done(dial, status, trouble);
}

static void on_connected(uv_connect_t *connect, int status) {
    struct dial *dial = connect->data;
    const struct endpoint *to = dial->to; // gone, perhaps, when the stream is closing
    if (status < 0 || dial->stream->is_closing || to->path || !to->tls || !*to->tls) {
        dial->on_done(dial, status, "can't connect");
        return;
    }
    dial->is_shaking = true;
    stream_start_tls(dial->stream, tls_new_client(*to->tls, to->host, to->session), on_shaken,
                     dial);
}

void dial_tell(char *reason, size_t size, int status, const char *what) {
    if (status >= 0)
        *reason = '\0';
    else if (status == UV_EPROTO) // from TLS, which says it all
        snprintf(reason, size, "%s", what);
    else
        snprintf(reason, size, "%s: %s", what, uv_strerror(status));
}

const char *dial_waits_for(const struct dial *dial) {
    if (dial->is_resolving)
        return dial->what;
    return dial->is_shaking
               ? "no TLS answer: is this a TLS port? (of a cluster: is tls-cluster yes?)"
               : "no connection in time";
}

static int connect_tcp(struct dial *dial, const struct sockaddr *address, const char **what) {
    *what = "can't connect";
    int error = uv_tcp_connect(&dial->connect, &dial->stream->uv.tcp, address, on_connected);
    if (!error) {
        uv_tcp_nodelay(&dial->stream->uv.tcp, 1);
        uv_tcp_keepalive(&dial->stream->uv.tcp, 1, 60);
    }
    return error;
}

// Each attempt takes the next of a name's addresses: "localhost" may be ::1 first, then 127.0.0.1.
static const struct sockaddr *pick_address(struct dial *dial, const struct addrinfo *found) {
    dial->addresses = 0;
    for (const struct addrinfo *a = found; a; a = a->ai_next)
        dial->addresses++;
    for (unsigned left = dial->attempt % dial->addresses; left > 0; left--)
        found = found->ai_next;
    return found->ai_addr;
}

static void on_resolved(uv_getaddrinfo_t *resolve, int status, struct addrinfo *found) {
    struct dial *dial = resolve->data;
    const char *what = dial->what;
    dial->is_resolving = false;
    if (dial->stream->is_closing)
        status = UV_ECANCELED;
    else if (status == 0)
        status = connect_tcp(dial, pick_address(dial, found), &what);
    uv_freeaddrinfo(found);
    if (status < 0)
        dial->on_done(dial, status, what);
}

static int resolve(struct dial *dial, struct loop *loop, const struct endpoint *to,
                   const char **what) {
    char port[16];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (uv_ip4_addr(to->host, to->port, &v4) == 0)
        return connect_tcp(dial, (const struct sockaddr *)&v4, what);
    if (uv_ip6_addr(to->host, to->port, &v6) == 0)
        return connect_tcp(dial, (const struct sockaddr *)&v6, what);
    snprintf(dial->what, sizeof(dial->what), "can't resolve the name %.50s", to->host);
    *what = dial->what;
    snprintf(port, sizeof(port), "%d", to->port);
    int error = uv_getaddrinfo(&loop->uv, &dial->resolve, on_resolved, to->host, port, &hints);
    dial->is_resolving = error == 0;
    return error;
}

int dial_start(struct dial *dial, struct loop *loop, struct stream *stream,
               const struct stream_events *events, const struct endpoint *to, unsigned attempt,
               dial_done *on_done, const char **what) {
    dial->stream = stream;
    dial->to = to;
    dial->is_shaking = dial->is_resolving = false;
    dial->addresses = 0;
    dial->attempt = attempt;
    dial->on_done = on_done;
    dial->resolve.data = dial->connect.data = dial;
    if (!to->path) {
        stream_init_tcp(stream, &loop->uv, &loop->flusher, events);
        return to->peer ? connect_tcp(dial, (const struct sockaddr *)to->peer, what)
                        : resolve(dial, loop, to, what);
    }
    stream_init_unix(stream, &loop->uv, &loop->flusher, events);
    uv_pipe_connect(&dial->connect, &stream->uv.pipe, to->path, on_connected);
    return 0;
}

// uv_cancel() refuses a request that is not under way: then there is nothing to give up.
void dial_cancel(struct dial *dial) {
    if (dial->resolve.type == UV_GETADDRINFO)
        uv_cancel((uv_req_t *)&dial->resolve);
}

bool dial_write_auth(struct command *command, const struct url *url, const struct endpoint *to) {
    const char *password = to->password && *to->password ? *to->password : url->password;
    if (!password)
        return false;
    command_begin(command, SLICE("AUTH"), url->user ? 3 : 2);
    if (url->user)
        command_word(command, slice_of(url->user));
    command_word(command, slice_of(password));
    return true;
}

void dial_write_name(struct command *command, struct slice name) {
    command_begin(command, SLICE("CLIENT"), 3);
    command_word(command, SLICE("SETNAME"));
    command_word(command, name);
}
