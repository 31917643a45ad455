// Lookout: which changes of files make a reload due, and when the log is told of them.
#include "configuration.h"
#include "daemon/lookout.h"
#include "daemon/loop/loop.h"

#define INI                                                                                        \
    "[backend main]\nurl = redis+sentinel://h/m\nsentinel_password_file = secret\n[namespace n]\n"

static struct loop loop;
static struct lookout lookout;
static int due, told;

static void on_due(void *owner, bool is_told) {
    ck_assert_ptr_eq(owner, &due);
    due++;
    told += is_told;
}

static void follow(void) {
    struct bytes report = {0};
    struct settings *settings = load("c.ini", NULL, &report);
    check_text("problems", &report, "");
    lookout_follow(&lookout, settings);
    settings_unref(settings);
}

static void begin_with(uint64_t period_ms) {
    begin();
    ck_assert_int_eq(uv_loop_init(&loop.uv), 0);
    log_init(&loop.log, 0);
    due = told = 0;
    write_file("secret", SLICE("first"));
    write_file("c.ini", SLICE(INI));
    lookout_init(&lookout, &loop, period_ms, on_due, &due);
    follow();
}

static void begin_lookout(void) { begin_with(1000000); }

static void end_lookout(void) {
    lookout_close(&lookout);
    uv_run(&loop.uv, UV_RUN_DEFAULT);
    ck_assert_ptr_null(lookout.looked_at);
    ck_assert_int_eq(uv_loop_close(&loop.uv), 0);
    end();
}

static void look(void) {
    lookout_look(&lookout);
    while (lookout.looked_at)
        uv_run(&loop.uv, UV_RUN_ONCE);
}

START_TEST(lookout_sees_no_change_where_there_is_none) {
    look();
    ck_assert_int_eq(due, 0);
}
END_TEST

START_TEST(lookout_asks_for_a_reload_until_the_change_is_in_force) {
    write_file("secret", SLICE("second"));
    look();
    look();
    ck_assert_int_eq(due, 2);
    ck_assert_int_eq(told, 1);
    write_file("secret", SLICE("third one"));
    look();
    ck_assert_int_eq(due, 3);
    ck_assert_int_eq(told, 2);
    follow();
    look();
    ck_assert_int_eq(due, 3);
    write_file("secret", SLICE("fourth"));
    look();
    ck_assert_int_eq(told, 3);
}
END_TEST

START_TEST(lookout_leaves_a_change_beside_another_ini_file_to_its_owner) {
    write_file("c.ini", SLICE("[namespace half"));
    write_file("secret", SLICE("second"));
    look();
    ck_assert_int_eq(due, 0);
    ck_assert(lookout.is_ini_told);
    write_file("c.ini", SLICE(INI));
    look();
    ck_assert_int_eq(due, 1);
    ck_assert_int_eq(told, 1);
    write_file("c.ini", SLICE("[namespace half"));
    look();
    ck_assert_int_eq(due, 1);
}
END_TEST

START_TEST(lookout_forgets_what_it_saw_of_former_settings) {
    write_file("secret", SLICE("second"));
    lookout_look(&lookout);
    lookout_look(&lookout); // one is enough
    ck_assert_ptr_nonnull(lookout.looked_at);
    follow();
    while (lookout.looked_at)
        uv_run(&loop.uv, UV_RUN_ONCE);
    ck_assert_int_eq(due, 0);
}
END_TEST

START_TEST(lookout_closes_while_a_thread_looks) {
    write_file("secret", SLICE("second"));
    lookout_look(&lookout);
    ck_assert_ptr_nonnull(lookout.looked_at);
    end_lookout();
    ck_assert_int_eq(due, 0);
    begin_lookout();
}
END_TEST

START_TEST(lookout_without_a_file_does_nothing) {
    write_file("c.ini", SLICE("[backend main]\nurl = redis://h\n[namespace n]\n"));
    follow();
    lookout_look(&lookout);
    ck_assert_ptr_null(lookout.looked_at);
}
END_TEST

START_TEST(lookout_looks_each_period) {
    end_lookout();
    begin_with(2);
    while (due < 3) {
        write_file("secret", SLICE("second"));
        uv_run(&loop.uv, UV_RUN_ONCE);
    }
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND(
        "lookout", begin_lookout, end_lookout, lookout_sees_no_change_where_there_is_none,
        lookout_asks_for_a_reload_until_the_change_is_in_force,
        lookout_leaves_a_change_beside_another_ini_file_to_its_owner,
        lookout_forgets_what_it_saw_of_former_settings, lookout_closes_while_a_thread_looks,
        lookout_without_a_file_does_nothing, lookout_looks_each_period);
}
