#include "daemon/http/visitor.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "conf/sections.h"
#include "daemon/daemon.h"
#include "daemon/loop/complaint.h"
#include "daemon/loop/log.h"
#include "daemon/loop/log_event.h"
#include "daemon/policy/guesses.h"
#include "daemon/workers.h"
#include "protocol/bytes.h"

void visitor_init(struct visitor *v, struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    int fd = info ? info->connect_fd : -1;
    socklen_t len = sizeof(v->address), local_len = sizeof(v->local);
    *v = (struct visitor){0};
    if (getsockname(fd, (struct sockaddr *)&v->local, &local_len) == 0 &&
        v->local.ss_family == AF_UNIX) {
        identity_init_peer(&v->identity, fd);
        v->identity.is_local = true;
        v->address.ss_family = AF_UNIX;
        v->peer_len = peer_write_uid(v->peer, v->identity.uid);
    } else if (getpeername(fd, (struct sockaddr *)&v->address, &len) == 0) {
        v->identity.is_local = peer_is_loopback(&v->address);
        v->peer_len = peer_write(v->peer, &v->address);
    }
}

void visitor_deinit(struct visitor *v) {
    identity_deinit(&v->identity);
    credentials_deinit(&v->credentials);
}

enum visitor_standing visitor_identify(struct visitor *v, const struct settings *settings,
                                       const char *header) {
    identity_identify(&v->identity, settings);
    if (v->identity.is_trusted)
        return VISITOR_KNOWN;
    if (!header)
        return identity_is_known(&v->identity) ? VISITOR_KNOWN : VISITOR_UNKNOWN;
    return credentials_read(header, &v->credentials) ? VISITOR_HAS_TOKEN : VISITOR_BAD_HEADER;
}

static struct slice peer_of(const struct visitor *v) {
    return (struct slice){v->peer, v->peer_len};
}

// Tokens without a name are counted together, as those of a user whose name is empty.
int64_t visitor_wait_ms(const struct visitor *v, struct desk *desk) {
    return guesses_wait_ms(desk->daemon->workers.shared.guesses, peer_of(v), v->credentials.user,
                           desk_now());
}

// A token without a name may be any user's.
static bool authenticate(struct visitor *v, const struct settings *settings) {
    const struct credentials *c = &v->credentials;
    if (c->has_user)
        return identity_authenticate(&v->identity, settings, c->user, c->token);
    for (size_t i = 0; i < settings->user_count; i++)
        if (identity_authenticate(&v->identity, settings, slice_of(settings->users[i].name),
                                  c->token))
            return true;
    return false;
}

static void append_address(struct bytes *text, const struct visitor *v) {
    char number[INET6_ADDRSTRLEN] = "?";
    const void *at = v->address.ss_family == AF_INET6
                         ? (const void *)&((const struct sockaddr_in6 *)&v->address)->sin6_addr
                         : (const void *)&((const struct sockaddr_in *)&v->address)->sin_addr;
    if (v->address.ss_family == AF_UNIX)
        bytes_printf(text, "uid %u", (unsigned)v->identity.uid);
    else if (inet_ntop(v->address.ss_family, at, number, sizeof(number)))
        bytes_printf(text, "%s", number);
}

static void complain(const struct visitor *v, struct desk *desk) {
    struct log log = desk_log(desk);
    struct bytes peer = {0}, user = {0};
    append_address(&peer, v);
    if (v->credentials.has_user)
        bytes_append_readable(&user, v->credentials.user, 64);
    complaints_add(desk->daemon->workers.shared.about_clients, &log, desk_now(),
                   LOG_HTTP_WRONG_TOKEN,
                   &LOG_VALUES(log_slice(FIELD_PEER, bytes_slice(&peer)),
                               log_slice(FIELD_USER, bytes_slice(&user))));
    bytes_deinit(&peer);
    bytes_deinit(&user);
}

// A right token without a name takes no wrong one back: else whoever has one could guess others'
// as fast as they like.
bool visitor_try(struct visitor *v, struct desk *desk, const struct settings *settings) {
    bool is_right = authenticate(v, settings);
    if (!is_right || v->credentials.has_user)
        guesses_note(desk->daemon->workers.shared.guesses, peer_of(v), v->credentials.user,
                     is_right, desk_now());
    if (!is_right)
        complain(v, desk);
    return is_right;
}
