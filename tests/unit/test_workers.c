// Workers: what goes round all of them, and how they end.
#include "configuration.h"
#include "daemon/workers.h"

enum { COUNT_OF_WORKERS = 3 };

static struct workers workers;
static uv_thread_t main_thread;
static size_t visited[8], visits;
static int ends;

static struct worker *first(void) { return workers.all[0]; }

static bool is_on(const uv_thread_t *thread) {
    uv_thread_t self = uv_thread_self();
    return uv_thread_equal(&self, thread);
}

static void close_if_alone(void) {
    if (worker_is_drained(first()) && workers.running == 0)
        worker_close(first());
}

static void on_drained(struct worker *worker, void *owner) {
    ck_assert_ptr_eq(worker, first());
    ck_assert_ptr_eq(owner, &workers);
    close_if_alone();
}

static void on_all_ended(void *owner) {
    ck_assert_ptr_eq(owner, &workers);
    ends++;
    close_if_alone();
}

static void on_closing(void *owner) { workers_end(owner); }

static const struct worker_events events = {.on_drained = on_drained, .on_closing = on_closing};

static struct settings *load_settings(void) {
    return load_good("[cachesd]\nworkers = 3\nlisten = unix:/tmp/none\n"
                     "[backend main]\nurl = redis://127.0.0.1:1\n"
                     "[namespace n]\nprefix = n:\nttl = 1h\nbackend = main\n",
                     NULL);
}

static void begin_workers(void) {
    begin();
    main_thread = uv_thread_self();
    visits = 0;
    workers_init(&workers, table, 0, &events, on_all_ended, &workers);
    worker_adopt(first(), load_settings(), NULL);
    workers_start(&workers);
    ck_assert_uint_eq(workers.count, COUNT_OF_WORKERS);
}

static void end_workers(void) {
    workers_deinit(&workers);
    end();
}

static void run(void) {
    worker_run(first());
    ck_assert_uint_eq(workers.count, 1);
    ck_assert_int_eq(ends, 1);
}

// Only one thread has the broadcast at a time, so nothing here needs a lock.
static void visit(struct broadcast *b, struct worker *worker) {
    ck_assert(b->origin != worker);
    ck_assert(is_on(&main_thread) == (worker == first()));
    visited[visits++] = worker->number;
}

static void close_all(struct broadcast *b, struct worker *origin) {
    (void)b;
    ck_assert_ptr_eq(origin, first());
    ck_assert(is_on(&main_thread));
    worker_close(origin);
}

START_TEST(broadcast_visits_each_on_its_thread_and_comes_back) {
    struct broadcast b = {.visit = visit, .on_all_done = close_all};
    workers_broadcast(&workers, first(), &b);
    ck_assert_uint_le(visits, 2);
    run();
    ck_assert_uint_eq(visits, 2);
    ck_assert_uint_eq(visited[0], 1);
    ck_assert_uint_eq(visited[1], 2);
}
END_TEST

static struct broadcast inner;
static uv_thread_t origins_thread;

static void run_close(struct message *message, void *owner) {
    (void)message;
    worker_close(owner);
}

static struct message to_close = {.run = run_close};

static void on_inner_done(struct broadcast *b, struct worker *origin) {
    (void)b;
    ck_assert_uint_eq(origin->number, 2);
    ck_assert(is_on(&origins_thread));
    worker_send(origin, first(), &to_close);
}

static void begin_inner(struct broadcast *b, struct worker *worker) {
    (void)b;
    if (worker->number != 2)
        return;
    origins_thread = uv_thread_self();
    inner = (struct broadcast){.visit = visit, .on_all_done = on_inner_done};
    workers_broadcast(&workers, worker, &inner);
}

START_TEST(broadcast_begins_at_any_worker) {
    struct broadcast b = {.visit = begin_inner};
    workers_broadcast(&workers, first(), &b);
    run();
    ck_assert_uint_eq(visits, 2);
    ck_assert_uint_eq(visited[0], 0);
    ck_assert_uint_eq(visited[1], 1);
}
END_TEST

static void visit_to_compare(struct broadcast *b, struct worker *worker) {
    visit(b, worker);
    ck_assert_ptr_eq(worker->context.policy->settings, first()->context.policy->settings);
}

static void on_all_follow(void *owner) {
    struct broadcast *b = owner;
    ck_assert(is_on(&main_thread));
    *b = (struct broadcast){.visit = visit_to_compare, .on_all_done = close_all};
    workers_broadcast(&workers, first(), b);
}

START_TEST(settings_are_in_force_at_all_when_that_is_told) {
    struct broadcast b;
    worker_adopt(first(), load_settings(), NULL);
    workers_follow(&workers, on_all_follow, &b);
    run();
    ck_assert_uint_eq(visits, 2);
}
END_TEST

// Worker 0 has no client, and waits for the others all the same.
START_TEST(drained_workers_end_and_worker_0_last) {
    struct broadcast b = {.visit = visit};
    workers_drain(&workers);
    worker_drain(first());
    ck_assert(!first()->is_closed);
    run();
    ck_assert(first()->is_closed);
    workers_broadcast(&workers, first(), &b); // nobody else is left
    ck_assert_uint_eq(visits, 0);
}
END_TEST

// A message that is on its way when all workers end comes back all the same.
START_TEST(broadcast_comes_home_from_workers_that_end) {
    struct broadcast b = {0}, again = {0};
    workers_broadcast(&workers, first(), &b);
    worker_close(first());
    workers_broadcast(&workers, first(), &again);
    run();
    ck_assert_uint_eq(first()->holds, 0);
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND(
        "workers", begin_workers, end_workers, broadcast_visits_each_on_its_thread_and_comes_back,
        broadcast_begins_at_any_worker, settings_are_in_force_at_all_when_that_is_told,
        drained_workers_end_and_worker_0_last, broadcast_comes_home_from_workers_that_end);
}
