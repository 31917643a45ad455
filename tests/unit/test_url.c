// Url: where backends are and where the daemon listens.
#include "conf/url.h"
#include "helpers.h"

// What was read, as text: "KIND HOST PORT PATH USER PASSWORD DB MAXMEMORY POLICY FRAGMENT", "-" for
// what is not there; or the error. A list of hosts stands as "HOST:PORT,HOST:PORT/MASTER -".
static struct bytes read_url(const char *text) {
    static const char *const kinds[] = {"tcp", "unix", "embedded", "cluster", "sentinel"};
    struct bytes shown = {0};
    struct url url;
    size_t len = strlen(text);
    char *exact = copy_exactly(text, len);
    const char *error = url_parse((struct slice){exact, len}, &url);
    free(exact);
    if (error) {
        bytes_printf(&shown, "%s", error);
        ck_assert_ptr_null(url.host);
        ck_assert_ptr_null(url.hosts);
        ck_assert_ptr_null(url.master);
        ck_assert_ptr_null(url.password);
        return shown;
    }
#define OR_DASH(text) ((text) ? (text) : "-")
    bytes_printf(&shown, "%s%s ", url.is_tls ? "tls " : "", kinds[url.kind]);
    for (size_t i = 0; i < url.host_count; i++)
        bytes_printf(&shown, "%s%s:%d", i > 0 ? "," : "", url.hosts[i].host, url.hosts[i].port);
    if (url.host_count > 0)
        bytes_printf(&shown, "%s%s -", url.master ? "/" : "", url.master ? url.master : "");
    else
        bytes_printf(&shown, "%s %d", OR_DASH(url.host), url.port);
    bytes_printf(&shown, " %s %s %s %d %s %s %s", OR_DASH(url.path), OR_DASH(url.user),
                 OR_DASH(url.password), url.db, OR_DASH(url.maxmemory), OR_DASH(url.policy),
                 OR_DASH(url.fragment));
    url_deinit(&url);
    return shown;
}

struct url_row {
    const char *text, *wanted;
};

static void check_urls(const struct url_row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct bytes shown = read_url(rows[i].text);
        check_text(rows[i].text, &shown, rows[i].wanted);
    }
}

START_TEST(url_reads_tcp_backends) {
    static const struct url_row rows[] = {
        {"redis://127.0.0.1:6380/3", "tcp 127.0.0.1 6380 - - - 3 - - -"},
        {"redis://cache.example.org", "tcp cache.example.org 6379 - - - 0 - - -"},
        {"redis://host/", "tcp host 6379 - - - 0 - - -"},
        {"redis://", "tcp localhost 6379 - - - 0 - - -"},
        {"redis:///2", "tcp localhost 6379 - - - 2 - - -"},
        {"redis://[::1]:7000/1", "tcp ::1 7000 - - - 1 - - -"},
        {"redis://[fe80::1]", "tcp fe80::1 6379 - - - 0 - - -"},
        {"redis://host?db=4", "tcp host 6379 - - - 4 - - -"},
        {"redis://host/1#sessions", "tcp host 6379 - - - 1 - - sessions"},
    };
    check_urls(rows, COUNT(rows));
}
END_TEST

START_TEST(url_reads_servers_over_tls) {
    static const struct url_row rows[] = {
        {"rediss://h", "tls tcp h 6379 - - - 0 - - -"},
        {"rediss://u:p@[::1]:7/2#n", "tls tcp ::1 7 - u p 2 - - n"},
        {"rediss+cluster://h", "tls cluster h:6379 - - - - 0 - - -"},
        {"rediss+sentinel://h/m", "tls sentinel h:26379/m - - - - 0 - - -"},
    };
    check_urls(rows, COUNT(rows));
}
END_TEST

START_TEST(url_reads_clusters) {
    static const struct url_row rows[] = {
        {"redis+cluster://c1:7000,c2,[::1]:7002",
         "cluster c1:7000,c2:6379,::1:7002 - - - - 0 - - -"},
        {"redis+cluster://u:a,b@c1,c2", "cluster c1:6379,c2:6379 - - u a,b 0 - - -"},
        {"redis+cluster://", "cluster localhost:6379 - - - - 0 - - -"},
        {"redis+cluster://h/", "cluster h:6379 - - - - 0 - - -"},
        {"redis+cluster://h/0", "cluster h:6379 - - - - 0 - - -"},
        {"redis+cluster://h,g?db=0&password=p#n", "cluster h:6379,g:6379 - - - p 0 - - n"},
        {"redis+cluster://h:1,h:2", "cluster h:1,h:2 - - - - 0 - - -"},
    };
    check_urls(rows, COUNT(rows));
}
END_TEST

START_TEST(url_reads_sentinels) {
    static const struct url_row rows[] = {
        {"redis+sentinel://s1,s2:5,[::1]/mymaster",
         "sentinel s1:26379,s2:5,::1:26379/mymaster - - - - 0 - - -"},
        {"redis+sentinel://u:p@s1/a.B-c_9?db=3", "sentinel s1:26379/a.B-c_9 - - u p 3 - - -"},
        {"redis+sentinel:///m?user=u&password=#n", "sentinel localhost:26379/m - - u  0 - - n"},
    };
    check_urls(rows, COUNT(rows));
}
END_TEST

START_TEST(url_reads_credentials) {
    static const struct url_row rows[] = {
        {"redis://bob:secret@host:1", "tcp host 1 - bob secret 0 - - -"},
        {"redis://:secret@host", "tcp host 6379 - - secret 0 - - -"},
        {"redis://bob@host", "tcp host 6379 - bob - 0 - - -"},
        {"redis://bob:p%40ss%3a%2F%20@host", "tcp host 6379 - bob p@ss:/  0 - - -"},
        {"redis://bob:a@b:c@host", "tcp host 6379 - bob a@b:c 0 - - -"},
        {"redis://@host", "tcp host 6379 - - - 0 - - -"},
        {"redis://host?user=bob&password=s%23&db=2", "tcp host 6379 - bob s# 2 - - -"},
        {"redis://bob:@host", "tcp host 6379 - bob  0 - - -"},
        {"redis://:@host", "tcp host 6379 - - - 0 - - -"},
        {"unix:/r.sock?user=bob&password=", "unix - 6379 /r.sock bob  0 - - -"},
    };
    check_urls(rows, COUNT(rows));
}
END_TEST

START_TEST(url_reads_unix_sockets) {
    static const struct url_row rows[] = {
        {"unix:/run/redis.sock", "unix - 6379 /run/redis.sock - - 0 - - -"},
        {"unix:///run/redis.sock?db=3", "unix - 6379 /run/redis.sock - - 3 - - -"},
        {"unix:/r.sock?user=u&password=p#n", "unix - 6379 /r.sock u p 0 - - n"},
        {"unix:/a%20b%3f%23.sock?db=1", "unix - 6379 /a b?#.sock - - 1 - - -"},
    };
    check_urls(rows, COUNT(rows));
}
END_TEST

START_TEST(url_reads_embedded_backends) {
    static const struct url_row rows[] = {
        {"embedded:", "embedded - 6379 - - - 0 - - -"},
        {"embedded://", "embedded - 6379 - - - 0 - - -"},
        {"embedded:?maxmemory=128mb", "embedded - 6379 - - - 0 128mb - -"},
        {"embedded:?policy=allkeys-lfu&maxmemory=1gb", "embedded - 6379 - - - 0 1gb allkeys-lfu -"},
        {"embedded:?maxmemory-policy=noeviction", "embedded - 6379 - - - 0 - noeviction -"},
    };
    check_urls(rows, COUNT(rows));
}
END_TEST

#define SCHEMES                                                                                    \
    "use redis://HOST:PORT/DB, rediss://, redis+cluster://, redis+sentinel://, unix:/PATH or "     \
    "embedded:"

START_TEST(url_reads_a_class_path_as_redis) {
    static const struct url_row rows[] = {
        {"caches.interface.Redis://host:1/2#default", "tcp host 1 - - - 2 - - default"},
        {"caches.interface.Redis:host", SCHEMES},
    };
    check_urls(rows, COUNT(rows));
}
END_TEST

#define BRACKETS "an IPv6 address must stand in brackets, as [::1]:6379"
#define BAD_PORT "the port must be 1 to 65535"
#define BAD_HOST "the host must be a name or an address"
#define SEVERAL                                                                                    \
    "it can name one HOST:PORT: several are for redis+cluster://HOST:PORT,HOST:PORT or "           \
    "redis+sentinel://HOST:PORT,HOST:PORT/MASTER"
#define MASTER     "name the master as its sentinels do: redis+sentinel://HOST:PORT,HOST:PORT/MASTER"
#define BAD_MASTER "the name of a master has A-Z a-z 0-9 . _ - alone"
#define CLUSTER_DB "a cluster has database 0 alone: leave the database out"
#define NO_HOST    "a HOST is missing"
#define TWICE      "the same HOST:PORT is given twice"
#define ESCAPES    "before the @, write / ? # as %2F %3F %23"
#define BAD_DB     "the database must be a whole number"
#define NO_PATH    "a Unix socket needs an absolute path, as unix:/run/NAME.sock"
#define TAKES      "unknown parameter: a backend takes db, user and password"
#define POLICY     "policy must be one of Redis's maxmemory-policy, as allkeys-lru or noeviction"
#define EMBEDDED   "unknown parameter: an embedded backend takes maxmemory and policy"

START_TEST(url_says_what_is_wrong) {
    static const struct url_row rows[] = {
        {"", SCHEMES},
        {"127.0.0.1:6379", SCHEMES},
        {"http://host", SCHEMES},
        {"REDIS://host", SCHEMES},
        {"redis:host", "use redis://HOST:PORT/DB"},
        {"rediss:host", "use redis://HOST:PORT/DB"},
        {"redis+cluster:host", "use redis+cluster://HOST:PORT,HOST:PORT"},
        {"redis+sentinel:host/m", "use redis+sentinel://HOST:PORT,HOST:PORT/MASTER"},
        {"redis+sentinels://host/m", SCHEMES},
        {"rediss://a:1,b:2", SEVERAL},
        {"redis+cluster://h/1", CLUSTER_DB},
        {"redis+cluster://h?db=1", CLUSTER_DB},
        {"redis+cluster://h/0?db=0", "the database is given twice"},
        {"redis+cluster://h/x", BAD_DB},
        {"redis+cluster://a,,b", NO_HOST},
        {"redis+cluster://a,", NO_HOST},
        {"redis+cluster://:7000", NO_HOST},
        {"redis+cluster://a:0,b", BAD_PORT},
        {"redis+cluster://a,::1", BRACKETS},
        {"redis+cluster://a b,c", BAD_HOST},
        {"redis+cluster://a,b:7,a:6379", TWICE},
        {"redis+sentinel://s1,s2", MASTER},
        {"redis+sentinel://s1/", MASTER},
        {"redis+sentinel://s1?db=1", MASTER},
        {"redis+sentinel://s1,s1:26379/m", TWICE},
        {"redis+sentinel://s1/m/1", "the database stands behind the master: /MASTER?db=N"},
        {"redis+sentinel://s1/a b", BAD_MASTER},
        {"redis+sentinel://s1/a%20b", BAD_MASTER},
        {"redis+sentinel://s1/m?db=x", BAD_DB},
        {"redis+sentinel://u:a/b@s1/m", ESCAPES},
        {"redis://::1", BRACKETS},
        {"redis://[::1", BRACKETS},
        {"redis://[::1]6379", BRACKETS},
        {"redis://host:", BAD_PORT},
        {"redis://host:x", BAD_PORT},
        {"redis://host:65536", BAD_PORT},
        {"redis://host:0", BAD_PORT},
        {"redis://host:06379", BAD_PORT},
        {"redis://a:1,b:2", SEVERAL},
        {"redis://u:p@a,b/1", SEVERAL},
        {"redis://[::1],[::2]", SEVERAL},
        {"redis://a b", BAD_HOST},
        {"redis://[name]", BRACKETS},
        {"redis://[]", BRACKETS},
        {"redis://bob:a/b@host", ESCAPES},
        {"redis://bob:a?b@host", ESCAPES},
        {"redis://:a#b@host", ESCAPES},
        {"redis://bob:1/23@host", ESCAPES},
        {"unix:/r%2", "a bad % escape"},
        {"unix:/r%00", "a bad % escape"},
        {"redis://h?user=", "the user is empty"},
        {"redis://host:-1", BAD_PORT},
        {"redis://host/x", BAD_DB},
        {"redis://host/-1", BAD_DB},
        {"redis://host?db=x", BAD_DB},
        {"redis://host?database=1", TAKES},
        {"redis://host?maxmemory=1mb", TAKES},
        {"redis://u:%@host", "a bad % escape"},
        {"redis://u:%4@host", "a bad % escape"},
        {"redis://u:%zz@host", "a bad % escape"},
        {"redis://u:a%00b@host", "a bad % escape"},
        {"redis://h?password=%g0", "a bad % escape"},
        {"unix:redis.sock", NO_PATH},
        {"unix:", NO_PATH},
        {"unix:/r.sock?maxmemory=1mb", TAKES},
        {"embedded:host", "an embedded backend has no address: use embedded:?maxmemory=64mb"},
        {"embedded:?maxmemory=lots", "maxmemory must be a size, as 64mb"},
        {"embedded:?policy=lru", POLICY},
        {"embedded:?db=1", EMBEDDED},
    };
    check_urls(rows, COUNT(rows));
}
END_TEST

START_TEST(url_takes_socket_paths_of_107_bytes_and_no_longer) {
    struct bytes text = {0};
    struct url url;
    bytes_printf(&text, "unix:/%0106d", 0);
    ck_assert_ptr_null(url_parse(bytes_slice(&text), &url));
    ck_assert_uint_eq(strlen(url.path), 107);
    url_deinit(&url);
    bytes_append_literal(&text, "0");
    ck_assert_str_eq(url_parse(bytes_slice(&text), &url),
                     "the path of a Unix socket can be 107 bytes long at most");
    bytes_deinit(&text);
}
END_TEST

START_TEST(url_takes_nothing_that_is_given_twice) {
    static const struct url_row rows[] = {
        {"redis://h/1?db=2", "the database is given twice"},
        {"redis://h/1?db=1", "the database is given twice"},
        {"unix:/r.sock?db=1&db=2", "the database is given twice"},
        {"redis://bob:one@host?password=two", "the password is given twice"},
        {"redis://bob:@host?password=two", "the password is given twice"},
        {"redis://bob:one@host?user=alice", "the user is given twice"},
        {"unix:/r.sock?user=a&user=b", "the user is given twice"},
        {"embedded:?maxmemory=1mb&maxmemory=2mb", "maxmemory is given twice"},
        {"embedded:?policy=noeviction&maxmemory-policy=noeviction", "policy is given twice"},
    };
    check_urls(rows, COUNT(rows));
}
END_TEST

START_TEST(url_wants_a_password_for_a_user_or_the_word_that_there_is_none) {
    static const struct {
        const char *text;
        bool is_good;
    } rows[] = {
        {"redis://h", true},
        {"redis://u:p@h", true},
        {"redis://u:@h", true},
        {"redis://:p@h", true},
        {"redis://secret@h", false},
        {"redis://h?user=u", false},
        {"unix:/r?user=u", false},
        {"unix:/r?password=p", true},
        {"redis://@h", true},
        {"redis://u@h?password=p", true},
        {"unix:/r?user=u&password=", true},
        {"embedded:", true},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct url url;
        ck_assert_ptr_null(url_parse(slice_of(rows[i].text), &url));
        const char *error = url_check_user(&url);
        ck_assert_msg(!error == rows[i].is_good, "%s: %s", rows[i].text, error);
        ck_assert(!error || !strstr(error, "secret"));
        url_deinit(&url);
    }
}
END_TEST

START_TEST(url_is_the_same_with_the_same_servers) {
    static const struct {
        const char *a, *b;
        bool is_same;
    } rows[] = {
        {"redis://h", "redis://h:6379/0", true},
        {"redis://h", "rediss://h", false},
        {"redis://h", "redis://i", false},
        {"redis://h", "redis://h:6380", false},
        {"redis://h/1", "redis://h/2", false},
        {"redis://u:p@h", "redis://u:p@h", true},
        {"redis://u:p@h", "redis://v:p@h", false},
        {"redis://u:p@h", "redis://h", false},
        {"redis://u:p@h", "redis://u:q@h", false},
        {"redis://:p@h", "redis://h", false},
        {"redis://h", "unix:/h", false},
        {"unix:/h", "unix:///h?db=0", true},
        {"unix:/h", "unix:/i", false},
        {"embedded:", "embedded:", true},
        {"embedded:?maxmemory=1mb", "embedded:?maxmemory=1mb", true},
        {"embedded:?maxmemory=1mb", "embedded:?maxmemory=2mb", false},
        {"embedded:?maxmemory=1mb", "embedded:", false},
        {"embedded:?policy=allkeys-lru", "embedded:?policy=allkeys-lfu", false},
        {"embedded:?policy=allkeys-lru", "embedded:", false},
        {"redis+cluster://a,b", "redis+cluster://a:6379,b", true},
        {"redis+cluster://a,b", "redis+cluster://a", false},
        {"redis+cluster://a,b", "redis+cluster://a,c", false},
        {"redis+cluster://a,b", "redis+cluster://a,b:7", false},
        {"redis+cluster://a", "rediss+cluster://a", false},
        {"redis+cluster://a:1", "redis+sentinel://a:1/m", false},
        {"redis+sentinel://a/m", "redis+sentinel://a/m?db=0", true},
        {"redis+sentinel://a/m", "redis+sentinel://a/n", false},
        {"redis+sentinel://a/m", "redis+sentinel://a/m?db=1", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct url a, b;
        ck_assert_ptr_null(url_parse(slice_of(rows[i].a), &a));
        ck_assert_ptr_null(url_parse(slice_of(rows[i].b), &b));
        ck_assert_msg(url_is_same(&a, &b) == rows[i].is_same, "%s %s", rows[i].a, rows[i].b);
        url_deinit(&a);
        url_deinit(&b);
    }
}
END_TEST

START_TEST(url_is_shown_without_its_secrets) {
    static const struct url_row rows[] = {
        {"redis://bob:secret@host:1/2#name", "redis://host:1/2"},
        {"redis://[::1]", "redis://[::1]:6379/0"},
        {"unix:/r.sock?db=1&password=secret", "unix:/r.sock?db=1"},
        {"embedded:?maxmemory=1mb", "embedded:"},
        {"rediss://u:p@h", "rediss://h:6379/0"},
        {"redis+cluster://u:secret@c1:7000,[::1]", "redis+cluster://c1:7000,[::1]:6379"},
        {"rediss+cluster://h#n", "rediss+cluster://h:6379"},
        {"redis+sentinel://u:secret@s1,s2:5/m", "redis+sentinel://s1:26379,s2:5/m"},
        {"rediss+sentinel://s1/m?db=2", "rediss+sentinel://s1:26379/m?db=2"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bytes shown = {0};
        struct url url;
        ck_assert_ptr_null(url_parse(slice_of(rows[i].text), &url));
        url_append_shown(&shown, &url);
        url_deinit(&url);
        check_text(rows[i].text, &shown, rows[i].wanted);
    }
}
END_TEST

int main(void) {
    return RUN_TESTS("url", url_reads_tcp_backends, url_reads_servers_over_tls, url_reads_clusters,
                     url_reads_sentinels, url_is_the_same_with_the_same_servers,
                     url_reads_credentials, url_reads_unix_sockets, url_reads_embedded_backends,
                     url_reads_a_class_path_as_redis, url_says_what_is_wrong,
                     url_takes_socket_paths_of_107_bytes_and_no_longer,
                     url_is_shown_without_its_secrets, url_takes_nothing_that_is_given_twice,
                     url_wants_a_password_for_a_user_or_the_word_that_there_is_none);
}
