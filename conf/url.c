#include "conf/url.h"

#include "conf/uri.h"
#include "protocol/mem.h"
#include "protocol/number.h"

enum { REDIS_PORT = 6379, MOST_DB = 1 << 20, NONE = -1 };

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

// Reads [USER[:PASSWORD]@]HOST[:PORT].
static const char *parse_authority(struct slice s, struct url *url) {
    const char *error = NULL, *at = s.len > 0 ? memrchr(s.data, '@', s.len) : NULL;
    if (at) {
        error = parse_credentials((struct slice){s.data, (size_t)(at - s.data)}, url);
        s = (struct slice){at + 1, s.len - (size_t)(at + 1 - s.data)};
    }
    if (!error && s.len > 0 && memchr(s.data, ',', s.len))
        return "several servers need redis+cluster:// or redis+sentinel://, which are not "
               "supported yet: name one HOST:PORT";
    if (!error)
        error = uri_read_host(s, &url->host, &url->port);
    if (!error && *url->host == '\0') {
        mem_free(url->host);
        url->host = mem_text("localhost");
    }
    return error;
}

// Reads [USER[:PASSWORD]@]HOST[:PORT][/DB], which is a part of the whole URL `text`.
static const char *parse_tcp(struct slice s, struct slice text, struct url *url) {
    struct slice db = uri_cut(&s, '/');
    const char *error = parse_authority(s, url);
    if (!error && db.len > 0)
        error = parse_db(db, &url->db);
    if (error && !memchr(s.data, '@', s.len) && memchr(text.data, '@', text.len))
        return "before the @, write / ? # as %2F %3F %23";
    return error;
}

static const char *parse_scheme(struct slice text, struct url *url, struct slice *rest) {
    struct slice scheme = text;
    *rest = uri_cut(&scheme, ':');
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
    *url = (struct url){.port = REDIS_PORT, .db = NONE};
    const char *error = parse_scheme(text, url, &rest);
    if (!error) {
        struct slice fragment = uri_cut(&rest, '#'), query = uri_cut(&rest, '?');
        if (fragment.len > 0)
            error = uri_read_text(fragment, &url->fragment);
        if (!error && url->kind == URL_TCP)
            error = parse_tcp(rest, text, url);
        else if (!error && url->kind == URL_UNIX)
            error = uri_read_path(rest, &url->path);
        else if (!error && rest.len > 0)
            error = "an embedded backend has no address: use embedded:?maxmemory=64mb";
        if (!error)
            error = parse_query(query, url);
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
    mem_free(url->host);
    mem_free(url->path);
    mem_free(url->user);
    mem_free(url->password);
    mem_free(url->maxmemory);
    mem_free(url->policy);
    mem_free(url->fragment);
    *url = (struct url){0};
}

void url_append_shown(struct bytes *out, const struct url *url) {
    if (url->kind == URL_EMBEDDED) {
        bytes_append_literal(out, "embedded:");
    } else if (url->kind == URL_UNIX) {
        bytes_printf(out, "unix:%s?db=%d", url->path, url->db);
    } else {
        bytes_append_literal(out, "redis://");
        uri_append_host(out, url->host, url->port);
        bytes_printf(out, "/%d", url->db);
    }
}

static bool is_same_text(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool url_is_same(const struct url *a, const struct url *b) {
    return a->kind == b->kind && is_same_text(a->host, b->host) && a->port == b->port &&
           is_same_text(a->path, b->path) && is_same_text(a->user, b->user) &&
           is_same_text(a->password, b->password) && a->db == b->db &&
           is_same_text(a->maxmemory, b->maxmemory) && is_same_text(a->policy, b->policy);
}
