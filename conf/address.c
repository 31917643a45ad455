#include "conf/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

#include "protocol/mem.h"

const char *address_parse(struct slice text, struct address *address) {
    *address = (struct address){0};
    if (slice_equal(text, SLICE("systemd"))) {
        address->kind = ADDRESS_SYSTEMD;
        return NULL;
    }
    struct slice rest = uri_cut(&text, ':');
    if (slice_equal(text, SLICE("unix"))) {
        address->kind = ADDRESS_UNIX;
        return uri_read_path(rest, &address->path);
    }
    address->is_tls = slice_equal(text, SLICE("tls"));
    if (!address->is_tls && !slice_equal(text, SLICE("tcp")))
        return "an address begins with tcp:, tls: (for clients alone) or unix:, as in "
               "tcp:127.0.0.1:7379, tcp:[::1]:7379 and unix:/PATH; or it is the word systemd";
    address->kind = ADDRESS_TCP;
    address->port = -1;
    const char *error = uri_read_host(rest, &address->host, &address->port);
    if (!error && (*address->host == '\0' || address->port < 0)) {
        error = address->is_tls ? "use tls:HOST:PORT or tls:[V6]:PORT"
                                : "use tcp:HOST:PORT or tcp:[V6]:PORT";
        address_deinit(address);
    }
    return error;
}

void address_deinit(struct address *address) {
    mem_free(address->path);
    mem_free(address->host);
    *address = (struct address){0};
}

void addresses_deinit(struct addresses *list) {
    for (size_t i = 0; i < list->count; i++)
        address_deinit(&list->items[i]);
    mem_free(list->items);
    *list = (struct addresses){0};
}

void address_copy(struct address *to, const struct address *from) {
    *to = *from;
    to->path = from->path ? mem_text(from->path) : NULL;
    to->host = from->host ? mem_text(from->host) : NULL;
}

// --- numbers of a name ------------------------------------------------------------------------

// Returns whether an interface of this machine has that number now: "localhost" may stand for ::1
// on a machine without IPv6.
static bool is_here(const struct addrinfo *found) {
    struct sockaddr_storage any_port;
    memcpy(&any_port, found->ai_addr, found->ai_addrlen);
    if (found->ai_family == AF_INET6)
        ((struct sockaddr_in6 *)&any_port)->sin6_port = 0;
    else
        ((struct sockaddr_in *)&any_port)->sin_port = 0;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_good = fd >= 0 && bind(fd, (struct sockaddr *)&any_port, found->ai_addrlen) == 0;
    if (fd >= 0)
        close(fd);
    return is_good;
}

static bool is_in(const struct addresses *list, size_t from, const struct address *address) {
    for (size_t i = from; i < list->count; i++)
        if (address_is_same(&list->items[i], address))
            return true;
    return false;
}

static void add(struct addresses *list, const struct address *from, const struct addrinfo *found,
                size_t first) {
    struct address address;
    address_copy(&address, from);
    if (found)
        memcpy(&address.socket, found->ai_addr, found->ai_addrlen);
    if (is_in(list, first, &address)) { // /etc/hosts may have a number twice
        address_deinit(&address);
        return;
    }
    list->items = mem_grow(list->items, list->count, sizeof(*list->items));
    list->items[list->count++] = address;
}

const char *address_resolve(const struct address *from, struct addresses *list) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found;
    char port[16];
    size_t first = list->count;
    if (from->kind != ADDRESS_TCP) {
        add(list, from, NULL, first);
        return NULL;
    }
    snprintf(port, sizeof(port), "%d", from->port);
    int error = getaddrinfo(from->host, port, &hints, &found);
    if (error)
        return gai_strerror(error);
    for (struct addrinfo *one = found; one; one = one->ai_next)
        if (!found->ai_next || is_here(one))
            add(list, from, one, first);
    if (list->count == first) // listening at the first number will tell why it fails
        add(list, from, found, first);
    freeaddrinfo(found);
    return NULL;
}

// --- properties -------------------------------------------------------------------------------

// Returns the IP address in the socket; NULL when the address is not resolved.
static const void *number_of(const struct address *address) {
    switch (address->socket.ss_family) {
    case AF_INET: return &((const struct sockaddr_in *)&address->socket)->sin_addr;
    case AF_INET6: return &((const struct sockaddr_in6 *)&address->socket)->sin6_addr;
    default: return NULL;
    }
}

void address_append(struct bytes *out, const struct address *address) {
    char number[INET6_ADDRSTRLEN] = "";
    if (address->kind == ADDRESS_UNIX) {
        bytes_printf(out, "unix:%s", address->path);
    } else if (address->kind == ADDRESS_TCP) {
        bytes_append_slice(out, address->is_tls ? SLICE("tls:") : SLICE("tcp:"));
        uri_append_host(out, address->host, address->port);
        if (number_of(address))
            inet_ntop(address->socket.ss_family, number_of(address), number, sizeof(number));
        if (*number && strcmp(number, address->host) != 0)
            bytes_printf(out, " (%s)", number);
    } else {
        bytes_append_literal(out, "systemd");
        if (address->port > 0)
            bytes_printf(out, ":%d", address->port);
    }
}

void address_append_key(struct bytes *out, const struct address *address) {
    char number[INET6_ADDRSTRLEN] = "";
    if (address->kind != ADDRESS_TCP || !number_of(address)) {
        address_append(out, address);
        return;
    }
    inet_ntop(address->socket.ss_family, number_of(address), number, sizeof(number));
    bytes_printf(out, "%s %d", number, address->port);
    if (address->socket.ss_family == AF_INET6)
        bytes_printf(out, " %u", ((const struct sockaddr_in6 *)&address->socket)->sin6_scope_id);
}

bool address_is_same(const struct address *a, const struct address *b) {
    struct bytes left = {0}, right = {0};
    address_append_key(&left, a);
    address_append_key(&right, b);
    bool is_same = slice_equal(bytes_slice(&left), bytes_slice(&right));
    bytes_deinit(&left);
    bytes_deinit(&right);
    return is_same;
}

bool address_is_local(const struct address *address) {
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address->socket;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address->socket;
    if (address->socket.ss_family != AF_INET && address->socket.ss_family != AF_INET6)
        return true;
    if (address->socket.ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
    return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
}
