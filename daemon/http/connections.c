#include "daemon/http/connections.h"

#include <sys/socket.h>

#include "daemon/http/desk.h"
#include "protocol/mem.h"

enum { REQUEST_MS = 15000, REPLY_MS = 60000 };

void connections_init(struct connections *all) {
    *all = (struct connections){0};
    uv_mutex_init(&all->lock);
}

void connections_deinit(struct connections *all) { uv_mutex_destroy(&all->lock); }

static int fd_of(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}

static void add(struct connections *all, int fd, void **context) {
    struct connection *c = mem_new(sizeof(*c));
    *c = (struct connection){.next = all->first, .fd = fd, .since_ms = desk_now()};
    all->first = c;
    *context = c;
}

static void take_out(struct connections *all, const struct connection *c) {
    struct connection **at = &all->first;
    while (*at && *at != c)
        at = &(*at)->next;
    if (*at)
        *at = c->next;
}

// The library calls this before it closes the descriptor, so that a listed one is always open.
void connections_notify(void *closure, struct MHD_Connection *connection, void **context,
                        enum MHD_ConnectionNotificationCode code) {
    struct connections *all = closure;
    uv_mutex_lock(&all->lock);
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        add(all, fd_of(connection), context);
    else
        take_out(all, *context);
    uv_mutex_unlock(&all->lock);
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        return;
    mem_free(*context);
    *context = NULL;
}

void connections_turn(struct connections *all, struct MHD_Connection *connection,
                      bool is_answered) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct connection *c = info ? info->socket_context : NULL;
    if (!c)
        return;
    uv_mutex_lock(&all->lock);
    c->is_answered = is_answered;
    c->since_ms = desk_now();
    uv_mutex_unlock(&all->lock);
}

// The library sees the end as if the peer had closed it, and frees what there is.
void connections_sweep(struct connections *all) {
    uint64_t now_ms = desk_now();
    uv_mutex_lock(&all->lock);
    for (struct connection *c = all->first; c; c = c->next)
        if (now_ms >= c->since_ms + (c->is_answered ? REPLY_MS : REQUEST_MS))
            shutdown(c->fd, SHUT_RDWR);
    uv_mutex_unlock(&all->lock);
}
