// Url: the URL of a backend.
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
    char *password; // NULL: none; empty only beside a user, who then has no password
    int db;
    char *maxmemory; // URL_EMBEDDED: as redis-server takes it
    char *policy;
    char *fragment; // the part after '#': a DSN's name; NULL: none
};

// Returns NULL and fills *url, or returns a text that says why the URL is wrong: then *url owns no
// memory.
const char *url_parse(struct slice text, struct url *url) __attribute__((warn_unused_result));
void url_deinit(struct url *url);

// Returns the fault of a URL whose user has no password, neither in the URL nor elsewhere; NULL
// when there is no fault.
const char *url_check_user(const struct url *url) __attribute__((warn_unused_result));

// Appends the URL without its secrets, for logs and lists.
void url_append_shown(struct bytes *out, const struct url *url);

bool url_is_same(const struct url *a, const struct url *b);
