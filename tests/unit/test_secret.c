// Secret: a password's file that changes.
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/backend/secret.h"
#include "helpers.h"

enum { PERIOD_MS = 5 };

static struct loop loop;
static struct secret secret;
static char file[32];
static int changed, troubled, closed;
static char trouble[100];

static void on_changed(struct secret *s) {
    ck_assert_ptr_eq(s, &secret);
    changed++;
}

static void on_trouble(struct secret *s, const char *why) {
    (void)s;
    snprintf(trouble, sizeof(trouble), "%s", why);
    troubled++;
}

static void on_closed(struct secret *s) {
    (void)s;
    closed++;
}

static const struct secret_events events = {on_changed, on_trouble, on_closed};

// At once, as whoever reads the file meanwhile must find either text.
static void put(const char *text) {
    char fresh[sizeof(file) + sizeof(".new")];
    snprintf(fresh, sizeof(fresh), "%s.new", file);
    FILE *to = fopen(fresh, "w");
    ck_assert_ptr_nonnull(to);
    fputs(text, to);
    fclose(to);
    ck_assert_int_eq(rename(fresh, file), 0);
}

static void begin(void) {
    ck_assert_int_eq(uv_loop_init(&loop.uv), 0);
    strcpy(file, "/tmp/test_secret.XXXXXX");
    close(mkstemp(file));
    put("first\n");
    changed = troubled = closed = 0;
}

static void start(uint64_t period_ms) {
    secret_init(&secret, &loop, file, NULL, "first", period_ms, &events);
}

static void end(void) {
    secret_close(&secret);
    uv_run(&loop.uv, UV_RUN_DEFAULT);
    ck_assert_int_eq(closed, 1);
    ck_assert_int_eq(uv_loop_close(&loop.uv), 0);
    unlink(file);
}

static void run_until(const int *count) {
    while (*count == 0)
        uv_run(&loop.uv, UV_RUN_ONCE);
}

START_TEST(secret_is_read_again_each_period) {
    start(PERIOD_MS);
    put("second\r\n");
    run_until(&changed);
    ck_assert_str_eq(secret.password, "second");
    changed = 0;
    put("third");
    run_until(&changed);
    ck_assert_str_eq(secret.password, "third");
    ck_assert_int_eq(troubled, 0);
}
END_TEST

START_TEST(secret_is_read_when_somebody_asks) {
    start(1000000);
    put("second\n");
    secret_look(&secret);
    secret_look(&secret);
    run_until(&changed);
    ck_assert_str_eq(secret.password, "second");
    ck_assert_int_eq(changed, 1);
}
END_TEST

START_TEST(secret_stays_when_the_file_is_empty_or_gone) {
    start(PERIOD_MS);
    put("\n");
    run_until(&troubled);
    ck_assert_str_eq(trouble, "it is empty");
    unlink(file);
    troubled = 0;
    while (strcmp(trouble, "No such file or directory") != 0)
        uv_run(&loop.uv, UV_RUN_ONCE);
    ck_assert_str_eq(secret.password, "first");
    ck_assert_int_eq(changed, 0);
}
END_TEST

START_TEST(secret_that_is_the_same_is_no_change) {
    start(1000000);
    secret_set(&secret, "first");
    ck_assert_int_eq(changed, 0);
    secret_set(&secret, NULL);
    secret_set(&secret, "other");
    ck_assert_int_eq(changed, 2);
}
END_TEST

START_TEST(secret_closes_while_a_thread_reads_it) {
    start(1000000);
    put("second\n");
    secret_look(&secret);
    ck_assert(secret.is_reading);
}
END_TEST

START_TEST(secret_without_a_file_does_nothing) {
    secret_init(&secret, &loop, "", NULL, NULL, PERIOD_MS, &events);
    secret_look(&secret);
    ck_assert(!secret.is_reading);
    ck_assert_ptr_null(secret.password);
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND(
        "secret", begin, end, secret_is_read_again_each_period, secret_is_read_when_somebody_asks,
        secret_stays_when_the_file_is_empty_or_gone, secret_that_is_the_same_is_no_change,
        secret_closes_while_a_thread_reads_it, secret_without_a_file_does_nothing);
}
