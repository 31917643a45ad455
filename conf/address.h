// Address: an address at which the daemon listens.
#pragma once

#include <sys/socket.h>

#include "conf/uri.h"
#include "protocol/bytes.h"

enum { ADDRESS_LONGEST_PATH = URI_LONGEST_PATH };

enum address_kind { ADDRESS_UNIX, ADDRESS_TCP, ADDRESS_SYSTEMD };

// unix:PATH | tcp:HOST:PORT | tcp:[V6]:PORT | systemd; tls: in place of tcp:
struct address {
    enum address_kind kind;
    char *path;                     // ADDRESS_UNIX
    char *host;                     // ADDRESS_TCP
    bool is_tls;                    // ADDRESS_TCP
    int port;                       // ADDRESS_SYSTEMD: the descriptor, once known
    struct sockaddr_storage socket; // ADDRESS_TCP: once resolved
    int line;                       // of the configuration; 0: built in
};

struct addresses {
    struct address *items;
    size_t count;
};

// Returns NULL and fills *address, or returns a text that says why the address is wrong.
const char *address_parse(struct slice text, struct address *address)
    __attribute__((warn_unused_result));

// Adds `from` to the list; a TCP name once for each number that the name has and this machine can
// listen at. Returns NULL, or a text that says why no number is known. Blocks on the resolver.
const char *address_resolve(const struct address *from, struct addresses *list);

void address_copy(struct address *to, const struct address *from);

// Returns whether both addresses mean the same socket. Resolved names are compared by number; TLS
// or not makes no other socket.
bool address_is_same(const struct address *a, const struct address *b);

// Appends a text that is the same for two addresses exactly when address_is_same() is true.
void address_append_key(struct bytes *out, const struct address *address);
void address_deinit(struct address *address);
void addresses_deinit(struct addresses *list);

// Appends the address as the configuration writes it, and the number of a resolved name after it:
// "tcp:localhost:1 (127.0.0.1)".
void address_append(struct bytes *out, const struct address *address);

// Returns whether only this machine can reach the address, which must be resolved.
bool address_is_local(const struct address *address);
