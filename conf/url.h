// Url: where a backend is.
#pragma once

#include "protocol/bytes.h"

enum url_kind { URL_TCP, URL_UNIX, URL_EMBEDDED };

// redis://[USER[:PASSWORD]@]HOST[:PORT][/DB]
// unix:PATH[?db=N&user=NAME&password=SECRET]
// embedded:[?maxmemory=SIZE&policy=NAME]
struct url {
    enum url_kind kind;
    char *host; // URL_TCP: a name or an address, without the brackets of IPv6
    int port;
    char *path;     // URL_UNIX
    char *user;     // NULL: none
    char *password; // NULL: none; empty only beside a user, who has none then
    int db;
    char *maxmemory; // URL_EMBEDDED: as redis-server takes it
    char *policy;
    char *fragment; // behind '#': a DSN's name; NULL: none
};

// Returns NULL and fills *url, or says what is wrong; *url then holds nothing.
const char *url_parse(struct slice text, struct url *url) __attribute__((warn_unused_result));
void url_deinit(struct url *url);

// The fault of a user without a password, where no other place names one; NULL: there is none.
const char *url_check_user(const struct url *url) __attribute__((warn_unused_result));

// The URL without its secrets, for logs and lists.
void url_append_shown(struct bytes *out, const struct url *url);

bool url_is_same(const struct url *a, const struct url *b);
