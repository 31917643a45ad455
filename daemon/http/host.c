#include "daemon/http/host.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "conf/address.h"
#include "conf/hosts.h"
#include "daemon/policy/peer.h"

enum { LONGEST_HOST = 255 };

// Cuts off the port, and the brackets of an IPv6 address.
static struct slice without_port(struct slice host) {
    const char *end = host.data + host.len;
    if (host.len > 0 && *host.data == '[') {
        const char *bracket = memchr(host.data, ']', host.len);
        return bracket ? (struct slice){host.data + 1, (size_t)(bracket - host.data - 1)} : host;
    }
    const char *colon = memchr(host.data, ':', host.len);
    return (struct slice){host.data, (size_t)((colon ? colon : end) - host.data)};
}

// Reads a number as an address of the internet. Returns false when the text is a name.
static bool read_number(const char *text, struct sockaddr_storage *to) {
    *to = (struct sockaddr_storage){.ss_family = AF_INET};
    if (inet_pton(AF_INET, text, &((struct sockaddr_in *)to)->sin_addr) == 1)
        return true;
    to->ss_family = AF_INET6;
    return inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)to)->sin6_addr) == 1;
}

static bool is_same_number(const struct sockaddr_storage *a, const struct sockaddr_storage *b) {
    if (a->ss_family != b->ss_family)
        return false;
    if (a->ss_family == AF_INET6)
        return IN6_ARE_ADDR_EQUAL(&((const struct sockaddr_in6 *)a)->sin6_addr,
                                  &((const struct sockaddr_in6 *)b)->sin6_addr);
    return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
           ((const struct sockaddr_in *)b)->sin_addr.s_addr;
}

static bool is_listed(struct slice host, const struct http_conf *conf) {
    for (size_t i = 0; i < conf->listens.count; i++) {
        const struct address *address = &conf->listens.items[i];
        if (address->kind == ADDRESS_TCP && slice_equal_nocase(host, slice_of(address->host)))
            return true;
    }
    return hosts_has(&conf->hosts, host);
}

bool host_is_ours(struct slice header, const struct http_conf *conf,
                  const struct sockaddr_storage *local) {
    struct slice host = without_port(header);
    struct sockaddr_storage number;
    char text[LONGEST_HOST + 1];
    if (host.len == 0 || host.len > LONGEST_HOST)
        return false;
    memcpy(text, host.data, host.len);
    text[host.len] = '\0';
    if (slice_equal_nocase(host, SLICE("localhost")) || is_listed(host, conf))
        return true;
    return read_number(text, &number) &&
           (peer_is_loopback(&number) || is_same_number(&number, local));
}
