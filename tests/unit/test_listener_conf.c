// What is wrong with a listener, and the settings of one that is right.
#include "configuration.h"

// 10 lines: two backends, and prefixes that overlap across them.
#define SPACES                                                                                     \
    "[backend one]\nurl = redis://one\n"                                                           \
    "[backend two]\nurl = redis://two\n"                                                           \
    "[namespace a]\nbackend = one\nprefix = a:\n"                                                  \
    "[namespace ab]\nbackend = two\nprefix = a:b:\n"
#define HEAD "[listener l]\nlisten = unix:/l\nspeak = redis\n" // lines 11 to 13

static const struct {
    const char *text, *problems;
} rows[] = {
    {"[listener l]\nnamespaces = a\n",
     "c.ini:11: [listener l] needs listen = unix:/PATH, tcp:HOST:PORT or systemd\n"},
    {"[listener]\nlisten = unix:/l\n",
     "c.ini:11: [listener NAME] needs a name of 1 to 64 of A-Z a-z 0-9 _ . -, not ''\n"},
    {HEAD "namespaces = a\n[listener l]\nlisten = unix:/m\n",
     "c.ini:15: [listener l] again: it began at line 11\n"},
    {"[listeners l]\n", "c.ini:11: unknown section [listeners]: did you mean [listener NAME]?\n"},
    {HEAD "namespaces = a, x\nnamespace =\n",
     "c.ini:14: [listener l]: no namespace 'x': use one of a, ab\n"},
    {HEAD "namespace = x\n", "c.ini:14: [listener l]: no namespace 'x': use one of a, ab\n"},
    {HEAD "namespaces = a\nrest = x\nselect = 1: y\n",
     "c.ini:15: [listener l]: no namespace 'x': use one of a, ab\nc.ini:16: [listener l]: no "
     "namespace 'y': use one of a, ab\n"},
    {HEAD "namespace = cart\n[namespace carts]\nbackend = one\n",
     "c.ini:14: [listener l]: no namespace 'cart': did you mean 'carts'?\n"},
    {HEAD "namespace = a\nrest = ab\nnamespaces = ab\n",
     "c.ini:15: [listener l]: rest has no place beside namespace = a, which holds all keys: give "
     "one of them\n"
     "c.ini:16: [listener l]: namespaces has no place beside namespace = a, which holds all keys: "
     "give one of them\n"},
    {HEAD "namespaces = a, ab\n",
     "c.ini:14: [listener l]: prefix 'a:b:' of [namespace ab] begins with 'a:', that of "
     "[namespace a]: name one of them, or another prefix\n"},
    {HEAD, "c.ini:11: [listener l]: prefix 'a:b:' of [namespace ab] begins with 'a:', that of "
           "[namespace a]: name one of them, or another prefix\n"},
    {HEAD "namespaces = a\nrest = a\n",
     "c.ini:15: [listener l]: rest = a is among the namespaces: a key that begins with its prefix "
     "would have two names\n"},
    {HEAD "namespaces =\nselect = 1: a\n",
     "c.ini:14: [listener l] has no namespace: use namespaces = NAME, ... or *, namespace = NAME "
     "or rest = NAME\n"},
    {HEAD "namespace = a\nselect = 0: a\n",
     "c.ini:15: select: '0: a' is wrong: use numbers from 1 to 9999; 0 is what the listener maps "
     "itself\n"},
    {HEAD "namespace = a\nselect = a\n",
     "c.ini:15: select: 'a' is wrong: use a number, a colon and the name of a namespace, as 1: "
     "carts\n"},
    {HEAD "namespace = a\nselect = 1: a,\n  2: ab, 1: ab\n",
     "c.ini:15: [listener l]: select 1 is given twice\n"},
    {HEAD "namespace = a\nflush = admin\n",
     "c.ini:15: flush: 'admin' is wrong: use no|yes|write\n"},
    {HEAD "namespace = a\n[cachesd]\nlisten = unix:/l\n",
     "c.ini:12: listen: the same address as at line 16\n"},
    {HEAD "namespace = a\n[listener m]\nlisten = tcp:127.0.0.1:1, unix:/l\n",
     "c.ini:16: listen: the same address as at line 12\n"},
    {HEAD "namespace = a\n[http]\nlisten = unix:/l\n",
     "c.ini:16: listen: the same address as at line 12\n"},
    {HEAD "namespace = a\nlisten = tcp:0.0.0.0:6379\n",
     "c.ini:15: listen: an address that other machines reach needs a [user] with a token\n"},
    {HEAD "namespace = a\nlisten = tls:127.0.0.1:6379\n",
     "c.ini:15: listen: tls: needs tls_cert and tls_key\n"},
    {HEAD "namespace = a\n[user u]\nuid = 1\nnamespaces = *\nredis = x\n",
     "c.ini:18: [user u]: no namespace 'x': use one of a, ab\n"},
    {HEAD
     "namespace = carts\n[namespace carts]\nbackend = one\n[user u]\nuid = 1\nnamespaces = catrs\n",
     "c.ini:19: [user u]: no namespace 'catrs': did you mean 'carts'?\n"},
    {HEAD "namespace = a\n[user u]\nuid = 1\nnamespaces = a\nredis = ab\n",
     "c.ini:18: [user u]: redis = ab is none of its namespaces: add it to namespaces\n"},
};

START_TEST(problems_of_listeners_have_their_line) {
    struct bytes text = {0};
    for (size_t i = 0; i < COUNT(rows); i++) {
        text.len = 0;
        bytes_printf(&text, SPACES "%s", rows[i].text);
        check_problems(bytes_slice(&text), NULL, rows[i].problems);
    }
    bytes_deinit(&text);
}
END_TEST

START_TEST(prefixes_that_overlap_at_one_backend_are_told_once) {
    check_problems(SLICE("[backend b]\nurl = redis://h\n[namespace a]\nprefix = a\n"
                         "[namespace b]\nprefix = ab\n"
                         "[listener l]\nlisten = unix:/l\nspeak = redis\n"),
                   NULL,
                   "c.ini:6: [namespace b]: prefix 'ab' overlaps 'a' of [namespace a] on the same "
                   "backend\n");
}
END_TEST

START_TEST(a_listener_that_speaks_redis_is_read) {
    struct settings *s =
        load_good(SPACES HEAD "listen = systemd\nnamespaces = a\nrest = ab\n"
                              "select = 1: ab,\n  9999:a\nflush = write\n"
                              "[listener m]\nlisten = tcp:127.0.0.1:1\nspeak = redis\n"
                              "namespace = ab\n[listener n]\nlisten = unix:/n\n"
                              "[user u]\nuid = 1\nnamespaces = a\nredis = a\n",
                  NULL);
    const struct listener_conf *l = &s->listeners[0], *m = &s->listeners[1], *n = &s->listeners[2];
    ck_assert_uint_eq(s->listener_count, 3);
    ck_assert_str_eq(l->name, "l");
    ck_assert_uint_eq(l->listens.count, 2);
    ck_assert_int_eq(l->listens.items[0].line, 12);
    ck_assert_int_eq(l->listens.items[1].kind, ADDRESS_SYSTEMD);
    ck_assert_int_eq(l->speak, SPEAK_REDIS);
    ck_assert_uint_eq(l->mapped_count, 1);
    ck_assert_uint_eq(l->mapped[0], 0);
    ck_assert_uint_eq(l->rest, 1);
    ck_assert_uint_eq(l->bound, NO_NAMESPACE);
    ck_assert_uint_eq(l->select_count, 2);
    ck_assert_int_eq(l->selects[1].number, 9999);
    ck_assert_uint_eq(l->selects[1].namespace, 0);
    ck_assert_int_ne(l->flush, FLUSH_NO);
    ck_assert_uint_eq(m->bound, 1);
    ck_assert_uint_eq(m->mapped_count, 0);
    ck_assert_int_eq(m->flush, FLUSH_NO);
    ck_assert_int_eq(n->speak, SPEAK_CACHESD); // for which no prefixes need to differ
    ck_assert_uint_eq(s->users[0].redis, 0);
    ck_assert(s->namespaces[0].has_scripts);
    ck_assert_uint_eq(settings_listens_count(s), 4);
    ck_assert_ptr_eq(settings_listens(s, 0), &s->daemon.listens);
    ck_assert_ptr_eq(settings_listens(s, 3), &n->listens);
    ck_assert_ptr_null(settings_listener(s, 0));
    ck_assert_ptr_eq(settings_listener(s, 1), l);
    settings_unref(s);
}
END_TEST

START_TEST(a_user_without_a_binding_has_none) {
    struct settings *s =
        load_good(SPACES HEAD "namespace = a\n[user u]\nuid = 1\nnamespaces = *\n", NULL);
    ck_assert_uint_eq(s->users[0].redis, NO_NAMESPACE);
    settings_unref(s);
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND("listener_conf", begin, end, problems_of_listeners_have_their_line,
                            prefixes_that_overlap_at_one_backend_are_told_once,
                            a_listener_that_speaks_redis_is_read,
                            a_user_without_a_binding_has_none);
}
