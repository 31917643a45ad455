// Url: where backends are and where the daemon listens.
#include "conf/url.h"
#include "helpers.h"

// What was read, as text: "KIND HOST PORT PATH USER PASSWORD DB MAXMEMORY POLICY FRAGMENT", "-" for
// what is not there; or the error.
static struct bytes read_url(const char *text) {
    static const char *const kinds[] = {"tcp", "unix", "embedded"};
    struct bytes shown = {0};
    struct url url;
    size_t len = strlen(text);
    char *exact = copy_exactly(text, len);
    const char *error = url_parse((struct slice){exact, len}, &url);
    free(exact);
    if (error) {
        bytes_printf(&shown, "%s", error);
        ck_assert_ptr_null(url.host);
        ck_assert_ptr_null(url.password);
        return shown;
    }
#define OR_DASH(text) ((text) ? (text) : "-")
    bytes_printf(&shown, "%s %s %d %s %s %s %d %s %s %s", kinds[url.kind], OR_DASH(url.host),
                 url.port, OR_DASH(url.path), OR_DASH(url.user), OR_DASH(url.password), url.db,
                 OR_DASH(url.maxmemory), OR_DASH(url.policy), OR_DASH(url.fragment));
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

START_TEST(url_reads_a_class_path_as_redis) {
    static const struct url_row rows[] = {
        {"caches.interface.Redis://host:1/2#default", "tcp host 1 - - - 2 - - default"},
        {"caches.interface.Redis:host", "use redis://HOST:PORT/DB, unix:/PATH or embedded:"},
    };
    check_urls(rows, COUNT(rows));
}
END_TEST

#define BRACKETS "an IPv6 address must stand in brackets, as [::1]:6379"
#define RESERVED                                                                                   \
    "rediss://, redis+cluster:// and redis+sentinel:// are reserved, and not supported yet"
#define SCHEMES  "use redis://HOST:PORT/DB, unix:/PATH or embedded:"
#define BAD_PORT "the port must be 1 to 65535"
#define BAD_HOST "the host must be a name or an address"
#define SEVERAL                                                                                    \
    "several servers need redis+cluster:// or redis+sentinel://, which are not supported yet: "    \
    "name one HOST:PORT"
#define ESCAPES  "before the @, write / ? # as %2F %3F %23"
#define BAD_DB   "the database must be a whole number"
#define NO_PATH  "a Unix socket needs an absolute path, as unix:/run/redis/redis.sock"
#define TAKES    "unknown parameter: a backend takes db, user and password"
#define POLICY   "policy must be one of Redis's maxmemory-policy, as allkeys-lru or noeviction"
#define EMBEDDED "unknown parameter: an embedded backend takes maxmemory and policy"

START_TEST(url_says_what_is_wrong) {
    static const struct url_row rows[] = {
        {"", SCHEMES},
        {"127.0.0.1:6379", SCHEMES},
        {"http://host", SCHEMES},
        {"REDIS://host", SCHEMES},
        {"redis:host", "use redis://HOST:PORT/DB"},
        {"rediss://host", RESERVED},
        {"redis+cluster://host", RESERVED},
        {"redis+sentinel://host", RESERVED},
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

START_TEST(url_is_shown_without_its_secrets) {
    static const struct url_row rows[] = {
        {"redis://bob:secret@host:1/2#name", "redis://host:1/2"},
        {"redis://[::1]", "redis://[::1]:6379/0"},
        {"unix:/r.sock?db=1&password=secret", "unix:/r.sock?db=1"},
        {"embedded:?maxmemory=1mb", "embedded:"},
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
    return RUN_TESTS("url", url_reads_tcp_backends, url_reads_credentials, url_reads_unix_sockets,
                     url_reads_embedded_backends, url_reads_a_class_path_as_redis,
                     url_says_what_is_wrong, url_takes_socket_paths_of_107_bytes_and_no_longer,
                     url_is_shown_without_its_secrets, url_takes_nothing_that_is_given_twice,
                     url_wants_a_password_for_a_user_or_the_word_that_there_is_none);
}
