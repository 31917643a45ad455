// Settings: what good configurations mean.
#include <time.h>

#include "configuration.h"
#include "protocol/number.h"

#define KB     INT64_C(1024)
#define MB     (1024 * KB)
#define S      INT64_C(1000)
#define H      (3600 * S)
#define SMALL  "[backend main]\nurl = redis://h\n[namespace n]\n"
#define SHA256 "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

START_TEST(settings_have_the_documented_defaults_of_the_daemon) {
    struct settings *s = load_good(SMALL, NULL);
    const struct daemon_conf *d = &s->daemon;
    ck_assert_uint_eq(d->listens.count, 1);
    ck_assert_str_eq(d->listens.items[0].path, "/run/cachesd/cachesd.sock");
    ck_assert_int_eq(d->socket_mode, 0660);
    ck_assert_int_eq(d->socket_gid, -1);
    ck_assert_uint_eq(d->include_count, 0);
    ck_assert_int_eq(d->max_clients, 10000);
    ck_assert_int_eq(d->max_request, 16 * MB);
    ck_assert_int_eq(d->client_output, 64 * MB);
    ck_assert_int_eq(d->client_stall_ms, 30 * S);
    ck_assert_int_eq(d->client_idle_ms, DURATION_FOREVER);
    ck_assert_int_eq(d->drain_ms, 10 * S);
    ck_assert_int_eq(d->near_memory, 64 * MB);
    ck_assert_int_eq(d->log_level, LOG_LEVEL_INFO);
    settings_unref(s);
}
END_TEST

START_TEST(settings_have_the_documented_defaults_of_backends) {
    struct settings *s = load_good(SMALL, NULL);
    const struct backend_conf *b = &s->backends[0];
    ck_assert_uint_eq(s->backend_count, 1);
    ck_assert_str_eq(b->name, "main");
    ck_assert_int_eq(b->url.port, 6379);
    ck_assert_str_eq(b->password_file, "");
    ck_assert_ptr_null(b->url.password);
    ck_assert_int_eq(b->connect_timeout_ms, 1 * S);
    ck_assert_int_eq(b->timeout_ms, 1 * S);
    ck_assert_int_eq(b->max_pending, 10000);
    settings_unref(s);
}
END_TEST

START_TEST(settings_have_the_documented_defaults_of_namespaces) {
    struct settings *s = load_good(SMALL, NULL);
    const struct namespace_conf *n = &s->namespaces[0];
    ck_assert_uint_eq(s->namespace_count, 1);
    ck_assert_uint_eq(n->backend, 0);
    ck_assert_str_eq(n->prefix, "n:");
    ck_assert_uint_eq(n->prefix_len, 2);
    ck_assert_int_eq(n->ttl_ms, 2 * H);
    ck_assert_int_eq(n->max_ttl_ms, 2 * H);
    ck_assert_int_eq(n->over_ttl, OVER_TTL_CLAMP);
    ck_assert_int_eq(n->ttl_mode, TTL_MODE_SLIDING);
    ck_assert_int_eq(n->jitter_percent, 0);
    for (int i = COLLECTION_FIRST; i < COLLECTION_END; i++)
        ck_assert(n->collections & UINT64_C(1) << i);
    for (size_t i = 0; i < COUNT(n->deny.bits); i++)
        ck_assert_uint_eq(n->deny.bits[i], 0);
    ck_assert(!n->is_readonly);
    ck_assert_int_eq(n->value, VALUE_BYTES);
    ck_assert_int_eq(n->max_key, 1 * KB);
    ck_assert_int_eq(n->max_value, 1 * MB);
    ck_assert(!n->is_near);
    ck_assert_int_eq(n->near_ttl_ms, 60 * S);
    ck_assert_int_eq(n->stale_ms, 0);
    ck_assert_int_eq(n->lease_ms, 10 * S);
    ck_assert_int_eq(n->null_ttl_ms, 30 * S);
    ck_assert_int_eq(n->on_error, ON_ERROR_ERROR);
    settings_unref(s);
}
END_TEST

START_TEST(settings_give_users_no_more_than_they_are_given) {
    struct settings *s = load_good(SMALL "[user u]\nuid = 0\nnamespaces = n\n", NULL);
    const struct user_conf *u = &s->users[0];
    ck_assert_int_eq(u->uid, 0);
    ck_assert_int_eq(u->gid, -1);
    ck_assert(!u->has_token);
    ck_assert(!u->namespaces.has_all);
    ck_assert_int_eq(u->access, ACCESS_READ);
    settings_unref(s);
}
END_TEST

START_TEST(settings_read_every_option_of_the_daemon) {
    struct settings *s = load_good(
        SMALL "[cachesd]\nlisten = unix:/run/c.sock\nlisten = tcp:127.0.0.1:7379, tcp:[::1]:7380,\n"
              "  systemd\nsocket_mode = 600\nsocket_group = 0\nmax_clients = 5\n"
              "max_request = 1mb\nclient_output = 2mb\nclient_stall = 1500ms\nclient_idle = 5m\n"
              "drain = 0\nnear_memory = 1gb\nlog_level = debug\n",
        NULL);
    const struct daemon_conf *d = &s->daemon;
    ck_assert_uint_eq(d->listens.count, 4);
    ck_assert_str_eq(d->listens.items[0].path, "/run/c.sock");
    ck_assert_int_eq(d->listens.items[0].line, 5);
    ck_assert_int_eq(d->listens.items[1].port, 7379);
    ck_assert_int_eq(d->listens.items[2].port, 7380);
    ck_assert_int_eq(d->listens.items[2].line, 6);
    ck_assert_int_eq(d->listens.items[3].kind, ADDRESS_SYSTEMD);
    ck_assert_int_eq(d->socket_mode, 0600);
    ck_assert_int_eq(d->socket_gid, 0);
    ck_assert_int_eq(d->max_clients, 5);
    ck_assert_int_eq(d->max_request, 1 * MB);
    ck_assert_int_eq(d->client_output, 2 * MB);
    ck_assert_int_eq(d->client_stall_ms, 1500);
    ck_assert_int_eq(d->client_idle_ms, 300 * S);
    ck_assert_int_eq(d->drain_ms, 0);
    ck_assert_int_eq(d->near_memory, 1024 * MB);
    ck_assert_int_eq(d->log_level, LOG_LEVEL_DEBUG);
    settings_unref(s);
}
END_TEST

static bool is_denied(const struct namespace_conf *n, const char *verb) {
    uint32_t id = verb_find(table, slice_of(verb))->id;
    return n->deny.bits[id / 64] >> id % 64 & 1;
}

START_TEST(settings_read_every_option_of_namespaces) {
    struct settings *s = load_good(
        "[backend a]\nurl = redis://h\n[backend b]\nurl = embedded:\n[namespace n]\nbackend = b\n"
        "prefix = x/\nttl = 1h\nmax_ttl = 1d\nover_ttl = reject\nttl_mode = fixed\njitter = 15%\n"
        "collections = key,\n  memo\ndeny = memo.drop, DEL,\n  key.incr\nreadonly = Yes\n"
        "value = json\nmax_key = 64\nmax_value = 4kb\nnear = yes\nnear_ttl = 5s\nstale = 1m\n"
        "lease = 3s\nnull_ttl = 4s\non_error = miss\n[namespace o]\nbackend = a\n",
        NULL);
    const struct namespace_conf *n = &s->namespaces[0];
    ck_assert_uint_eq(n->backend, 1);
    ck_assert_str_eq(n->prefix, "x/");
    ck_assert_int_eq(n->ttl_ms, 1 * H);
    ck_assert_int_eq(n->max_ttl_ms, 24 * H);
    ck_assert_int_eq(n->over_ttl, OVER_TTL_REJECT);
    ck_assert_int_eq(n->ttl_mode, TTL_MODE_FIXED);
    ck_assert_int_eq(n->jitter_percent, 15);
    ck_assert_uint_eq(n->collections, 1u << COLLECTION_KEY | 1u << COLLECTION_MEMO);
    ck_assert(is_denied(n, "memo.drop") && is_denied(n, "del") && is_denied(n, "key.incr"));
    ck_assert(!is_denied(n, "memo.get") && !is_denied(n, "key.get"));
    ck_assert(n->is_readonly);
    ck_assert_int_eq(n->value, VALUE_JSON);
    ck_assert_int_eq(n->max_key, 64);
    ck_assert_int_eq(n->max_value, 4 * KB);
    ck_assert(n->is_near);
    ck_assert_int_eq(n->near_ttl_ms, 5 * S);
    ck_assert_int_eq(n->stale_ms, 60 * S);
    ck_assert_int_eq(n->lease_ms, 3 * S);
    ck_assert_int_eq(n->null_ttl_ms, 4 * S);
    ck_assert_int_eq(n->on_error, ON_ERROR_MISS);
    settings_unref(s);
}
END_TEST

START_TEST(settings_take_ttl_0_and_forever_for_never) {
    struct settings *s = load_good(SMALL "ttl = 0\n[namespace m]\nttl = forever\n"
                                         "[namespace l]\nttl = 1h\nmax_ttl = forever\n",
                                   NULL);
    ck_assert_int_eq(s->namespaces[0].ttl_ms, DURATION_FOREVER);
    ck_assert_int_eq(s->namespaces[0].max_ttl_ms, DURATION_FOREVER);
    ck_assert_int_eq(s->namespaces[1].ttl_ms, DURATION_FOREVER);
    ck_assert_int_eq(s->namespaces[2].max_ttl_ms, DURATION_FOREVER);
    settings_unref(s);
}
END_TEST

START_TEST(settings_read_users) {
    struct settings *s = load_good(
        SMALL "[namespace m]\n[user web]\nuid = root\ngid = root\ntoken = sha256:" SHA256
              "\nnamespaces = n,\n  m\naccess = write\n[user boss]\nuid = 12345\nnamespaces = *\n"
              "access = admin\n",
        NULL);
    const struct user_conf *u = &s->users[0];
    ck_assert_uint_eq(s->user_count, 2);
    ck_assert_int_eq(u->uid, 0);
    ck_assert_int_eq(u->gid, 0);
    ck_assert(u->has_token);
    ck_assert_int_eq(u->token[0], 0x9f);
    ck_assert_int_eq(u->token[31], 0x08);
    ck_assert_uint_eq(u->namespaces.count, 2);
    ck_assert_str_eq(u->namespaces.items[1], "m");
    ck_assert_int_eq(u->access, ACCESS_WRITE);
    ck_assert_int_eq(s->users[1].uid, 12345);
    ck_assert(s->users[1].namespaces.has_all);
    ck_assert_int_eq(s->users[1].access, ACCESS_ADMIN);
    settings_unref(s);
}
END_TEST

START_TEST(settings_let_other_machines_in_with_a_token) {
    struct settings *s = load_good(SMALL "[cachesd]\nlisten = tcp:0.0.0.0:7379\n[user web]\n"
                                         "token = sha256:" SHA256 "\nnamespaces = *\n",
                                   NULL);
    settings_unref(s);
}
END_TEST

START_TEST(settings_allow_equal_prefixes_on_different_backends) {
    static const char *const pairs[][2] = {
        {"redis://h/0", "redis://h/1"},         {"redis://h", "redis://i"},
        {"redis://h", "redis://h:6380"},        {"unix:/r.sock", "unix:/r.sock?db=1"},
        {"unix:/r.sock", "unix:/R.sock"},       {"embedded:", "embedded:"},
        {"redis://127.0.0.1", "redis://[::2]"}, {"redis://localhost/1", "redis://127.0.0.1/2"},
    };
    for (size_t i = 0; i < COUNT(pairs); i++) {
        struct bytes text = {0};
        bytes_printf(&text,
                     "[backend a]\nurl = %s\n[backend b]\nurl = %s\n"
                     "[namespace n]\nbackend = a\nprefix = x:\n"
                     "[namespace m]\nbackend = b\nprefix = x:y:\n",
                     pairs[i][0], pairs[i][1]);
        bytes_append(&text, "", 1);
        settings_unref(load_good(text.data, NULL));
        bytes_deinit(&text);
    }
}
END_TEST

START_TEST(settings_shorten_the_defaults_of_memo_to_max_ttl) {
    struct settings *s = load_good(SMALL "ttl = 5s\n", NULL);
    ck_assert_int_eq(s->namespaces[0].lease_ms, 5 * S);
    ck_assert_int_eq(s->namespaces[0].null_ttl_ms, 5 * S);
    settings_unref(s);
    s = load_good(SMALL "ttl = 5s\nmax_ttl = 20s\nlease = 20s\nnull_ttl = 20s\n", NULL);
    ck_assert_int_eq(s->namespaces[0].lease_ms, 20 * S);
    ck_assert_int_eq(s->namespaces[0].null_ttl_ms, 20 * S);
    settings_unref(s);
}
END_TEST

START_TEST(settings_take_a_user_without_a_password_where_that_is_said) {
    struct settings *s = load_good("[backend main]\nurl = redis://bob:@h\n[namespace n]\n", NULL);
    ck_assert_str_eq(s->backends[0].url.user, "bob");
    ck_assert_str_eq(s->backends[0].url.password, "");
    settings_unref(s);
}
END_TEST

// Seconds of the processor to load a configuration of so many sections and options of each kind.
static double time_to_load(int many) {
    struct bytes text = {0}, report = {0};
    for (int i = 0; i < many; i++)
        bytes_printf(&text, "[backend b%d]\nurl = redis://h:%d\n", i, i % 65535 + 1);
    for (int i = 0; i < many; i++)
        bytes_printf(&text, "[namespace n%d]\nbackend = b%d\nprefix = p%d:\nttl = 1h\n", i, i, i);
    bytes_append_literal(&text, "[user u]\nuid = 1\nnamespaces = n0");
    for (int i = 1; i < many; i++)
        bytes_printf(&text, ",\n  n%d", i);
    for (int i = 0; i < many; i++)
        bytes_printf(&text, "\n[user u%d]\nuid = %d\nnamespaces = *", i, i);
    bytes_append_literal(&text, "\n[cachesd]\n");
    for (int i = 0; i < many; i++)
        bytes_printf(&text, "listen = unix:/%d\n", i);
    write_file("c.ini", bytes_slice(&text));
    clock_t before = clock();
    struct settings *s = load("c.ini", NULL, &report);
    double seconds = (double)(clock() - before) / CLOCKS_PER_SEC;
    ck_assert_ptr_nonnull(s);
    ck_assert_uint_eq(s->namespace_count, many);
    ck_assert_uint_eq(settings_namespace(s, SLICE("n432"))->backend, 432);
    settings_unref(s);
    bytes_deinit(&report);
    bytes_deinit(&text);
    return seconds;
}

START_TEST(settings_take_time_by_their_number_and_not_by_its_square) {
    double few = time_to_load(1000), many = time_to_load(16000);
    ck_assert_msg(many < 80 * few, "%.3f s, then %.3f s", few, many); // by the square: 256 times
}
END_TEST

// --- without a file, beside it and around it --------------------------------------------------

START_TEST(settings_without_a_file_serve_the_namespace_demo) {
    struct bytes report = {0};
    struct settings *s = load(NULL, NULL, &report);
    check_text("built-in", &report, "");
    const struct namespace_conf *n = settings_namespace(s, SLICE("demo"));
    ck_assert_ptr_nonnull(n);
    ck_assert_str_eq(n->prefix, "demo:");
    ck_assert_int_eq(n->ttl_ms, 1 * H);
    ck_assert_int_eq(s->backends[n->backend].url.kind, URL_EMBEDDED);
    ck_assert_uint_eq(s->daemon.listens.count, 0); // the daemon knows where
    settings_unref(s);
}
END_TEST

#define WITH_PASSWORD_FILE                                                                         \
    "[backend main]\nurl = redis://bob@h\npassword_file = secret\n[namespace n]\n"

static void check_password(const char *path, const char *wanted) {
    struct bytes report = {0};
    struct settings *s = load(path, NULL, &report);
    check_text(path, &report, "");
    ck_assert_str_eq(s->backends[0].url.user, "bob");
    ck_assert_str_eq(s->backends[0].url.password, wanted);
    settings_unref(s);
}

START_TEST(settings_read_the_password_file_beside_the_configuration) {
    write_file("secret", SLICE("top secret\r\n"));
    write_file("sub/secret", SLICE(" below\n\n"));
    write_file("c.ini", SLICE(WITH_PASSWORD_FILE));
    write_file("sub/c.ini", SLICE(WITH_PASSWORD_FILE));
    check_password("c.ini", "top secret");
    check_password("sub/c.ini", " below");
}
END_TEST

START_TEST(settings_prefer_the_credentials_directory_for_the_password_file) {
    write_file("secret", SLICE("beside"));
    write_file("sub/secret", SLICE("credential\n"));
    write_file("c.ini", SLICE(WITH_PASSWORD_FILE));
    setenv("CREDENTIALS_DIRECTORY", "sub", 1);
    check_password("c.ini", "credential");
    remove("sub/secret");
    check_password("c.ini", "beside");
}
END_TEST

START_TEST(settings_add_backends_from_the_environment) {
    static const char *const environment[] = {
        "HOME=/root",
        "CACHES_DSN=redis://one:1/2",
        "CACHES_DSN_1=unix:/r.sock#sock",
        "CACHES_DSN_22=caches.interface.Redis://u:p@three#three",
        "CACHES_DSN_=redis://no#a",
        "CACHES_DSN_X=redis://no#b",
        "CACHES_DSNS=redis://no#c",
        "CACHES_DSN_3=",
        "CACHES_DSN_4",
        "XCACHES_DSN=redis://no#d",
        NULL};
    struct settings *s = load_good("[namespace n]\nbackend = three\n", environment);
    ck_assert_uint_eq(s->backend_count, 3);
    ck_assert_str_eq(s->backends[0].name, "default");
    ck_assert_int_eq(s->backends[0].url.db, 2);
    ck_assert_str_eq(s->backends[1].name, "sock");
    ck_assert_str_eq(s->backends[2].url.password, "p");
    ck_assert_int_eq(s->backends[2].max_pending, 10000);
    ck_assert_uint_eq(s->namespaces[0].backend, 2);
    settings_unref(s);
}
END_TEST

START_TEST(settings_take_a_single_dsn_for_the_backend_of_all) {
    static const char *const environment[] = {"CACHES_DSN=redis://one", NULL};
    struct settings *s = load_good("[namespace n]\n", environment);
    ck_assert_uint_eq(s->namespaces[0].backend, 0);
    settings_unref(s);
}
END_TEST

// --- look-up ----------------------------------------------------------------------------------

START_TEST(settings_find_namespaces_by_their_whole_name) {
    struct settings *s = load_good(SMALL "[namespace N]\nprefix = big:\n", NULL);
    ck_assert_str_eq(settings_namespace(s, SLICE("n"))->prefix, "n:");
    ck_assert_str_eq(settings_namespace(s, SLICE("N"))->prefix, "big:");
    ck_assert_ptr_null(settings_namespace(s, SLICE("")));
    ck_assert_ptr_null(settings_namespace(s, SLICE("nn")));
    ck_assert_ptr_null(settings_namespace(s, SLICE("n\0")));
    ck_assert_ptr_null(settings_namespace(s, (struct slice){0}));
    settings_unref(s);
}
END_TEST

START_TEST(settings_find_each_of_many_namespaces_of_64_characters) {
    struct bytes text = {0};
    char name[80];
    bytes_append_literal(&text, "[backend main]\nurl = redis://h\n");
    for (int i = 0; i < 300; i++)
        bytes_printf(&text, "[namespace %064d]\n", i);
    bytes_append(&text, "", 1);
    struct settings *s = load_good(text.data, NULL);
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof(name), "%064d", i);
        const struct namespace_conf *n = settings_namespace(s, slice_of(name));
        ck_assert_ptr_eq(n, &s->namespaces[i]);
        ck_assert_str_eq(n->name, name);
        ck_assert_uint_eq(n->prefix_len, 65);
    }
    snprintf(name, sizeof(name), "%064d", 300);
    ck_assert_ptr_null(settings_namespace(s, slice_of(name)));
    ck_assert_ptr_null(settings_namespace(s, (struct slice){name, 63}));
    settings_unref(s);
    bytes_deinit(&text);
}
END_TEST

START_TEST(settings_names_are_1_to_64_of_the_allowed_characters) {
    char letters[65];
    memset(letters, 'a', sizeof(letters));
    ck_assert(section_is_name(SLICE("AZaz09_.-")));
    ck_assert(section_is_name((struct slice){letters, 64}));
    ck_assert(!section_is_name((struct slice){letters, 65}));
    static const char *const bad[] = {"",         "a b", "a:b", "a/b", "a=b",
                                      "\xc3\xa9", "@",   "[",   "`",   "{"};
    for (size_t i = 0; i < COUNT(bad); i++)
        ck_assert_msg(!section_is_name(slice_of(bad[i])), "'%s' accepted", bad[i]);
}
END_TEST

START_TEST(settings_live_until_the_last_reference_is_gone) {
    struct settings *s = load_good(SMALL, NULL);
    ck_assert_ptr_eq(settings_ref(s), s);
    settings_unref(s);
    ck_assert_ptr_nonnull(settings_namespace(s, SLICE("n")));
    settings_unref(s);
    settings_unref(NULL);
}
END_TEST

START_TEST(settings_have_the_seeds_among_the_hosts_of_a_url) {
    struct settings *s =
        load_good("[backend main]\nseeds = s2,\n [::1]:5\n"
                  "url = redis+sentinel://s1/m\nsentinel_tls = no\n[namespace n]\n",
                  NULL);
    struct bytes shown = {0};
    url_append_shown(&shown, &s->backends[0].url);
    check_text("url", &shown, "redis+sentinel://s1:26379,s2:26379,[::1]:5/m");
    ck_assert_uint_eq(s->backends[0].seed_count, 0);
    ck_assert_int_eq(s->backends[0].sentinel_tls, SENTINEL_TLS_NO);
    settings_unref(s);
}
END_TEST

START_TEST(settings_have_the_password_for_sentinels) {
    write_file("secret", SLICE("of-sentinels\r\n"));
    struct settings *s = load_good("[backend main]\nurl = redis+sentinel://:of-servers@s1/m\n"
                                   "sentinel_user = u\nsentinel_password_file = secret\n"
                                   "[namespace n]\n",
                                   NULL);
    ck_assert_str_eq(s->backends[0].sentinel_user, "u");
    ck_assert_str_eq(s->backends[0].sentinel_password, "of-sentinels");
    ck_assert_str_eq(s->backends[0].url.password, "of-servers");
    settings_unref(s);
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND(
        "settings", begin, end, settings_have_the_seeds_among_the_hosts_of_a_url,
        settings_have_the_password_for_sentinels,
        settings_have_the_documented_defaults_of_the_daemon,
        settings_have_the_documented_defaults_of_backends,
        settings_have_the_documented_defaults_of_namespaces,
        settings_give_users_no_more_than_they_are_given, settings_read_every_option_of_the_daemon,
        settings_read_every_option_of_namespaces, settings_take_ttl_0_and_forever_for_never,
        settings_read_users, settings_let_other_machines_in_with_a_token,
        settings_allow_equal_prefixes_on_different_backends,
        settings_shorten_the_defaults_of_memo_to_max_ttl,
        settings_take_a_user_without_a_password_where_that_is_said,
        settings_take_time_by_their_number_and_not_by_its_square,
        settings_without_a_file_serve_the_namespace_demo,
        settings_read_the_password_file_beside_the_configuration,
        settings_prefer_the_credentials_directory_for_the_password_file,
        settings_add_backends_from_the_environment,
        settings_take_a_single_dsn_for_the_backend_of_all,
        settings_find_namespaces_by_their_whole_name,
        settings_find_each_of_many_namespaces_of_64_characters,
        settings_names_are_1_to_64_of_the_allowed_characters,
        settings_live_until_the_last_reference_is_gone);
}
