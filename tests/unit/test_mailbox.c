// Mailbox: messages between threads.
#include <uv.h>

#include "daemon/loop/mailbox.h"
#include "helpers.h"

enum { MESSAGES = 1000 };

struct note {
    struct message message;
    int number;
};

static uv_loop_t loop;
static struct mailbox box;
static struct note notes[MESSAGES];
static int order[MESSAGES], ran;

static void begin(void) {
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    mailbox_open(&box, &loop, &ran);
    ran = 0;
}

static void end(void) {
    mailbox_deinit(&box);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
}

static void run(struct message *message, void *owner) {
    int *count = owner;
    order[(*count)++] = ((struct note *)message)->number;
}

static bool post(int number) {
    notes[number] = (struct note){{.run = run}, number};
    return mailbox_post(&box, &notes[number].message);
}

static void run_and_close(struct message *message, void *owner) {
    run(message, owner);
    mailbox_close(&box);
}

static void post_many(void *unused) {
    (void)unused;
    for (int i = 0; i < MESSAGES - 1; i++)
        ck_assert(post(i));
    notes[MESSAGES - 1] = (struct note){{.run = run_and_close}, MESSAGES - 1};
    ck_assert(mailbox_post(&box, &notes[MESSAGES - 1].message));
}

START_TEST(mailbox_runs_what_another_thread_posts_in_order) {
    uv_thread_t thread;
    ck_assert_int_eq(uv_thread_create(&thread, post_many, NULL), 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_thread_join(&thread);
    ck_assert_int_eq(ran, MESSAGES);
    for (int i = 0; i < MESSAGES; i++)
        ck_assert_int_eq(order[i], i);
}
END_TEST

START_TEST(mailbox_that_closes_runs_what_it_has_and_takes_no_more) {
    ck_assert(post(0));
    ck_assert(post(1));
    mailbox_close(&box);
    ck_assert_int_eq(ran, 2);
    ck_assert(!post(2));
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(ran, 2);
}
END_TEST

// A message may post another, as one that travels does.
static void run_and_post(struct message *message, void *owner) {
    run(message, owner);
    ck_assert(post(1));
}

START_TEST(mailbox_takes_a_message_from_one_that_runs) {
    notes[0] = (struct note){{.run = run_and_post}, 0};
    ck_assert(mailbox_post(&box, &notes[0].message));
    while (ran < 2)
        uv_run(&loop, UV_RUN_ONCE);
    ck_assert_int_eq(order[1], 1);
    mailbox_close(&box);
    uv_run(&loop, UV_RUN_DEFAULT);
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND("mailbox", begin, end, mailbox_runs_what_another_thread_posts_in_order,
                            mailbox_that_closes_runs_what_it_has_and_takes_no_more,
                            mailbox_takes_a_message_from_one_that_runs);
}
