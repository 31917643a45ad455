#include "daemon/policy/peer.h"

#include <netinet/in.h>
#include <string.h>

bool peer_is_loopback(const struct sockaddr_storage *address) {
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
    if (address->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        return v6->sin6_addr.s6_addr[12] == 127;
    return address->ss_family == AF_INET6 ? IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr)
                                          : ntohl(v4->sin_addr.s_addr) >> 24 == 127;
}

static size_t write_kind(char *peer, char kind, const void *address, size_t len) {
    peer[0] = kind;
    memcpy(peer + 1, address, len);
    return 1 + len;
}

size_t peer_write(char *peer, const struct sockaddr_storage *address) {
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
    if (address->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        return write_kind(peer, '4', v6->sin6_addr.s6_addr + 12, 4);
    if (address->ss_family == AF_INET6) // a host with one address has all of its /64
        return write_kind(peer, '6', v6->sin6_addr.s6_addr, 8);
    return write_kind(peer, '4', &v4->sin_addr, 4);
}

size_t peer_write_uid(char *peer, uid_t uid) { return write_kind(peer, 'u', &uid, sizeof(uid)); }
