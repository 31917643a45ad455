#include "conf/url.h"

#include "conf/uri.h"
#include "protocol/mem.h"
#include "protocol/number.h"

enum { REDIS_PORT = 6379, SENTINEL_PORT = 26379, MOST_DB = 1 << 20, NONE = -1 };

struct scheme {
    const char *name; // up to the first colon
    enum url_kind kind;
    bool is_tls;
    const char *shown;
    const char *usage; // for URLs that lack the slashes
};

#define SERVER_USAGE   "use redis://HOST:PORT/DB"
#define CLUSTER_USAGE  "use redis+cluster://HOST:PORT,HOST:PORT"
#define SENTINEL_USAGE "use redis+sentinel://HOST:PORT,HOST:PORT/MASTER"

static const struct scheme schemes[] = {
    {"redis", URL_TCP, false, "redis://", SERVER_USAGE},
    {"rediss", URL_TCP, true, "rediss://", SERVER_USAGE},
    {"unix", URL_UNIX, false, "unix:", NULL},
    {"embedded", URL_EMBEDDED, false, "embedded:", NULL},
    {"redis+cluster", URL_CLUSTER, false, "redis+cluster://", CLUSTER_USAGE},
    {"rediss+cluster", URL_CLUSTER, true, "rediss+cluster://", CLUSTER_USAGE},
    {"redis+sentinel", URL_SENTINEL, false, "redis+sentinel://", SENTINEL_USAGE},
    {"rediss+sentinel", URL_SENTINEL, true, "rediss+sentinel://", SENTINEL_USAGE},
};
enum { SCHEMES = sizeof(schemes) / sizeof(*schemes) };

// The policies of Redis 7.0 (redis.io, "Key eviction"). With a wrong policy redis-server would not
// start.
static bool is_eviction_policy(struct slice value) {
    static const char *const names[] = {"allkeys-lru",  "allkeys-lfu",  "allkeys-random",
                                        "volatile-lru", "volatile-lfu", "volatile-random",
                                        "volatile-ttl", "noeviction"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (slice_equal(value, slice_of(names[i])))
            return true;
    return false;
}

static const char *parse_db(struct slice s, int *db) {
    int64_t value;
    if (*db != NONE)
        return "the database is given twice";
    if (!number_parse_int(s, &value) || value < 0 || value > MOST_DB)
        return "the database must be a whole number";
    *db = (int)value;
    return NULL;
}

static const char *parse_user(struct slice s, struct url *url) {
    if (url->user)
        return "the user is given twice";
    return s.len > 0 ? uri_read_text(s, &url->user) : "the user is empty";
}

static const char *parse_password(struct slice s, struct url *url) {
    return url->password ? "the password is given twice" : uri_read_text(s, &url->password);
}

static const char *parse_memory(struct slice value, struct url *url) {
    int64_t size;
    if (url->maxmemory)
        return "maxmemory is given twice";
    return number_parse_size(value, &size) ? uri_read_text(value, &url->maxmemory)
                                           : "maxmemory must be a size, as 64mb";
}

static const char *parse_policy(struct slice value, struct url *url) {
    if (url->policy)
        return "policy is given twice";
    return is_eviction_policy(value)
               ? uri_read_text(value, &url->policy)
               : "policy must be one of Redis's maxmemory-policy, as allkeys-lru or noeviction";
}

static const char *parse_parameter(struct slice name, struct slice value, struct url *url) {
    if (url->kind == URL_EMBEDDED) {
        if (slice_equal(name, SLICE("maxmemory")))
            return parse_memory(value, url);
        if (slice_equal(name, SLICE("policy")) || slice_equal(name, SLICE("maxmemory-policy")))
            return parse_policy(value, url);
        return "unknown parameter: an embedded backend takes maxmemory and policy";
    }
    if (slice_equal(name, SLICE("db")))
        return parse_db(value, &url->db);
    if (slice_equal(name, SLICE("user")))
        return parse_user(value, url);
    if (slice_equal(name, SLICE("password")))
        return parse_password(value, url);
    return "unknown parameter: a backend takes db, user and password";
}

static const char *parse_query(struct slice query, struct url *url) {
    const char *error = NULL;
    while (query.len > 0 && !error) {
        struct slice name = query, rest = uri_cut(&name, '&'), value = uri_cut(&name, '=');
        error = parse_parameter(name, value, url);
        query = rest;
    }
    return error;
}

// Reads USER, USER:PASSWORD or :PASSWORD. With a colon the password is given, but may be empty.
static const char *parse_credentials(struct slice user, struct url *url) {
    struct slice password = uri_cut(&user, ':');
    const char *error = user.len > 0 ? parse_user(user, url) : NULL;
    return !error && password.data ? parse_password(password, url) : error;
}

const char *url_read_host(struct slice text, struct url_host *host) {
    *host = (struct url_host){0};
    if (text.len == 0)
        return "a HOST is missing";
    const char *error = uri_read_host(text, &host->host, &host->port);
    if (!error && *host->host == '\0')
        error = "a HOST is missing";
    if (error) {
        mem_free(host->host);
        *host = (struct url_host){0};
    }
    return error;
}

bool url_is_same_host(const struct url_host *a, const struct url_host *b) {
    return a->port == b->port && strcmp(a->host, b->host) == 0;
}

bool url_add_host(struct url *url, struct url_host *host) {
    if (host->port == 0)
        host->port = url->kind == URL_SENTINEL ? SENTINEL_PORT : REDIS_PORT;
    for (size_t i = 0; i < url->host_count; i++)
        if (url_is_same_host(&url->hosts[i], host))
            return false;
    url->hosts = mem_grow(url->hosts, url->host_count, sizeof(*url->hosts));
    url->hosts[url->host_count++] = *host;
    return true;
}

// Reads HOST[:PORT],HOST[:PORT]...
static const char *parse_hosts(struct slice list, struct url *url) {
    const char *error = NULL;
    if (list.len == 0)
        list = SLICE("localhost");
    while (list.data && !error) {
        struct slice text = list, rest = uri_cut(&text, ',');
        struct url_host host;
        error = url_read_host(text, &host);
        if (!error && !url_add_host(url, &host)) {
            mem_free(host.host);
            error = "the same HOST:PORT is given twice";
        }
        list = rest;
    }
    return error;
}

static const char *parse_host(struct slice s, struct url *url) {
    if (s.len > 0 && memchr(s.data, ',', s.len))
        return "it can name one HOST:PORT: several are for redis+cluster://HOST:PORT,HOST:PORT or "
               "redis+sentinel://HOST:PORT,HOST:PORT/MASTER";
    const char *error = uri_read_host(s, &url->host, &url->port);
    if (!error && *url->host == '\0') {
        mem_free(url->host);
        url->host = mem_text("localhost");
    }
    return error;
}

// Reads [USER[:PASSWORD]@] and the host or the hosts.
static const char *parse_authority(struct slice s, struct url *url) {
    const char *error = NULL, *at = s.len > 0 ? memrchr(s.data, '@', s.len) : NULL;
    if (at) {
        error = parse_credentials((struct slice){s.data, (size_t)(at - s.data)}, url);
        s = (struct slice){at + 1, s.len - (size_t)(at + 1 - s.data)};
    }
    if (error)
        return error;
    return url_has_hosts(url) ? parse_hosts(s, url) : parse_host(s, url);
}

// The characters that Redis's sentinel.conf allows.
static bool is_master_name(struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        char lower = slice_lower(s.data[i]);
        if (!(lower >= 'a' && lower <= 'z') && !(lower >= '0' && lower <= '9') && lower != '.' &&
            lower != '-' && lower != '_')
            return false;
    }
    return s.len > 0;
}

static const char *parse_master(struct slice s, struct url *url) {
    if (s.len == 0)
        return "name the master as its sentinels do: redis+sentinel://HOST:PORT,HOST:PORT/MASTER";
    if (memchr(s.data, '/', s.len))
        return "the database stands behind the master: /MASTER?db=N";
    if (!is_master_name(s))
        return "the name of a master has A-Z a-z 0-9 . _ - alone";
    url->master = mem_text_of(s.data, s.len);
    return NULL;
}

// Reads the servers and what stands behind them, DB or MASTER, which are a part of the whole URL
// `text`.
static const char *parse_servers(struct slice s, struct slice text, struct url *url) {
    struct slice path = uri_cut(&s, '/');
    const char *error = parse_authority(s, url);
    if (!error && url->kind == URL_SENTINEL)
        error = parse_master(path, url);
    else if (!error && path.len > 0)
        error = parse_db(path, &url->db);
    if (error && !memchr(s.data, '@', s.len) && memchr(text.data, '@', text.len))
        return "before the @, write / ? # as %2F %3F %23";
    return error;
}

static const char *parse_scheme(struct slice text, struct url *url, struct slice *rest) {
    const struct scheme *found = NULL;
    struct slice name = text;
    *rest = uri_cut(&name, ':');
    bool has_slashes = slice_begins(*rest, SLICE("//"));
    for (size_t i = 0; i < SCHEMES; i++)
        if (slice_equal(name, slice_of(schemes[i].name)))
            found = &schemes[i];
    // The seed library's DSNs name a class: caches.interface.Redis://…
    if (!found && has_slashes && name.len > 0 && memchr(name.data, '.', name.len))
        found = &schemes[0];
    if (!found)
        return "use redis://HOST:PORT/DB, rediss://, redis+cluster://, redis+sentinel://, "
               "unix:/PATH or embedded:";
    if (found->usage && !has_slashes)
        return found->usage;
    url->kind = found->kind;
    url->is_tls = found->is_tls;
    if (has_slashes)
        *rest = (struct slice){rest->data + 2, rest->len - 2};
    return NULL;
}

static const char *parse_address(struct slice rest, struct slice text, struct url *url) {
    if (url->kind == URL_EMBEDDED)
        return rest.len == 0 ? NULL
                             : "an embedded backend has no address: use embedded:?maxmemory=64mb";
    if (url->kind == URL_UNIX)
        return uri_read_path(rest, &url->path);
    return parse_servers(rest, text, url);
}

const char *url_parse(struct slice text, struct url *url) {
    struct slice rest;
    *url = (struct url){.port = REDIS_PORT, .db = NONE};
    const char *error = parse_scheme(text, url, &rest);
    if (!error) {
        struct slice fragment = uri_cut(&rest, '#'), query = uri_cut(&rest, '?');
        if (fragment.len > 0)
            error = uri_read_text(fragment, &url->fragment);
        if (!error)
            error = parse_address(rest, text, url);
        if (!error)
            error = parse_query(query, url);
        if (!error && url->kind == URL_CLUSTER && url->db > 0)
            error = "a cluster has database 0 alone: leave the database out";
    }
    if (error) {
        url_deinit(url);
        return error;
    }
    if (url->db == NONE)
        url->db = 0;
    if (!url->user && url->password && *url->password == '\0') { // as in redis://:@HOST
        mem_free(url->password);
        url->password = NULL;
    }
    return NULL;
}

const char *url_check_user(const struct url *url) {
    if (!url->user || url->password)
        return NULL;
    return url->kind == URL_UNIX
               ? "a user needs a password: add &password=SECRET, or name a password_file; "
                 "&password= for a user who has none"
               : "a user needs a password: write redis://USER:PASSWORD@HOST, or name a "
                 "password_file; USER:@HOST for a user who has none, :PASSWORD@HOST for a password "
                 "alone";
}

void url_deinit(struct url *url) {
    for (size_t i = 0; i < url->host_count; i++)
        mem_free(url->hosts[i].host);
    mem_free(url->hosts);
    mem_free(url->master);
    mem_free(url->host);
    mem_free(url->path);
    mem_free(url->user);
    mem_free(url->password);
    mem_free(url->maxmemory);
    mem_free(url->policy);
    mem_free(url->fragment);
    *url = (struct url){0};
}

const char *url_scheme(const struct url *url) {
    size_t i = 0;
    while (schemes[i].kind != url->kind || schemes[i].is_tls != url->is_tls)
        i++;
    return schemes[i].shown;
}

static void append_hosts(struct bytes *out, const struct url *url) {
    for (size_t i = 0; i < url->host_count; i++) {
        bytes_printf(out, "%s", i > 0 ? "," : "");
        uri_append_host(out, url->hosts[i].host, url->hosts[i].port);
    }
}

void url_append_shown(struct bytes *out, const struct url *url) {
    bytes_append_slice(out, slice_of(url_scheme(url)));
    switch (url->kind) {
    case URL_EMBEDDED: return;
    case URL_UNIX: bytes_printf(out, "%s?db=%d", url->path, url->db); return;
    case URL_TCP:
        uri_append_host(out, url->host, url->port);
        bytes_printf(out, "/%d", url->db);
        return;
    case URL_CLUSTER: append_hosts(out, url); return;
    case URL_SENTINEL:
        append_hosts(out, url);
        bytes_printf(out, "/%s", url->master);
        if (url->db > 0)
            bytes_printf(out, "?db=%d", url->db);
        return;
    }
}

static bool is_same_text(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool has_same_hosts(const struct url *a, const struct url *b) {
    bool is_same = a->host_count == b->host_count;
    for (size_t i = 0; is_same && i < a->host_count; i++)
        is_same = url_is_same_host(&a->hosts[i], &b->hosts[i]);
    return is_same;
}

bool url_is_same_but_password(const struct url *a, const struct url *b) {
    return a->kind == b->kind && a->is_tls == b->is_tls && has_same_hosts(a, b) &&
           is_same_text(a->master, b->master) && is_same_text(a->host, b->host) &&
           a->port == b->port && is_same_text(a->path, b->path) && is_same_text(a->user, b->user) &&
           a->db == b->db && is_same_text(a->maxmemory, b->maxmemory) &&
           is_same_text(a->policy, b->policy);
}

bool url_is_same(const struct url *a, const struct url *b) {
    return url_is_same_but_password(a, b) && is_same_text(a->password, b->password);
}
