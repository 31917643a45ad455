// Settings: every problem of a configuration, each with its line.
#include "configuration.h"

#define SMALL "[backend main]\nurl = redis://h\n[namespace n]\n" // 3 lines

struct problem_row {
    const char *text, *problems;
};

static void check_rows(const struct problem_row *rows, size_t count) {
    for (size_t i = 0; i < count; i++)
        check_problems(slice_of(rows[i].text), NULL, rows[i].problems);
}

START_TEST(problems_of_sections_have_their_line) {
    static const struct problem_row rows[] = {
        {SMALL "[namespac x]\n",
         "c.ini:4: unknown section [namespac]: did you mean [namespace NAME]?\n"},
        {SMALL "[users u]\nuid = 1\n",
         "c.ini:4: unknown section [users]: did you mean [user NAME]?\n"},
        {SMALL "[something]\n",
         "c.ini:4: unknown section [something]: use [cachesd], [http], "
         "[listener NAME], [backend NAME], [namespace NAME] or [user NAME]\n"},
        {SMALL "[cachesd x]\n", "c.ini:4: [cachesd] takes no name\n"},
        {SMALL "[cachesd]\n\n[cachesd]\n", "c.ini:6: [cachesd] again: it began at line 4\n"},
        {SMALL "[namespace n]\n", "c.ini:4: [namespace n] again: it began at line 3\n"},
        {SMALL "[user u]\nuid = 1\nnamespaces = *\n[user u]\nuid = 2\nnamespaces = *\n",
         "c.ini:7: [user u] again: it began at line 4\n"},
        {SMALL "backend = main\n[backend main]\nurl = redis://i\n",
         "c.ini:5: [backend main] again: it began at line 1\n"},
        {SMALL "[namespace]\n",
         "c.ini:4: [namespace NAME] needs a name of 1 to 64 of A-Z a-z 0-9 _ . -, not ''\n"},
        {SMALL "[namespace a b]\n",
         "c.ini:4: [namespace NAME] needs a name of 1 to 64 of A-Z a-z 0-9 _ . -, not 'a b'\n"},
    };
    check_rows(rows, COUNT(rows));
    check_problems(slice_of("[backend x]\n[namespace n]\n"), NULL,
                   "c.ini:1: [backend x] needs a url\n");
}
END_TEST

START_TEST(problems_of_misspelt_options_name_the_nearest) {
    static const struct problem_row rows[] = {
        {SMALL "prefx = a:\n",
         "c.ini:4: unknown option 'prefx' in [namespace]: did you mean prefix?\n"},
        {SMALL "TTL = 1h\n", "c.ini:4: unknown option 'TTL' in [namespace]: did you mean ttl?\n"},
        {SMALL "[cachesd]\nmax_client = 1\n",
         "c.ini:5: unknown option 'max_client' in [cachesd]: did you mean max_clients?\n"},
        {"[backend x]\nurl = redis://h\nsentinel_password = a\n[namespace n]\n",
         "c.ini:3: unknown option 'sentinel_password' in [backend]: did you mean "
         "sentinel_password_file?\n"},
        {SMALL "completely_different = 1\n", "c.ini:4: unknown option 'completely_different' in "
                                             "[namespace]: cachesd.ini(5) has all there are\n"},
        {SMALL "[cachesd]\nblah = 1\n", // "slow" is no nearer than any word
         "c.ini:5: unknown option 'blah' in [cachesd]: cachesd.ini(5) has all there are\n"},
        {SMALL "max_clients = 1\n",
         "c.ini:4: unknown option 'max_clients' in [namespace]: it is one of [cachesd]\n"},
        {SMALL "ttl = 1h\n\nttl = 2h\n", "c.ini:6: ttl is given twice in this section\n"},
        {SMALL "ttl = 1h\n  2h\n", "c.ini:5: ttl is no list: it can't go on over further lines\n"},
    };
    check_rows(rows, COUNT(rows));
}
END_TEST

START_TEST(problems_of_values_say_what_would_be_right) {
    static const struct problem_row rows[] = {
        {SMALL "ttl = soon\n",
         "c.ini:4: ttl: 'soon' is wrong: use a duration, as 90, 1500ms, 2h (36500d at most)\n"},
        {SMALL "near_ttl = 2d\n", "c.ini:4: near_ttl: '2d' is out of range: use 1ms to 1d\n"},
        {SMALL "lease = forever\n", "c.ini:4: lease: 'forever' is out of range: use 1ms to 1d\n"},
        {SMALL "max_value = big\n",
         "c.ini:4: max_value: 'big' is wrong: use a size, as 4096, 16kb, 64mb, 1gb\n"},
        {SMALL "max_key = 1mb\n", "c.ini:4: max_key: '1mb' is out of range: use 1b to 64kb\n"},
        {SMALL "jitter = 101%\n", "c.ini:4: jitter: '101%' is wrong: use 0% to 100%\n"},
        {SMALL "jitter = %\n", "c.ini:4: jitter: '%' is wrong: use 0% to 100%\n"},
        {SMALL "jitter = -1%\n", "c.ini:4: jitter: '-1%' is wrong: use 0% to 100%\n"},
        {SMALL "jitter =\n", "c.ini:4: jitter: '' is wrong: use 0% to 100%\n"},
        {SMALL "readonly = true\n", "c.ini:4: readonly: 'true' is wrong: use yes or no\n"},
        {SMALL "value = text\n", "c.ini:4: value: 'text' is wrong: use bytes|int|json\n"},
        {SMALL "collections = key, map\n", "c.ini:4: collections: 'map' is wrong: use key, dict, "
                                           "set, sorted, list, counter or memo\n"},
        {SMALL "deny = sorted.pup\n", "c.ini:4: deny: no verb 'sorted.pup' that a namespace has: "
                                      "did you mean sorted.pop?\n"},
        {SMALL "deny = key.set,, \t ,key.get \t,\n", ""}, // items may be empty
        {SMALL "deny =\n", ""},
        {SMALL "deny = key.set,\tsorted.pup\t,\n",
         "c.ini:4: deny: no verb 'sorted.pup' that a namespace has: did you mean sorted.pop?\n"},
        {SMALL "[cachesd]\nlisten =\n",
         "c.ini:5: listen: '' is wrong: use unix:/PATH, tcp:HOST:PORT or systemd\n"},
        {SMALL "deny = nothingatall\n", "c.ini:4: deny: no verb 'nothingatall' that a namespace "
                                        "has: caches-protocol(7) has all there are\n"},
        {SMALL "collections =\n  key,\n  mapp\n", "c.ini:6: collections: 'mapp' is wrong: use key, "
                                                  "dict, set, sorted, list, counter or memo\n"},
        {SMALL "[cachesd]\nmax_clients = 0\n",
         "c.ini:5: max_clients: '0' is wrong: use a whole number from 1 to 1000000\n"},
        {SMALL "[cachesd]\nsocket_mode = 888\n",
         "c.ini:5: socket_mode: '888' is wrong: use an octal file mode, as 0660\n"},
        {SMALL "[cachesd]\nsocket_mode = 7777\n",
         "c.ini:5: socket_mode: '7777' is wrong: use an octal file mode, as 0660\n"},
        {SMALL "[cachesd]\nsocket_mode = 1000\n",
         "c.ini:5: socket_mode: '1000' is wrong: use an octal file mode, as 0660\n"},
        {SMALL "[cachesd]\nsocket_mode = 00660\n",
         "c.ini:5: socket_mode: '00660' is wrong: use an octal file mode, as 0660\n"},
        {SMALL "[cachesd]\nsocket_mode = -660\n",
         "c.ini:5: socket_mode: '-660' is wrong: use an octal file mode, as 0660\n"},
        {SMALL "[cachesd]\nsocket_mode =\n",
         "c.ini:5: socket_mode: '' is wrong: use an octal file mode, as 0660\n"},
        {SMALL "[cachesd]\nmax_clients = 1000001\n",
         "c.ini:5: max_clients: '1000001' is wrong: use a whole number from 1 to 1000000\n"},
        {SMALL "deny = ping\n", "c.ini:4: deny: no verb 'ping' that a namespace has: "
                                "caches-protocol(7) has all there are\n"},
        {SMALL "backend = main/0\n",
         "c.ini:4: backend: this value is wrong: use 1 to 64 of A-Z a-z 0-9 _ . -\n"},
        {SMALL "[cachesd]\nlisten = udp:1\n", "c.ini:5: listen: 'udp:1' is wrong: an address "
                                              "begins with tcp:, tls: (for clients alone) or "
                                              "unix:, as in tcp:127.0.0.1:7379, tcp:[::1]:7379 "
                                              "and unix:/PATH; or it is the word systemd\n"},
        {"[backend b]\nurl = rediss://h\ntls_ca = no.crt\n[namespace n]\n",
         "c.ini:3: tls_ca: can't read 'no.crt': No such file or directory\n"},
        {"[backend b]\nurl = rediss://h\ntls_key = no.key\n[namespace n]\n",
         "c.ini:3: tls_key needs tls_cert beside it\n"},
        {"[backend b]\nurl = redis+sentinel://h/m\nseeds = g, h:26379\n[namespace n]\n",
         "c.ini:3: seeds: 'h:26379' is given twice\n"},
        {"[backend b]\nurl = redis+cluster://h,h\n[namespace n]\n",
         "c.ini:2: url: the same HOST:PORT is given twice\n"},
        {"[backend b]\nurl = redis+cluster://h/1\n[namespace n]\n",
         "c.ini:2: url: a cluster has database 0 alone: leave the database out\n"},
        {"[backend b]\nurl = redis://h\nseeds = a, h:0\n[namespace n]\n",
         "c.ini:3: seeds: 'h:0' is wrong: the port must be 1 to 65535\n"},
        {"[backend b]\nurl = redis://h\nseeds = a,\n  u:p@h\n[namespace n]\n",
         "c.ini:4: seeds: this value is wrong: the port must be 1 to 65535\n"},
        {"[backend b]\nurl = redis://h\nseeds = a,\n  ::1\n[namespace n]\n",
         "c.ini:4: seeds: '::1' is wrong: an IPv6 address must stand in brackets, as "
         "[::1]:6379\n"},
        {"[backend b]\nurl = redis://h\nseeds = :7\n[namespace n]\n",
         "c.ini:3: seeds: ':7' is wrong: a HOST is missing\n"},
        {"[backend b]\nurl = redis+cluster://h\nseeds = a, h:6379\n[namespace n]\n",
         "c.ini:3: seeds: 'h:6379' is given twice\n"},
        {"[backend b]\nurl = redis+sentinel://h/m\nsentinel_user = u\n[namespace n]\n",
         "c.ini:3: sentinel_user: a user needs a password: name a sentinel_password_file\n"},
        {"[backend b]\nurl = redis://h\nsentinel_password_file = none\n[namespace n]\n",
         "c.ini:3: sentinel_password_file: can't read the file of that name (a name belongs "
         "here, not the password): No such file or directory\n"},
        {"[backend b]\nurl = redis://h#name\n[namespace n]\n",
         "c.ini:2: url: a #name belongs to CACHES_DSN only\n"},
    };
    check_rows(rows, COUNT(rows));
}
END_TEST

#define NO_FILE                                                                                    \
    "password_file: can't read the file of that name (a name belongs here, not the password): "    \
    "No such file or directory\n"
#define NO_PASSWORD                                                                                \
    "a user needs a password: write redis://USER:PASSWORD@HOST, or name a password_file; "         \
    "USER:@HOST for a user who has none, :PASSWORD@HOST for a password alone\n"

#define BACKEND(name) "[backend " name "]\nurl = redis://" name "\n"
// 9 backends, and line 20 names none of them.
#define MANY_BACKENDS                                                                              \
    BACKEND("b0")                                                                                  \
    BACKEND("b1")                                                                                  \
    BACKEND("b2")                                                                                  \
    BACKEND("b3")                                                                                  \
    BACKEND("b4")                                                                                  \
    BACKEND("b5") BACKEND("b6") BACKEND("b7") BACKEND("b8") "[namespace n]\nbackend = x\n"

START_TEST(problems_of_options_that_do_not_fit_together) {
    static const struct problem_row rows[] = {
        {"", "c.ini: no [namespace NAME]: there would be nothing to serve\n"},
        {"[namespace n]\n",
         "c.ini:1: [namespace n] has no backend: add a section [backend NAME]\n"},
        {SMALL "backend = other\n", "c.ini:4: [namespace n]: no backend 'other': use main\n"},
        {SMALL "backend = mian\n",
         "c.ini:4: [namespace n]: no backend 'mian': did you mean 'main'?\n"},
        {"[namespace n]\nbackend = b\n",
         "c.ini:2: [namespace n]: no backend 'b': add a section [backend b]\n"},
        {MANY_BACKENDS, "c.ini:20: [namespace n]: no backend 'x': use one of b0, b1, b2, b3, b4, "
                        "b5, b6, b7 and 1 more\n"},
        {SMALL "[backend b]\nurl = redis://h\n",
         "c.ini:3: [namespace n] needs backend = NAME, since there are several\n"},
        {SMALL "ttl = 2h\nmax_ttl = 1h\n", "c.ini:4: [namespace n]: ttl is longer than max_ttl\n"},
        {SMALL "max_ttl = 1h\n", "c.ini:4: [namespace n]: ttl is longer than max_ttl\n"},
        {SMALL "max_ttl = 1h\nttl = forever\n",
         "c.ini:5: [namespace n]: ttl is longer than max_ttl\n"},
        {SMALL "ttl = 1 hour\nmax_ttl = 10m\nlease = no\n",
         "c.ini:4: ttl: '1 hour' is wrong: use a duration, as 90, 1500ms, 2h (36500d at most)\n"
         "c.ini:6: lease: 'no' is wrong: use a duration, as 90, 1500ms, 2h (36500d at most)\n"},
        {SMALL "prefix = abcd\nmax_key = 4\n",
         "c.ini:5: [namespace n]: max_key leaves no room behind the prefix\n"},
        {SMALL "lease = 3h\n",
         "c.ini:4: [namespace n]: lease is longer than max_ttl, which is 2h\n"},
        {SMALL "null_ttl = 1ms\nmax_ttl = 1m\nttl = 2s\nlease = 61s\n",
         "c.ini:7: [namespace n]: lease is longer than max_ttl, which is 1m\n"},
        {SMALL "ttl = 1m\nnull_ttl = 61s\n",
         "c.ini:5: [namespace n]: null_ttl is longer than max_ttl, which is 1m\n"},
        {"[backend b]\nurl = redis://h\npassword_file = the-password\n[namespace n]\n",
         "c.ini:3: " NO_FILE},
        {"[backend b]\nurl = redis://user@h\n[namespace n]\n", "c.ini:2: url: " NO_PASSWORD},
        {"[backend b]\nurl = redis://h?user=u\n[namespace n]\n", "c.ini:2: url: " NO_PASSWORD},
    };
    check_rows(rows, COUNT(rows));
}
END_TEST

#define OVERLAPS(line, name, prefix, other_prefix, other)                                          \
    "c.ini:" line ": [namespace " name "]: prefix '" prefix "' overlaps '" other_prefix            \
    "' of [namespace " other "] on the same backend\n"

START_TEST(problems_of_prefixes_that_overlap) {
    static const struct problem_row rows[] = {
        {SMALL "[namespace m]\nprefix = n:\n", OVERLAPS("5", "m", "n:", "n:", "n")},
        {SMALL "[namespace m]\nprefix = n:m:\n", OVERLAPS("5", "m", "n:m:", "n:", "n")},
        {SMALL "prefix = n:m:\n[namespace m]\nprefix = n:\n",
         OVERLAPS("6", "m", "n:", "n:m:", "n")},
        {SMALL "[namespace m]\nprefix =\n", OVERLAPS("5", "m", "", "n:", "n")},
        {SMALL "prefix = a\n[namespace ab]\n[namespace b]\n", OVERLAPS("5", "ab", "ab:", "a", "n")},
    };
    check_rows(rows, COUNT(rows));
}
END_TEST

// Two backends, and a namespace on each, the second of which begins with the first.
#define TWO(one, other)                                                                            \
    "[backend a]\nurl = " one "\n[backend b]\nurl = " other "\n"                                   \
    "[namespace n]\nbackend = a\nprefix = x:\n[namespace m]\nbackend = b\nprefix = x:y:\n"

START_TEST(problems_of_prefixes_on_two_backends_of_one_server) {
    static const char *const same[] = {
        TWO("redis://h/1", "redis://H.:6379/1"),
        TWO("redis://h", "redis://u:p@h?db=0"),
        TWO("redis://[::1]", "redis://[0:0:0::1]:6379/"),
        TWO("unix:/run/r.sock", "unix:///run//./r.sock?db=0"),
        TWO("unix:/run/r%2esock?db=3", "unix:/run/r.sock?db=3"),
        TWO("redis+cluster://b,a:7000", "redis+cluster://u:p@A.:7000,b,c"),
        TWO("redis+sentinel://s1,s2/m?db=3", "redis+sentinel://u:p@S2.,S1:26379/m?db=3"),
    };
    static const char *const likely[] = {
        TWO("redis://localhost", "redis://127.0.0.1"),
        TWO("redis+cluster://localhost:7000", "redis+cluster://127.0.0.1:7000"),
        TWO("redis+sentinel://localhost/m", "redis+sentinel://s2,127.0.0.1/m"),
        TWO("redis://", "redis://[::1]"),
        TWO("redis://127.0.0.1/2", "redis://127.0.0.2/2"),
        TWO("unix:/var/run/r.sock", "unix:/run/r.sock"),
    };
#define OVERLAP "[namespace m]: prefix 'x:y:' overlaps 'x:' of [namespace n], and [backend b] and "
    for (size_t i = 0; i < COUNT(same); i++)
        check_problems(slice_of(same[i]), NULL,
                       "c.ini:10: " OVERLAP "[backend a] are the same server and database\n");
    for (size_t i = 0; i < COUNT(likely); i++)
        check_problems(slice_of(likely[i]), NULL,
                       "c.ini:10: warning: " OVERLAP
                       "[backend a] seem to be the same server and database\n");
}
END_TEST

// Some prefix between may hide neither an error nor a warning.
START_TEST(problems_of_prefixes_are_found_behind_one_that_is_nearer) {
    check_problems(
        slice_of("[backend a]\nurl = redis://localhost\n"
                 "[backend b]\nurl = redis://127.0.0.1\n"
                 "[namespace n]\nbackend = a\nprefix = x\n"
                 "[namespace m]\nbackend = b\nprefix = xy\n"
                 "[namespace o]\nbackend = a\nprefix = xyz\n"),
        NULL,
        "c.ini:10: warning: [namespace m]: prefix 'xy' overlaps 'x' of [namespace n], and "
        "[backend b] and [backend a] seem to be the same server and database\n"
        "c.ini:13: [namespace o]: prefix 'xyz' overlaps 'x' of [namespace n] on the same "
        "backend\n"
        "c.ini:13: warning: [namespace o]: prefix 'xyz' overlaps 'xy' of [namespace m], "
        "and [backend a] and [backend b] seem to be the same server and database\n");
}
END_TEST

// Compares with what each pair says, for all sorts of prefixes of few letters.
START_TEST(problems_of_prefixes_are_those_of_each_pair) {
    unsigned random = 1;
    for (int round = 0; round < 300; round++) {
        struct bytes text = {0}, report = {0};
        char prefixes[8][4];
        bool is_overlapping = false;
        bytes_append_literal(&text, "[backend main]\nurl = redis://h\n");
        for (int i = 0; i < 8; i++) {
            int len = 1 + (int)((random = random * 1103515245 + 12345) >> 16) % 3;
            for (int j = 0; j < len; j++)
                prefixes[i][j] = "abcdef"[((random = random * 1103515245 + 12345) >> 16) % 6];
            prefixes[i][len] = '\0';
            bytes_printf(&text, "[namespace n%d]\nprefix = %s\n", i, prefixes[i]);
            for (int j = 0; j < i; j++)
                is_overlapping = is_overlapping ||
                                 strncmp(prefixes[i], prefixes[j], strlen(prefixes[i])) == 0 ||
                                 strncmp(prefixes[i], prefixes[j], strlen(prefixes[j])) == 0;
        }
        write_file("c.ini", bytes_slice(&text));
        struct settings *s = load("c.ini", NULL, &report);
        ck_assert_msg(!s == is_overlapping, "%.*s", (int)text.len, text.data);
        settings_unref(s);
        bytes_deinit(&text);
        bytes_deinit(&report);
    }
}
END_TEST

#define QUOTES "quotes would be part of the value: write it without them\n"
#define SHARP  "a # begins no comment behind a value: write ; with a blank before it\n"

START_TEST(problems_of_quotes_and_comments_in_values) {
    static const struct problem_row rows[] = {
        {SMALL "prefix = \"sess:\"\n", "c.ini:4: prefix: " QUOTES},
        {SMALL "prefix = 'sess:'\n", "c.ini:4: prefix: " QUOTES},
        {SMALL "prefix = sess: # x\n", "c.ini:4: prefix: " SHARP},
        {SMALL "prefix = sess:\t#\n", "c.ini:4: prefix: " SHARP},
        {SMALL "prefix = # x\n", "c.ini:4: prefix: " SHARP},
        {SMALL "ttl = 2h # two hours\n", "c.ini:4: ttl: " SHARP},
        {SMALL "backend = \"main\"\n", "c.ini:4: backend: " QUOTES},
        {SMALL "deny = key.set,\n  key.get # both\n", "c.ini:5: deny: " SHARP},
        {SMALL "[cachesd]\nlisten = unix:/run/x.sock # note\n", "c.ini:5: listen: " SHARP},
        {SMALL "[cachesd]\nlisten = \"unix:/run/x.sock\"\n", "c.ini:5: listen: " QUOTES},
        {SMALL "[cachesd]\ninclude = \"conf.d/a.ini\"\n", "c.ini:5: include: " QUOTES},
        {"[backend b]\nurl = redis://h # main\n[namespace n]\n", "c.ini:2: url: " SHARP},
        {"[backend b]\nurl = redis://h\npassword_file = 'x'\n[namespace n]\n",
         "c.ini:3: password_file: " QUOTES},
        {SMALL "prefix = a#b'c\"\n", ""},
        {SMALL "prefix = 'a\n", ""},
        {SMALL "prefix = a'\n", ""},
        {SMALL "prefix = '\n", ""},
        {SMALL "prefix = a ; # comment\n", ""},
    };
    check_rows(rows, COUNT(rows));
}
END_TEST

// Secrets where they do not belong: the problem names the line, and no message repeats them.
START_TEST(problems_never_show_what_might_be_a_secret) {
    static const char *const texts[] = {
        "[backend b]\nurl = redis://h\npassword_file = hunter2\n[namespace n]\n",
        "[backend b]\nurl = redis://u:hunter2@h/x\n[namespace n]\n",
        "[backend redis://u:hunter2@h]\n[namespace n]\n",
        "[backend :hunter2]\n[namespace n]\n",
        "[redis://u:hunter2@h]\n",
        SMALL "backend = redis://u:hunter2@h\n",
        SMALL "backend = u:hunter2\n",
        SMALL "redis://u:hunter2@h\n",
        SMALL "hunter2=\n",
        SMALL "Hunter2: x\n",
        SMALL "ttl = redis://u:hunter2@h\n",
        SMALL "max_key = redis://u:hunter2@h\n",
        SMALL "value = redis://u:hunter2@h\n",
        SMALL "deny = redis://u:hunter2@h\n",
        SMALL "collections = redis://u:hunter2@h\n",
        SMALL "[cachesd]\nlisten = redis://u:hunter2@h\n",
        SMALL "[cachesd]\nlisten = tcp:u:hunter2@h:1\n",
        SMALL "[cachesd]\nlisten = unix:r.sock?password=hunter2\n",
        SMALL "[cachesd]\nworkers = redis://u:hunter2@h\n",
        SMALL "[cachesd]\nsocket_mode = redis://u:hunter2@h\n",
        SMALL "[cachesd]\ninclude = redis://u:hunter2@h\n",
        SMALL "[user u]\ntoken = hunter2\nnamespaces = *\n",
        SMALL "[user u]\nuid = sha256:hunter2\nnamespaces = *\n",
        SMALL "[user u]\nuid = hunter2hunter2hunter2hunter2hunter2\nnamespaces = *\n",
        SMALL "[user u]\nuid = 1\nnamespaces = redis://u:hunter2@h\n",
        SMALL "[user u]\nuid = 1\nnamespaces = *\naccess = redis://u:hunter2@h\n",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct bytes report = {0};
        write_file("c.ini", slice_of(texts[i]));
        ck_assert_msg(!load("c.ini", NULL, &report), "%s", texts[i]);
        bytes_append(&report, "", 1);
        ck_assert_msg(!strcasestr(report.data, "hunter2"), "%s: %s", texts[i], report.data);
        ck_assert_msg(strncmp(report.data, "c.ini:", 6) == 0, "%s", report.data);
        bytes_deinit(&report);
    }
}
END_TEST

#define NO_TOKEN "listen: an address that other machines reach needs a [user] with a token\n"

START_TEST(problems_of_listeners_that_let_anybody_in) {
    static const struct problem_row rows[] = {
        {SMALL "[cachesd]\nlisten = tcp:0.0.0.0:7379\n", "c.ini:5: " NO_TOKEN},
        {SMALL "[cachesd]\nlisten = systemd\nlisten = tcp:127.0.0.1:1,\n  tcp:[::]:7379\n",
         "c.ini:7: " NO_TOKEN},
        {SMALL "[cachesd]\nlisten = tcp:192.0.2.1:1\n[user u]\nuid = 1\nnamespaces = *\n",
         "c.ini:5: " NO_TOKEN},
    };
    check_rows(rows, COUNT(rows));
}
END_TEST

#define BAD_TOKEN                                                                                  \
    "token: use sha256: and 64 hexadecimal digits, as printed by printf %s TOKEN | sha256sum\n"

START_TEST(problems_of_users) {
    static const struct problem_row rows[] = {
        {SMALL "[user u]\nnamespaces = *\n",
         "c.ini:4: [user u] needs uid, gid, token or tls_name\n"},
        {SMALL "[user u]\nuid = 1\n", "c.ini:4: [user u] needs namespaces = NAME, ... or *\n"},
        {SMALL "[user u]\nuid = 1\nnamespaces = n, x\n",
         "c.ini:6: [user u]: no namespace 'x': use n\n"},
        {SMALL "[user u]\nuid = 1\nnamespaces = n!\n",
         "c.ini:6: namespaces: 'n!' is wrong: use names of namespaces, or *\n"
         "c.ini:6: [user u] needs namespaces = NAME, ... or *\n"},
        {SMALL "[user u]\nuid = nobody-of-that-name\nnamespaces = *\n",
         "c.ini:5: uid: 'nobody-of-that-name' is wrong: use a number, or the name of a user of "
         "this machine\n"},
        {SMALL "[user u]\ngid = -5\nnamespaces = *\n",
         "c.ini:5: gid: '-5' is wrong: use a number, or the name of a group of this machine\n"},
        {SMALL "[user u]\nuid = 4294967296\nnamespaces = *\n",
         "c.ini:5: uid: '4294967296' is wrong: use a number, or the name of a user of this "
         "machine\n"},
        {SMALL "[user u]\nuid = 4294967295\nnamespaces = *\n", ""},
        {SMALL "[user u]\nuid =\nnamespaces = *\n",
         "c.ini:5: uid: '' is wrong: use a number, or the name of a user of this machine\n"},
        {SMALL "[user u]\ngid = a-name-that-is-longer-than-any-of-a-group-of-this-machine-may-be"
               "-and-more\nnamespaces = *\n",
         "c.ini:5: gid: this value is wrong: use a number, or the name of a group of this "
         "machine\n"},
        {SMALL "[user u]\ntoken = secret\nnamespaces = *\n", "c.ini:5: " BAD_TOKEN},
        {SMALL "[user u]\ntoken = sha256:abc\nnamespaces = *\n", "c.ini:5: " BAD_TOKEN},
        {SMALL "[user u]\nuid = 1\nnamespaces = *\naccess = all\n",
         "c.ini:7: access: 'all' is wrong: use read|write|admin\n"},
    };
    check_rows(rows, COUNT(rows));
}
END_TEST

START_TEST(problems_of_one_file_are_all_reported) {
    check_problems(slice_of("ttl = 1\n"
                            "[cachesd]\n"
                            "max_clients = many\n"
                            "lissen = systemd\n"
                            "[backend main]\n"
                            "[backend other]\n"
                            "url = http://h\n"
                            "[namespace n]\n"
                            "backend = none\n"
                            "ttl = x\n"
                            "nonsense\n"
                            "[usr u]\n"
                            "uid = 1\n"
                            "[user v]\n"),
                   NULL,
                   "c.ini:1: an option before the first [section]\n"
                   "c.ini:3: max_clients: 'many' is wrong: use a whole number from 1 to 1000000\n"
                   "c.ini:4: unknown option 'lissen' in [cachesd]: did you mean listen?\n"
                   "c.ini:5: [backend main] needs a url\n"
                   "c.ini:7: url: use redis://HOST:PORT/DB, rediss://, redis+cluster://, "
                   "redis+sentinel://, unix:/PATH or embedded:\n"
                   "c.ini:9: [namespace n]: no backend 'none': use one of main, other\n"
                   "c.ini:10: ttl: 'x' is wrong: use a duration, as 90, 1500ms, 2h (36500d at "
                   "most)\n"
                   "c.ini:11: not a section, an option (name = value) or a comment\n"
                   "c.ini:12: unknown section [usr]: did you mean [user NAME]?\n"
                   "c.ini:14: [user v] needs uid, gid, token or tls_name\n"
                   "c.ini:14: [user v] needs namespaces = NAME, ... or *\n");
}
END_TEST

START_TEST(problems_of_long_lines_and_nul_bytes) {
    struct bytes text = {0};
    bytes_printf(&text, SMALL "prefix = %0191d\n", 7);
    check_problems(bytes_slice(&text), NULL,
                   "c.ini:4: longer than 199 bytes: go on over indented lines, or shorten it\n");
    text.len = 0;
    bytes_append_slice(&text, SLICE(SMALL "prefix = a\0b\n"));
    check_problems(bytes_slice(&text), NULL, "c.ini:4: a NUL byte\n");
    bytes_deinit(&text);
}
END_TEST

START_TEST(problems_of_names_over_64_bytes) {
    struct bytes text = {0}, wanted = {0};
    bytes_printf(&text, SMALL "[namespace %065d]\n", 1);
    bytes_printf(&wanted,
                 "c.ini:4: [namespace NAME] needs a name of 1 to 64 of A-Z a-z 0-9 _ . -, not "
                 "'%065d'\n%c",
                 1, 0);
    check_problems(bytes_slice(&text), NULL, wanted.data);
    bytes_deinit(&text);
    bytes_deinit(&wanted);
}
END_TEST

START_TEST(problems_of_files_that_cannot_be_read) {
    struct bytes report = {0};
    ck_assert_ptr_null(load("none.ini", NULL, &report));
    check_text("none", &report, "none.ini: can't read it: No such file or directory\n");
    ck_assert_ptr_null(load("sub", NULL, &report));
    check_text("folder", &report, "sub: can't read it: Is a directory\n");
}
END_TEST

START_TEST(problems_of_the_environment_never_show_a_secret) {
    static const struct {
        const char *variable, *problem;
    } rows[] = {
        {"CACHES_DSN=http://u:secret@h",
         "c.ini: CACHES_DSN in the environment: use redis://HOST:PORT/DB, rediss://, "
         "redis+cluster://, redis+sentinel://, unix:/PATH or embedded:\n"},
        {"CACHES_DSN_1=redis://u:secret@h#a b",
         "c.ini: CACHES_DSN_1 in the environment: the #name must be 1 to 64 of A-Z a-z 0-9 _ . "
         "-\n"},
        {"CACHES_DSN_3=redis://secret@h#x", "c.ini: CACHES_DSN_3 in the environment: " NO_PASSWORD},
        {"CACHES_DSN_2=redis://u:secret@h#main",
         "c.ini: CACHES_DSN_2 in the environment: there is a backend of that #name already\n"},
        {"CACHES_DSN_1=redis+sentinel://u:secret@h,g#x",
         "c.ini: CACHES_DSN_1 in the environment: name the master as its sentinels do: "
         "redis+sentinel://HOST:PORT,HOST:PORT/MASTER\n"},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        check_problems(slice_of(SMALL), (const char *const[]){rows[i].variable, NULL},
                       rows[i].problem);
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND(
        "settings_problems", begin, end, problems_of_sections_have_their_line,
        problems_of_misspelt_options_name_the_nearest, problems_of_values_say_what_would_be_right,
        problems_of_options_that_do_not_fit_together, problems_of_prefixes_that_overlap,
        problems_of_prefixes_on_two_backends_of_one_server,
        problems_of_prefixes_are_found_behind_one_that_is_nearer,
        problems_of_prefixes_are_those_of_each_pair, problems_of_quotes_and_comments_in_values,
        problems_never_show_what_might_be_a_secret, problems_of_listeners_that_let_anybody_in,
        problems_of_users, problems_of_one_file_are_all_reported,
        problems_of_long_lines_and_nul_bytes, problems_of_names_over_64_bytes,
        problems_of_files_that_cannot_be_read, problems_of_the_environment_never_show_a_secret);
}
