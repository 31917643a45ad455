// Ring: sockets of which each has its own bytes. What a peer reads tells whose they were.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helpers.h"
#include "own_rings.h"
#include "transport/ring.h"

enum { LEN = 5, LARGE = 1024 * 1024 };

static int own[TRANSFERS_MOST], peer[TRANSFERS_MOST];
static char texts[TRANSFERS_MOST][LEN + 1];
static struct transfer transfers[TRANSFERS_MOST];

static void begin(void) {
    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < TRANSFERS_MOST; i++) {
        int fds[2];
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        own[i] = fds[0];
        peer[i] = fds[1];
        snprintf(texts[i], sizeof(texts[i]), "%05d", i);
        transfers[i] = (struct transfer){own[i], texts[i], LEN, -1};
    }
}

static void end(void) {
    for (int i = 0; i < TRANSFERS_MOST; i++) {
        close(own[i]);
        close(peer[i]);
    }
}

// Reads what the peer has, and nothing else may be there.
static void expect(int i, const char *text) {
    char buffer[64];
    ssize_t len = read(peer[i], buffer, sizeof(buffer));
    ck_assert_int_eq(len, *text ? (ssize_t)strlen(text) : -1);
    if (len > 0)
        ck_assert_mem_eq(buffer, text, (size_t)len);
}

static void expect_all(size_t count) {
    for (size_t i = 0; i < TRANSFERS_MOST; i++) {
        if (i < count)
            ck_assert_int_eq(transfers[i].done, LEN);
        expect((int)i, i < count ? texts[i] : "");
    }
}

// Where the kernel has no io_uring for us, a ring is NULL, with which all is sent nonetheless.
static struct ring *open_ring(void) {
    int error;
    struct ring *r = ring_new(&error);
    ck_assert_int_eq(r == NULL, error != 0);
    if (!r)
        fprintf(stderr, "this kernel has no io_uring for us: %s\n", strerror(error));
    return r;
}

START_TEST(each_gets_its_own_however_many_they_are) {
    struct ring *r = open_ring();
    for (size_t count = 0; count <= TRANSFERS_MOST; count++) {
        ring_send(r, transfers, count);
        expect_all(count);
        ring_send(NULL, transfers, count);
        expect_all(count);
    }
    ring_free(r);
}
END_TEST

START_TEST(a_ring_has_a_descriptor_until_it_is_freed) {
    struct ring *r = open_ring();
    ck_assert_int_eq(find_own_ring() >= 0, ring_is_of_use(r));
    if (r)
        ck_assert_int_ne(fcntl(find_own_ring(), F_GETFD) & FD_CLOEXEC, 0);
    ring_free(r);
    ck_assert_int_eq(find_own_ring(), -1);
}
END_TEST

// Of six sockets some take not all: part, nothing, and two are gone.
static void send_to_difficult(struct ring *r) {
    static char large[LARGE];
    transfers[1].data = large;
    transfers[1].len = LARGE;
    while (send(own[2], large, LARGE, MSG_DONTWAIT) > 0)
        continue;
    close(peer[3]);
    transfers[4].fd = -1;
    ring_send(r, transfers, 6);
    ck_assert_int_eq(transfers[0].done, LEN);
    ck_assert_int_gt(transfers[1].done, LEN);
    ck_assert_int_lt(transfers[1].done, LARGE);
    ck_assert_int_eq(transfers[2].done, -EAGAIN);
    ck_assert_int_eq(transfers[3].done, -EPIPE);
    ck_assert_int_eq(transfers[4].done, -EBADF);
    ck_assert_int_eq(transfers[5].done, LEN);
    expect(0, texts[0]);
    expect(5, texts[5]);
}

START_TEST(one_that_takes_part_or_nothing_or_has_gone_changes_no_other) {
    struct ring *r = open_ring();
    send_to_difficult(r);
    ring_free(r);
}
END_TEST

static void say(int i) { ck_assert_int_eq(write(peer[i], texts[i], LEN), LEN); }

// Of the sockets some have nothing, less than there is room for, more, and the end; two are gone.
static void receive_from_difficult(struct ring *r) {
    char rooms[TRANSFERS_MOST][LEN];
    for (int i = 0; i < TRANSFERS_MOST; i++) {
        transfers[i] = (struct transfer){own[i], rooms[i], LEN, -1};
        if (i != 1)
            say(i);
    }
    transfers[2].len = LEN - 2;
    ck_assert_int_eq(recv(own[3], rooms[3], LEN, 0), LEN);
    close(peer[3]);
    transfers[4].fd = -1;
    ring_receive(r, transfers, TRANSFERS_MOST);
    for (int i = 0; i < TRANSFERS_MOST; i++) {
        int done = i == 1 ? -EAGAIN : i == 2 ? LEN - 2 : i == 3 ? 0 : i == 4 ? -EBADF : LEN;
        ck_assert_int_eq(transfers[i].done, done);
        if (done > 0)
            ck_assert_mem_eq(rooms[i], texts[i], (size_t)done);
    }
}

START_TEST(each_is_received_from_into_its_own_room) {
    struct ring *r = open_ring();
    receive_from_difficult(r);
    ring_free(r);
}
END_TEST

START_TEST(each_is_received_from_where_it_has_a_call_of_its_own) { receive_from_difficult(NULL); }
END_TEST

START_TEST(one_that_takes_part_changes_no_other_where_each_has_a_call_of_its_own) {
    send_to_difficult(NULL);
}
END_TEST

START_TEST(without_a_descriptor_there_is_no_ring) {
    int next = dup(0), error;
    struct rlimit none = {.rlim_cur = (rlim_t)next, .rlim_max = (rlim_t)next};
    ck_assert_int_eq(close(next), 0);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    ck_assert_ptr_null(ring_new(&error));
    ck_assert(error == EMFILE || error == EPERM || error == ENOSYS);
    ck_assert(!ring_is_of_use(NULL));
}
END_TEST

START_TEST(a_ring_that_fails_is_given_up_and_nothing_is_sent_twice) {
    struct ring *r = open_ring();
    if (r) {
        ck_assert_int_eq(close(find_own_ring()), 0);
        for (int i = 0; i < 2; i++) {
            ring_send(r, transfers, TRANSFERS_MOST);
            expect_all(TRANSFERS_MOST);
        }
        ck_assert(!ring_is_of_use(r));
        ck_assert_int_eq(ring_error(r), EBADF);
    }
    ring_free(r);
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND("ring", begin, end, each_gets_its_own_however_many_they_are,
                            a_ring_has_a_descriptor_until_it_is_freed,
                            one_that_takes_part_or_nothing_or_has_gone_changes_no_other,
                            one_that_takes_part_changes_no_other_where_each_has_a_call_of_its_own,
                            each_is_received_from_into_its_own_room,
                            each_is_received_from_where_it_has_a_call_of_its_own,
                            without_a_descriptor_there_is_no_ring,
                            a_ring_that_fails_is_given_up_and_nothing_is_sent_twice);
}
