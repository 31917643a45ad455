// Url: the URL of a backend.
#pragma once

#include "protocol/bytes.h"

enum url_kind { URL_TCP, URL_UNIX, URL_EMBEDDED, URL_CLUSTER, URL_SENTINEL };

struct url_host {
    char *host; // a name or an address, without the brackets of IPv6
    int port;
};

// redis://[USER[:PASSWORD]@]HOST[:PORT][/DB]
// redis+cluster://[USER[:PASSWORD]@]HOST[:PORT][,HOST[:PORT] ...]
// redis+sentinel://[USER[:PASSWORD]@]HOST[:PORT][,HOST[:PORT] ...]/MASTER[?db=N]
// rediss://, rediss+cluster:// and rediss+sentinel:// are the same over TLS.
// unix:PATH[?db=N&user=NAME&password=SECRET]
// embedded:[?maxmemory=SIZE&policy=NAME]
struct url {
    enum url_kind kind;
    bool is_tls;
    char *host; // URL_TCP: as in struct url_host
    int port;
    struct url_host *hosts; // URL_CLUSTER: some of its nodes; URL_SENTINEL: the sentinels
    size_t host_count;      // 1 at least for these kinds
    char *master;           // URL_SENTINEL: the name by which the sentinels know the master
    char *path;             // URL_UNIX
    char *user;             // NULL: none
    char *password;         // NULL: none; empty only beside a user, who then has no password
    int db;
    char *maxmemory; // URL_EMBEDDED: as redis-server takes it
    char *policy;
    char *fragment; // the part after '#': a DSN's name; NULL: none
};

// Returns NULL and fills *url, or returns a text that says why the URL is wrong: then *url owns no
// memory.
const char *url_parse(struct slice text, struct url *url) __attribute__((warn_unused_result));
void url_deinit(struct url *url);

// Reads HOST[:PORT] into *host, whose text the caller frees; without a port, host->port is 0.
// Returns NULL, or a text that says why it is wrong: then *host owns no memory.
const char *url_read_host(struct slice text, struct url_host *host)
    __attribute__((warn_unused_result));

bool url_is_same_host(const struct url_host *a, const struct url_host *b);

// Adds a further host to a URL of a cluster or of sentinels, and takes over its text. Port 0
// becomes the usual one. Returns false, and leaves the text to the caller, when the URL has that
// host already.
bool url_add_host(struct url *url, struct url_host *host) __attribute__((warn_unused_result));

// Returns whether the URL has `hosts`.
static inline bool url_has_hosts(const struct url *url) {
    return url->kind == URL_CLUSTER || url->kind == URL_SENTINEL;
}

// Returns the scheme with its slashes or colon, as redis+cluster://.
const char *url_scheme(const struct url *url);

// Returns the fault of a URL whose user has no password, neither in the URL nor elsewhere; NULL
// when there is no fault.
const char *url_check_user(const struct url *url) __attribute__((warn_unused_result));

// Appends the URL without its secrets, for logs and lists.
void url_append_shown(struct bytes *out, const struct url *url);

bool url_is_same(const struct url *a, const struct url *b);
bool url_is_same_but_password(const struct url *a, const struct url *b);
