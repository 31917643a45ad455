#include "url.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>

#include "mem.h"
#include "number.h"

enum { REDIS_PORT = 6379 };

// --- pieces -----------------------------------------------------------------------------------

// Cuts `s` at the first `mark`: *s keeps what stands before it, the result is what follows.
// Without a mark *s stays whole and the result has no data.
static struct slice cut(struct slice *s, char mark) {
    const char *at = s->len > 0 ? memchr(s->data, mark, s->len) : NULL;
    if (!at)
        return (struct slice){0};
    struct slice rest = {at + 1, s->len - (size_t)(at + 1 - s->data)};
    s->len = (size_t)(at - s->data);
    return rest;
}

// A copy with %XX decoded (RFC 3986, section 2.1); NULL when an escape is broken or hides a NUL.
static char *decode(struct slice s) {
    char *text = mem_text_of(s.data ? s.data : "", s.len), *to = text;
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] != '%') {
            *to++ = s.data[i];
            continue;
        }
        int high = i + 2 < s.len ? number_hex_digit(s.data[i + 1]) : -1;
        int low = i + 2 < s.len ? number_hex_digit(s.data[i + 2]) : -1;
        if (high < 0 || low < 0 || (high == 0 && low == 0)) {
            mem_free(text);
            return NULL;
        }
        *to++ = (char)(high << 4 | low);
        i += 2;
    }
    *to = '\0';
    return text;
}

static const char *parse_number(struct slice s, int64_t most, int *number, const char *error) {
    int64_t value;
    if (!number_parse_int(s, &value) || value < 0 || value > most)
        return error;
    *number = (int)value;
    return NULL;
}

static const char *parse_db(struct slice s, int *db) {
    return parse_number(s, 1 << 20, db, "the database must be a whole number");
}

// HOST[:PORT] or [V6][:PORT]; *port is left alone when there is none.
static const char *parse_host(struct slice s, char **host, int *port) {
    struct slice name = s, rest;
    if (s.len > 0 && *s.data == '[') {
        name = (struct slice){s.data + 1, s.len - 1};
        rest = cut(&name, ']');
        if (!rest.data || (rest.len > 0 && *rest.data != ':'))
            return "an IPv6 address must stand in brackets, as [::1]:6379";
        rest = rest.len > 0 ? (struct slice){rest.data + 1, rest.len - 1} : (struct slice){0};
    } else {
        rest = cut(&name, ':');
        if (rest.data && memchr(rest.data, ':', rest.len))
            return "an IPv6 address must stand in brackets, as [::1]:6379";
    }
    if (rest.data) {
        const char *error = parse_number(rest, 65535, port, "the port must be 0 to 65535");
        if (error)
            return error;
    }
    *host = mem_text_of(name.data, name.len);
    return NULL;
}

static const char *parse_path(struct slice s, char **path) {
    if (s.len == 0 || *s.data != '/')
        return "a Unix socket needs an absolute path, as unix:/run/redis/redis.sock";
    if (s.len > ADDRESS_LONGEST_PATH)
        return "the path of a Unix socket can be 107 bytes long at most";
    *path = mem_text_of(s.data, s.len);
    return NULL;
}

// --- backends ---------------------------------------------------------------------------------

static const char *replace_decoded(char **field, struct slice value) {
    mem_free(*field);
    *field = decode(value);
    return *field ? NULL : "a bad % escape";
}

// Redis 7.0: redis.io, "Key eviction". A wrong one would keep redis-server from starting.
static bool is_eviction_policy(struct slice value) {
    static const char *const names[] = {"allkeys-lru",  "allkeys-lfu",  "allkeys-random",
                                        "volatile-lru", "volatile-lfu", "volatile-random",
                                        "volatile-ttl", "noeviction"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (slice_equal(value, slice_of(names[i])))
            return true;
    return false;
}

static const char *parse_parameter(struct slice name, struct slice value, struct url *url) {
    if (url->kind != URL_EMBEDDED && slice_equal(name, SLICE("db")))
        return parse_db(value, &url->db);
    if (url->kind != URL_EMBEDDED && slice_equal(name, SLICE("user")))
        return replace_decoded(&url->user, value);
    if (url->kind != URL_EMBEDDED && slice_equal(name, SLICE("password")))
        return replace_decoded(&url->password, value);
    if (url->kind == URL_EMBEDDED && slice_equal(name, SLICE("maxmemory"))) {
        int64_t size;
        return number_parse_size(value, &size) ? replace_decoded(&url->maxmemory, value)
                                               : "maxmemory must be a size, as 64mb";
    }
    if (url->kind == URL_EMBEDDED &&
        (slice_equal(name, SLICE("policy")) || slice_equal(name, SLICE("maxmemory-policy"))))
        return is_eviction_policy(value) ? replace_decoded(&url->policy, value)
                                         : "policy must be one of Redis's maxmemory-policy, as "
                                           "allkeys-lru or noeviction";
    return url->kind == URL_EMBEDDED ? "unknown parameter: an embedded backend takes maxmemory "
                                       "and policy"
                                     : "unknown parameter: a backend takes db, user and password";
}

static const char *parse_query(struct slice query, struct url *url) {
    const char *error = NULL;
    while (query.len > 0 && !error) {
        struct slice name = query, rest = cut(&name, '&'), value = cut(&name, '=');
        error = parse_parameter(name, value, url);
        query = rest;
    }
    return error;
}

// [USER[:PASSWORD]@]HOST[:PORT][/DB]
static const char *parse_authority(struct slice s, struct url *url) {
    const char *error = NULL, *at = NULL;
    struct slice authority = s, db = cut(&authority, '/');
    for (size_t i = 0; i < authority.len; i++)
        if (authority.data[i] == '@')
            at = authority.data + i;
    if (at) {
        struct slice user = {authority.data, (size_t)(at - authority.data)};
        struct slice password = cut(&user, ':');
        if (user.len > 0)
            error = replace_decoded(&url->user, user);
        if (!error && password.len > 0)
            error = replace_decoded(&url->password, password);
        authority = (struct slice){at + 1, authority.len - (size_t)(at + 1 - authority.data)};
    }
    if (!error)
        error = parse_host(authority, &url->host, &url->port);
    if (!error && *url->host == '\0') {
        mem_free(url->host);
        url->host = mem_text("localhost");
    }
    return !error && db.len > 0 ? parse_db(db, &url->db) : error;
}

static const char *parse_scheme(struct slice text, struct url *url, struct slice *rest) {
    struct slice scheme = text;
    *rest = cut(&scheme, ':');
    bool has_slashes = slice_begins(*rest, SLICE("//"));
    // The seed library's DSNs name a class: caches.interface.Redis://…
    bool is_class = has_slashes && scheme.len > 0 && memchr(scheme.data, '.', scheme.len);
    if (slice_equal(scheme, SLICE("redis")) || is_class)
        url->kind = URL_TCP;
    else if (slice_equal(scheme, SLICE("unix")))
        url->kind = URL_UNIX;
    else if (slice_equal(scheme, SLICE("embedded")))
        url->kind = URL_EMBEDDED;
    else if (slice_equal(scheme, SLICE("rediss")) || slice_equal(scheme, SLICE("redis+cluster")) ||
             slice_equal(scheme, SLICE("redis+sentinel")))
        return "rediss://, redis+cluster:// and redis+sentinel:// are reserved, and not "
               "supported yet";
    else
        return "use redis://HOST:PORT/DB, unix:/PATH or embedded:";
    if (url->kind == URL_TCP && !has_slashes)
        return "use redis://HOST:PORT/DB";
    if (has_slashes)
        *rest = (struct slice){rest->data + 2, rest->len - 2};
    return NULL;
}

const char *url_parse(struct slice text, struct url *url) {
    struct slice rest;
    *url = (struct url){.port = REDIS_PORT};
    const char *error = parse_scheme(text, url, &rest);
    if (!error) {
        struct slice fragment = cut(&rest, '#'), query = cut(&rest, '?');
        if (fragment.len > 0)
            error = replace_decoded(&url->fragment, fragment);
        if (!error && url->kind == URL_TCP)
            error = parse_authority(rest, url);
        else if (!error && url->kind == URL_UNIX)
            error = parse_path(rest, &url->path);
        else if (!error && rest.len > 0)
            error = "an embedded backend has no address: use embedded:?maxmemory=64mb";
        if (!error)
            error = parse_query(query, url);
    }
    if (error)
        url_deinit(url);
    return error;
}

void url_deinit(struct url *url) {
    mem_free(url->host);
    mem_free(url->path);
    mem_free(url->user);
    mem_free(url->password);
    mem_free(url->maxmemory);
    mem_free(url->policy);
    mem_free(url->fragment);
    *url = (struct url){0};
}

static void append_host(struct bytes *out, const char *host, int port) {
    bool is_v6 = strchr(host, ':');
    bytes_printf(out, "%s%s%s:%d", is_v6 ? "[" : "", host, is_v6 ? "]" : "", port);
}

void url_append_shown(struct bytes *out, const struct url *url) {
    if (url->kind == URL_EMBEDDED) {
        bytes_append_literal(out, "embedded:");
    } else if (url->kind == URL_UNIX) {
        bytes_printf(out, "unix:%s?db=%d", url->path, url->db);
    } else {
        bytes_append_literal(out, "redis://");
        append_host(out, url->host, url->port);
        bytes_printf(out, "/%d", url->db);
    }
}

// --- listeners --------------------------------------------------------------------------------

const char *address_parse(struct slice text, struct address *address) {
    *address = (struct address){0};
    if (slice_equal(text, SLICE("systemd"))) {
        address->kind = ADDRESS_SYSTEMD;
        return NULL;
    }
    struct slice rest = cut(&text, ':');
    if (slice_equal(text, SLICE("unix"))) {
        address->kind = ADDRESS_UNIX;
        return parse_path(rest, &address->path);
    }
    if (!slice_equal(text, SLICE("tcp")))
        return "use unix:/PATH, tcp:HOST:PORT, tcp:[V6]:PORT or systemd";
    address->kind = ADDRESS_TCP;
    address->port = -1;
    const char *error = parse_host(rest, &address->host, &address->port);
    if (!error && (*address->host == '\0' || address->port < 0)) {
        address_deinit(address);
        return "use tcp:HOST:PORT or tcp:[V6]:PORT";
    }
    return error;
}

void address_deinit(struct address *address) {
    mem_free(address->path);
    mem_free(address->host);
    *address = (struct address){0};
}

void address_append(struct bytes *out, const struct address *address) {
    if (address->kind == ADDRESS_UNIX) {
        bytes_printf(out, "unix:%s", address->path);
    } else if (address->kind == ADDRESS_TCP) {
        bytes_append_literal(out, "tcp:");
        append_host(out, address->host, address->port);
    } else {
        bytes_append_literal(out, "systemd");
        if (address->port > 0)
            bytes_printf(out, ":%d", address->port);
    }
}

const char *address_resolve(struct address *address) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found;
    char port[16];
    if (address->kind != ADDRESS_TCP)
        return NULL;
    snprintf(port, sizeof(port), "%d", address->port);
    int error = getaddrinfo(address->host, port, &hints, &found);
    if (error)
        return gai_strerror(error);
    memcpy(&address->socket, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return NULL;
}

void address_copy(struct address *to, const struct address *from) {
    *to = *from;
    to->path = from->path ? mem_text(from->path) : NULL;
    to->host = from->host ? mem_text(from->host) : NULL;
}

static bool is_same_text(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool address_is_same(const struct address *a, const struct address *b) {
    return a->kind == b->kind && is_same_text(a->path, b->path) && is_same_text(a->host, b->host) &&
           a->port == b->port;
}

bool url_is_same(const struct url *a, const struct url *b) {
    return a->kind == b->kind && is_same_text(a->host, b->host) && a->port == b->port &&
           is_same_text(a->path, b->path) && is_same_text(a->user, b->user) &&
           is_same_text(a->password, b->password) && a->db == b->db &&
           is_same_text(a->maxmemory, b->maxmemory) && is_same_text(a->policy, b->policy);
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
