// Url: where a backend is, and where the daemon listens.
#pragma once

#include <sys/socket.h>

#include "bytes.h"

enum url_kind { URL_TCP, URL_UNIX, URL_EMBEDDED };

// redis://[USER[:PASSWORD]@]HOST[:PORT][/DB]
// unix:PATH[?db=N&user=NAME&password=SECRET]
// embedded:[?maxmemory=SIZE&policy=NAME]
struct url {
    enum url_kind kind;
    char *host; // URL_TCP: a name or an address, without the brackets of IPv6
    int port;
    char *path; // URL_UNIX
    char *user; // NULL: none
    char *password;
    int db;
    char *maxmemory; // URL_EMBEDDED: as redis-server takes it
    char *policy;
    char *fragment; // behind '#': a DSN's name; NULL: none
};

// Returns NULL and fills *url, or says what is wrong; *url then holds nothing.
const char *url_parse(struct slice text, struct url *url);
void url_deinit(struct url *url);

// The URL without its secrets, for logs and lists.
void url_append_shown(struct bytes *out, const struct url *url);

enum { ADDRESS_LONGEST_PATH = 107 }; // sun_path holds 108 bytes with its end

enum address_kind { ADDRESS_UNIX, ADDRESS_TCP, ADDRESS_SYSTEMD };

// unix:PATH | tcp:HOST:PORT | tcp:[V6]:PORT | systemd
struct address {
    enum address_kind kind;
    char *path;                     // ADDRESS_UNIX
    char *host;                     // ADDRESS_TCP
    int port;                       // ADDRESS_SYSTEMD: the descriptor, once known
    struct sockaddr_storage socket; // once resolved
    int line;                       // of the configuration; 0: built in
};

// Returns NULL and fills *address, or says what is wrong.
const char *address_parse(struct slice text, struct address *address);
// Finds the numbers of its host. Returns NULL, or why not. Blocks on the resolver.
const char *address_resolve(struct address *address);
void address_copy(struct address *to, const struct address *from);
bool address_is_same(const struct address *a, const struct address *b);
void address_deinit(struct address *address);
void address_append(struct bytes *out, const struct address *address);
bool url_is_same(const struct url *a, const struct url *b);

// True when only this machine can reach it; once resolved.
bool address_is_local(const struct address *address);
