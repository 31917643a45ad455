// Notices: facts as the workers and the history tell them → the sentences of the page.
#include "daemon/http/notices.h"

#include "configuration.h"
#include "protocol/mem.h"

static struct facts facts;

// Facts of these settings, in which all is well and may be seen.
static void use(const char *ini) {
    struct totals *t = &facts.totals;
    t->settings = load_good(ini, NULL);
    size_t namespaces = t->settings->namespace_count, backends = t->settings->backend_count;
    t->namespaces = mem_new(namespaces * sizeof(*t->namespaces));
    t->backends = mem_new(backends * sizeof(*t->backends));
    t->sees_namespace = mem_new(namespaces);
    t->sees_backend = mem_new(backends);
    memset(t->sees_namespace, true, namespaces);
    memset(t->sees_backend, true, backends);
    t->process.is_reload_good = true;
    facts.view.namespaces = mem_new(namespaces * sizeof(*facts.view.namespaces));
    facts.view.backends = mem_new(backends * sizeof(*facts.view.backends));
    facts.view.busy = mem_new(2 * sizeof(*facts.view.busy));
    facts.view.workers = 2;
}

static void end_facts(void) {
    struct totals *t = &facts.totals;
    settings_unref(t->settings);
    mem_free(t->namespaces);
    mem_free(t->backends);
    mem_free(t->sees_namespace);
    mem_free(t->sees_backend);
    mem_free(facts.view.namespaces);
    mem_free(facts.view.backends);
    mem_free(facts.view.busy);
    facts = (struct facts){0};
    end();
}

// The notices must be these, one a line: "KIND WHAT | TEXT".
static void check_notices(const char *what, const char *wanted) {
    static const char *const kinds[] = {"note", "warn", "bad"};
    struct notices all;
    struct bytes shown = {0};
    notices_find(&all, &facts);
    for (size_t i = 0; i < all.count; i++) {
        const struct notice *n = &all.items[i];
        bytes_printf(&shown, "%s %.*s | %.*s\n", kinds[n->kind], (int)n->what.len, n->what.data,
                     (int)n->text.len, n->text.len > 0 ? n->text.data : "");
    }
    if (all.count > 0)
        ck_assert_int_eq(notices_worst(&all), all.items[0].kind);
    notices_deinit(&all);
    check_text(what, &shown, wanted);
}

static void set_state(size_t backend, enum backend_health health, const char *reason) {
    struct backend_totals *b = &facts.totals.backends[backend];
    b->state = (struct backend_state){.health = health, .since_ms = 7};
    strcpy(b->reason, reason);
}

#define BACKENDS "[backend b]\nurl = redis://h\n[backend c]\nurl = redis://i\n"
#define ONE      "[backend b]\nurl = redis://h\n[namespace n]\n"

START_TEST(where_all_is_well_there_is_none) {
    use(ONE);
    check_notices("all well", "");
    set_state(0, BACKEND_WELL, "");
    facts.view.backends[0].p99_us = 400;
    facts.totals.stats.max_clients = 100;
    facts.totals.clients = 89;
    facts.view.busy[1] = 0.89F;
    check_notices("just below the limits", "");
}
END_TEST

START_TEST(a_state_of_a_backend_has_a_reason_and_advice) {
    static const struct {
        enum backend_health health;
        const char *reason, *wanted;
    } rows[] = {
        {BACKEND_TROUBLED, "is out of memory",
         "bad b is out of memory. | Writes answer OVERLOADED. Raise maxmemory there, or set a "
         "maxmemory-policy that evicts.\n"},
        {BACKEND_UNFIT, "has too many clients",
         "bad b has too many clients. | Requests answer UNAVAILABLE: see maxclients there.\n"},
        {BACKEND_UNFIT, "has a fault of its own", "bad b has a fault of its own. | \n"},
        {BACKEND_TROUBLED, "", "bad b is not well. | \n"},
        {BACKEND_PARTLY, "slots 0-99 have no server",
         "bad b serves only some keys. | Slots 0-99 have no server. n answers UNAVAILABLE.\n"},
        {BACKEND_CONNECTING, "", "warn b is connecting. | Connecting. n answers UNAVAILABLE.\n"},
        {BACKEND_LOST, "Connection refused",
         "bad b is down. | Connection refused. It is tried again all the time. n answers "
         "UNAVAILABLE.\n"},
        {BACKEND_LOST, "[::1] is gone",
         "bad b is down. | [::1] is gone. It is tried again all the time. n answers "
         "UNAVAILABLE.\n"},
        {BACKEND_LOST, "~/redis.sock is gone",
         "bad b is down. | ~/redis.sock is gone. It is tried again all the time. n answers "
         "UNAVAILABLE.\n"},
    };
    use(ONE);
    for (size_t i = 0; i < COUNT(rows); i++) {
        set_state(0, rows[i].health, rows[i].reason);
        check_notices(rows[i].reason, rows[i].wanted);
    }
}
END_TEST

START_TEST(effects_name_the_namespaces_of_the_backend) {
    use(BACKENDS "[namespace other]\nbackend = c\n"
                 "[namespace m]\nbackend = b\non_error = miss\n"
                 "[namespace s]\nbackend = b\non_error = stale\nnear = yes\n"
                 "[namespace e1]\nbackend = b\n[namespace e2]\nbackend = b\n");
    set_state(0, BACKEND_LOST, "gone");
#define GONE "bad b is down. | Gone. It is tried again all the time."
#define KEPT                                                                                       \
    " m answers reads as if nothing were there. s answers memo.get with what it has kept, and "    \
    "else UNAVAILABLE.\n"
    check_notices("by on_error", GONE " e1 and e2 answer UNAVAILABLE." KEPT);
    facts.totals.sees_namespace[4] = false;
    check_notices("one may not be seen", GONE " e1 answers UNAVAILABLE." KEPT);
    facts.totals.sees_backend[0] = false;
    check_notices("the backend may not be seen", "");
}
END_TEST

START_TEST(long_lists_of_namespaces_are_cut) {
    use("[backend b]\nurl = redis://h\n[namespace a]\n[namespace b]\n[namespace c]\n"
        "[namespace d]\n[namespace e]\n[namespace f]\n[namespace g]\n");
    bool *sees = facts.totals.sees_namespace;
    set_state(0, BACKEND_LOST, "gone");
    check_notices("seven", GONE " a, b, c, d and 3 more answer UNAVAILABLE.\n");
    sees[6] = false;
    check_notices("six", GONE " a, b, c, d and 2 more answer UNAVAILABLE.\n");
    sees[5] = false; // as long as "and 1 more"
    check_notices("five", GONE " a, b, c, d and e answer UNAVAILABLE.\n");
    sees[4] = false;
    check_notices("four", GONE " a, b, c and d answer UNAVAILABLE.\n");
}
END_TEST

#define LOOK "Look at that server: its slow log, its CPU, its network.\n"

START_TEST(times_of_a_backend_say_what_is_late) {
    use("[backend b]\nurl = redis://h\ntimeout = 1s\nmax_pending = 50\n[namespace n]\n");
    struct backend_view *v = &facts.view.backends[0];
    v->p99_us = 500000;
    check_notices("slow", "warn b is slow. | One of a hundred answers takes 500 ms or more. " LOOK);
    *v = (struct backend_view){.waits = 1};
    check_notices("no room", "warn b has no room. | 1 request waited for room in the last minute: "
                             "max_pending is 50. " LOOK);
    *v = (struct backend_view){.waits = 3, .timeouts = 2, .p99_us = 900000};
    check_notices("too late",
                  "bad b answers too late. | 2 requests timed out in the last minute: timeout is "
                  "1s, and they answer TIMEOUT, though writes may have been applied. One of a "
                  "hundred answers takes 900 ms or more. 3 requests waited for room in the last "
                  "minute: max_pending is 50. " LOOK);
}
END_TEST

START_TEST(a_tracker_is_missed_only_where_its_backend_serves) {
    use(ONE);
    struct backend_totals *b = &facts.totals.backends[0];
    b->tracking = 2;
    b->live = 1;
    check_notices("one of two",
                  "warn News of changes at b is lost. | Nothing is read from memory until it is "
                  "back, so reads take longer; none is stale. The log says why.\n");
    set_state(0, BACKEND_LOST, "gone");
    check_notices("down", GONE " n answers UNAVAILABLE.\n");
    set_state(0, BACKEND_WELL, "");
    b->live = 2;
    check_notices("both", "");
}
END_TEST

START_TEST(refusals_name_the_rule_that_was_broken) {
    use("[backend b]\nurl = redis://h\n[namespace n]\nttl = 1m\nmax_ttl = 1h\nover_ttl = reject\n"
        "max_key = 1kb\nmax_value = 2kb\nvalue = int\n[namespace m]\nvalue = json\n");
    uint64_t *n = facts.view.namespaces[0].last.refused, *m = facts.view.namespaces[1].last.refused;
    for (int rule = 0; rule < REFUSALS; rule++)
        n[rule] = (uint64_t)rule + 1;
    m[REFUSED_KIND] = 2;
    struct notices all;
    notices_find(&all, &facts);
    ck_assert_uint_eq(all.count, 2);
    struct slice text = bytes_slice(&all.items[0].text), json = bytes_slice(&all.items[1].text);
    static const char *const parts[] = {
        "In the last minute 1 request ",
        "of a collection not among collections =",
        "with a verb that deny = names",
        "that write, by readonly = yes",
        "with a key longer than max_key = 1kb",
        "with a value longer than max_value = 2kb",
        "with a value that is no integer, by value =",
        "with a ttl= beyond max_ttl = 1h, by over_ttl = reject",
    };
    for (size_t i = 0; i < COUNT(parts); i++)
        ck_assert_msg(memmem(text.data, text.len, parts[i], strlen(parts[i])), "%s", parts[i]);
    check_same("json", json,
               SLICE("In the last minute 2 requests with a value that is no JSON, by value =. They "
                     "answer POLICY."));
    notices_deinit(&all);
    facts.totals.sees_namespace[0] = facts.totals.sees_namespace[1] = false;
    check_notices("unseen", "");
}
END_TEST

START_TEST(failures_are_told_where_nothing_explains_them) {
    use(ONE);
    uint64_t *errors = facts.view.namespaces[0].last.errors;
    errors[REPLY_UNAVAILABLE] = 2;
    errors[REPLY_TIMEOUT] = 1;
#define FAILED "warn Requests failed a moment ago. | 2 UNAVAILABLE, 1 TIMEOUT and "
    check_notices("no cause", FAILED "0 OVERLOADED in the last minute. All backends serve now: "
                                     "what happened below says more.\n");
    errors[REPLY_OVERLOADED] = 4;
    check_notices("no room", FAILED "4 OVERLOADED in the last minute. OVERLOADED tells of no room "
                                    "at a backend, or of a reply beyond client_output.\n");
    set_state(0, BACKEND_LOST, "gone");
    check_notices("a backend is down", GONE " n answers UNAVAILABLE.\n");
}
END_TEST

START_TEST(the_worst_comes_first) {
    use(ONE);
    facts.view.stray.errors[REPLY_PROTOCOL] = 1;
    facts.view.stray.errors[REPLY_NOAUTH] = 2;
    facts.view.namespaces[0].last.errors[REPLY_LOST] = 1;
    check_notices("three kinds",
                  "bad Connections to a backend broke. | 1 request in the last minute were under "
                  "way then, and answer LOST: writes among them may have been applied.\n"
                  "warn Clients are not let in. | 2 requests in the last minute brought a wrong "
                  "token, or none (NOAUTH). What happened below says whose tokens are wrong; their "
                  "hashes stand in the [user] sections.\n"
                  "note Something else speaks to the daemon. | 1 request in the last minute were "
                  "none at all (PROTOCOL): perhaps HTTP at a port of the protocol.\n");
}
END_TEST

START_TEST(limits_of_the_daemon_are_told_before_they_are_reached) {
    use(ONE);
    facts.totals.stats.max_clients = 100;
    facts.totals.clients = 90;
#define CLIENTS " Nearly all clients are there. | "
#define RAISE   " of 100: more are turned away. Raise max_clients.\n"
    check_notices("nine tenths", "warn" CLIENTS "90" RAISE);
    facts.totals.clients = 100;
    check_notices("all", "bad" CLIENTS "100" RAISE);
    facts.totals.clients = 1;
    facts.totals.process.is_reload_good = false;
    check_notices("a bad file", "warn The last reload was refused. | The former settings are in "
                                "force. `cachesd -t` names what is wrong with the file, and so "
                                "does the log.\n");
    facts.totals.process.is_reload_good = true;
    facts.view.busy[1] = 0.95F;
    check_notices("a busy worker",
                  "warn Worker 1 is busy. | Its thread worked 95 % of the last seconds, so its "
                  "clients wait. More workers share the load.\n");
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND(
        "notices", begin, end_facts, where_all_is_well_there_is_none,
        a_state_of_a_backend_has_a_reason_and_advice, effects_name_the_namespaces_of_the_backend,
        long_lists_of_namespaces_are_cut, times_of_a_backend_say_what_is_late,
        a_tracker_is_missed_only_where_its_backend_serves, refusals_name_the_rule_that_was_broken,
        failures_are_told_where_nothing_explains_them, the_worst_comes_first,
        limits_of_the_daemon_are_told_before_they_are_reached);
}
