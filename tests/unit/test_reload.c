// Reload: who asks, what is loaded, and who is told.
#include "configuration.h"
#include "daemon/loop/loop.h"
#include "daemon/reload.h"

static struct loop loop;
static struct reload reload;
static int begun, loaded, over;
static bool is_kept; // the owner has not concluded yet

struct asker {
    struct reload_ask ask;
    int told;
};

static void on_done(struct reload_ask *ask) { ((struct asker *)ask)->told++; }

static void on_begin(void *owner) {
    (void)owner;
    begun++;
}

static void on_loaded(void *owner, struct settings *settings, struct problems *problems) {
    bool is_good = settings != NULL;
    (void)owner;
    ck_assert(is_good == (problems->error_count == 0));
    loaded++;
    settings_unref(settings);
    if (!is_kept)
        reload_conclude(&reload, is_good);
}

static void on_over(void *owner) {
    (void)owner;
    over++;
}

static const struct reload_events events = {on_begin, on_loaded, on_over};

static void begin_reload(void) {
    begin();
    ck_assert_int_eq(uv_loop_init(&loop.uv), 0);
    log_init(&loop.log, 0);
    write_file("c.ini", SLICE("[backend main]\nurl = redis://h\n[namespace n]\nprefix = n:\n"
                              "ttl = 1h\nbackend = main\n"));
    reload_init(&reload, &loop, "c.ini", table, &events, NULL);
}

static void end_reload(void) {
    ck_assert_int_eq(uv_loop_close(&loop.uv), 0);
    end();
}

static void run(void) { uv_run(&loop.uv, UV_RUN_DEFAULT); }

static struct asker ask(void) { return (struct asker){.ask.on_done = on_done}; }

START_TEST(reload_tells_who_asked_when_the_settings_are_in_force) {
    struct asker asker = ask();
    is_kept = true;
    reload_ask(&reload, &asker.ask);
    run();
    ck_assert_int_eq(loaded, 1);
    ck_assert_int_eq(asker.told, 0);
    reload_conclude(&reload, true);
    ck_assert_int_eq(asker.told, 1);
    ck_assert_int_eq(asker.ask.outcome, RELOAD_DONE);
    ck_assert_uint_eq(asker.ask.problem.len, 0);
    ck_assert_int_eq(over, 1);
}
END_TEST

START_TEST(reload_of_a_bad_file_tells_the_first_problem) {
    struct asker asker = ask();
    write_file("c.ini", SLICE("[cachesd]\nno = 1\nneither = 2\n"));
    reload_ask(&reload, &asker.ask);
    run();
    ck_assert_int_eq(asker.told, 1);
    ck_assert_int_eq(asker.ask.outcome, RELOAD_REFUSED);
    check_text("problem", &asker.ask.problem,
               "c.ini: no [namespace NAME]: there would be nothing to serve "
               "(and 2 more: see the log)");
}
END_TEST

START_TEST(reload_that_is_tried_again_tells_a_refusal_once) {
    write_file("c.ini", SLICE("[cachesd]\nno = 1\n"));
    reload_retry(&reload);
    run();
    unsigned lines = reload.lines;
    ck_assert_uint_gt(lines, 0);
    reload_retry(&reload);
    reload_retry(&reload); // one is under way
    run();
    ck_assert_int_eq(loaded, 2);
    ck_assert_uint_eq(reload.lines, lines);
    reload_start(&reload); // whoever asks is told
    run();
    ck_assert_uint_eq(reload.lines, 2 * lines);
    write_file("c.ini", SLICE("[cachesd]\nneither = 1\n"));
    reload_retry(&reload);
    run();
    ck_assert_uint_eq(reload.lines, 3 * lines);
}
END_TEST

// The file may have changed since it was read.
START_TEST(reload_asked_for_while_one_runs_is_another) {
    struct asker first = ask(), second = ask(), third = ask();
    is_kept = true;
    reload_ask(&reload, &first.ask);
    reload_ask(&reload, &second.ask);
    reload_ask(&reload, &third.ask);
    run();
    ck_assert_int_eq(loaded, 1);
    reload_conclude(&reload, true);
    ck_assert_int_eq(first.told, 1);
    ck_assert_int_eq(second.told + third.told, 0);
    ck_assert_int_eq(begun, 2);
    is_kept = false;
    run();
    ck_assert_int_eq(loaded, 2);
    ck_assert_int_eq(second.told + third.told, 2);
    ck_assert_int_eq(over, 2);
}
END_TEST

START_TEST(reload_that_the_end_overtakes_is_thrown_away) {
    struct asker asker = ask(), later = ask();
    reload_ask(&reload, &asker.ask);
    reload_end(&reload);
    ck_assert_int_eq(asker.told, 0);
    run();
    ck_assert_int_eq(loaded, 0);
    ck_assert_int_eq(asker.told, 1);
    ck_assert_int_eq(asker.ask.outcome, RELOAD_ENDING);
    reload_ask(&reload, &later.ask);
    ck_assert_int_eq(later.told, 1);
    ck_assert_int_eq(later.ask.outcome, RELOAD_ENDING);
    ck_assert_int_eq(begun, 1);
}
END_TEST

START_TEST(reload_in_force_when_the_end_begins_is_still_told_as_done) {
    struct asker asker = ask(), later = ask();
    is_kept = true;
    reload_ask(&reload, &asker.ask);
    run();
    reload_start(&reload); // a signal, too
    reload_end(&reload);
    reload_conclude(&reload, true);
    ck_assert_int_eq(asker.ask.outcome, RELOAD_DONE);
    ck_assert_int_eq(asker.told, 1);
    ck_assert_int_eq(over, 0);
    ck_assert_int_eq(begun, 1);
    reload_ask(&reload, &later.ask);
    ck_assert_int_eq(later.ask.outcome, RELOAD_ENDING);
}
END_TEST

START_TEST(reload_that_is_cancelled_tells_all_at_once) {
    struct asker first = ask(), second = ask();
    reload_ask(&reload, &first.ask);
    reload_ask(&reload, &second.ask);
    reload_cancel(&reload);
    ck_assert_int_eq(first.told + second.told, 2);
    ck_assert_int_eq(second.ask.outcome, RELOAD_ENDING);
    run();
    ck_assert_int_eq(first.told + second.told, 2);
    reload_conclude(&reload, true); // nothing is under way
    ck_assert_int_eq(over, 0);
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND(
        "reload", begin_reload, end_reload, reload_tells_who_asked_when_the_settings_are_in_force,
        reload_of_a_bad_file_tells_the_first_problem,
        reload_that_is_tried_again_tells_a_refusal_once, reload_asked_for_while_one_runs_is_another,
        reload_that_the_end_overtakes_is_thrown_away,
        reload_in_force_when_the_end_begins_is_still_told_as_done,
        reload_that_is_cancelled_tells_all_at_once);
}
