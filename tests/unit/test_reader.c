// Reader: streams of which each peer has sent what its number says. What the owner does when one of
// them is told may concern the others, which have been read already.
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/loop/flusher.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/reader.h"
#include "helpers.h"
#include "own_rings.h"

// More than libuv hears of at once.
enum { MANY = 1100, LARGE = 3 * READER_SIZE };

static struct loop loop;
static uv_idle_t idle; // keeps the loop alive
static struct stream streams[MANY];
static int peers[MANY];
static size_t got[MANY];
static int ends[MANY]; // with what; 0: not
static int closed;
static size_t together;                 // how often bytes came that were read with those of others
static size_t most_readable;            // in one turn
static void (*on_first)(size_t number); // called when the first stream of a test is told
static char own[MANY][8];               // buffers of those that want one
static bool has_own[MANY];

static size_t number_of(struct stream *s) { return (size_t)(s - streams); }

static char byte_of(size_t number, size_t place) { return (char)(number * 31 + place); }

static uv_buf_t on_buffer(struct stream *s) {
    size_t n = number_of(s);
    return has_own[n] ? uv_buf_init(own[n], sizeof(own[n])) : uv_buf_init(NULL, 0);
}

static void on_read(struct stream *s, char *data, size_t len) {
    size_t n = number_of(s), most = loop.flusher.readable;
    bool is_same = !s->is_closing && (!has_own[n] || data == own[n]);
    together += data > loop.flusher.buffer && data < loop.flusher.buffer + READER_SIZE;
    most_readable = most > most_readable ? most : most_readable;
    for (size_t i = 0; i < len; i++)
        is_same = is_same && data[i] == byte_of(n, got[n]++);
    ck_assert(is_same);
    if (on_first) {
        void (*f)(size_t) = on_first;
        on_first = NULL;
        f(n);
    }
}

static void on_end(struct stream *s, int status) { ends[number_of(s)] = status; }

static void on_written(struct stream *s) { (void)s; }

static void on_closed(struct stream *s) {
    (void)s;
    closed++;
}

static const struct stream_events events = {.on_buffer = on_buffer,
                                            .on_read = on_read,
                                            .on_end = on_end,
                                            .on_written = on_written,
                                            .on_closed = on_closed,
                                            .are_many = true};

static void before(void *unused) { (void)unused; }

static void on_turn(uv_idle_t *unused) { (void)unused; }

static void begin(void) {
    struct rlimit files;
    signal(SIGPIPE, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = files.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
    ck_assert_int_eq(uv_loop_init(&loop.uv), 0);
    flusher_init(&loop.flusher, &loop.uv, before, NULL);
    flusher_use_io_uring(&loop.flusher, true);
    uv_idle_init(&loop.uv, &idle);
    uv_idle_start(&idle, on_turn);
    for (size_t i = 0; i < MANY; i++) {
        int fds[2];
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        stream_init_unix(&streams[i], &loop.uv, &loop.flusher, &events);
        ck_assert_int_eq(uv_pipe_open(&streams[i].uv.pipe, fds[0]), 0);
        stream_start_reading(&streams[i]);
        peers[i] = fds[1];
    }
}

static void turn(void) {
    loop.flusher.is_crowded = true;
    uv_run(&loop.uv, UV_RUN_NOWAIT);
}

static void end(void) {
    for (size_t i = 0; i < MANY; i++) {
        stream_close(&streams[i]);
        close(peers[i]);
    }
    uv_close((uv_handle_t *)&idle, NULL);
    flusher_deinit(&loop.flusher);
    uv_run(&loop.uv, UV_RUN_DEFAULT);
    ck_assert_int_eq(closed, MANY);
    ck_assert_int_eq(uv_loop_close(&loop.uv), 0);
}

// The peer sends up to so many bytes, from that place on. Returns how many its socket took.
static size_t say(size_t number, size_t place, size_t len) {
    static char bytes[LARGE];
    for (size_t i = 0; i < len; i++)
        bytes[i] = byte_of(number, place + i);
    ssize_t sent = write(peers[number], bytes, len);
    return sent > 0 ? (size_t)sent : 0;
}

static void say_all(size_t count, size_t len) {
    for (size_t i = 0; i < count; i++)
        ck_assert_uint_eq(say(i, 0, len), len);
}

START_TEST(each_is_told_its_own_in_one_turn_however_many_they_are) {
    for (size_t i = 0; i < MANY; i++)
        ck_assert_uint_eq(say(i, 0, i + 1), i + 1);
    turn();
    for (size_t i = 0; i < MANY; i++)
        ck_assert_uint_eq(got[i], i + 1);
    ck_assert_uint_ge(together, MANY - MANY / TRANSFERS_MOST - 1); // all but the first of each call
    ck_assert_uint_le(most_readable, MANY + TRANSFERS_MOST);
}
END_TEST

START_TEST(they_are_read_together_once_some_can_be_read_at_once) {
    const size_t counts[] = {1, 3, 4, 0, 4, 1, 1};
    const bool are_crowded[] = {false, false, true, true, true, false, false};
    loop.flusher.is_crowded = false;
    for (size_t i = 0; i < COUNT(counts); i++) {
        for (size_t n = 0; n < counts[i]; n++)
            ck_assert_uint_eq(say(n, got[n], 5), 5);
        uv_run(&loop.uv, UV_RUN_NOWAIT);
        ck_assert_int_eq(loop.flusher.is_crowded, are_crowded[i]);
    }
    ck_assert_uint_eq(got[0], 30);
    ck_assert_uint_eq(got[2], 15);
    ck_assert_uint_eq(got[3], 10);
    ck_assert_uint_eq(together, 3);
}
END_TEST

START_TEST(without_a_ring_libuv_reads_them) {
    flusher_use_io_uring(&loop.flusher, false);
    loop.flusher.is_crowded = false;
    for (size_t i = 0; i < 3; i++) {
        for (size_t n = 0; n < 10; n++)
            ck_assert_uint_eq(say(n, got[n], 5), 5);
        uv_run(&loop.uv, UV_RUN_NOWAIT);
        ck_assert(!loop.flusher.is_crowded);
    }
    ck_assert_uint_eq(got[9], 15);
}
END_TEST

START_TEST(a_ring_that_fails_is_dropped_once_and_all_are_read_and_answered) {
    int ring = find_own_ring();
    ck_assert_int_eq(flusher_drop_failed_ring(&loop.flusher), 0);
    if (ring >= 0)
        ck_assert_int_eq(close(ring), 0);
    say_all(MANY, 5);
    turn();
    for (size_t i = 0; i < MANY; i++)
        ck_assert_uint_eq(got[i], 5);
    ck_assert_int_eq(flusher_drop_failed_ring(&loop.flusher), ring >= 0 ? EBADF : 0);
    ck_assert_int_eq(flusher_drop_failed_ring(&loop.flusher), 0);
    ck_assert_int_eq(flusher_use_io_uring(&loop.flusher, true) == 0, ring >= 0);
    ck_assert_int_eq(find_own_ring() >= 0, ring >= 0);
}
END_TEST

START_TEST(one_that_sends_much_is_no_crowd) {
    loop.flusher.is_crowded = false;
    ck_assert_uint_gt(say(0, 0, LARGE), STREAM_READ);
    uv_run(&loop.uv, UV_RUN_NOWAIT);
    ck_assert(!loop.flusher.is_crowded);
}
END_TEST

START_TEST(one_alone_is_told_in_its_turn) {
    ck_assert_uint_eq(say(7, 0, 3), 3);
    turn();
    ck_assert_uint_eq(got[7], 3);
}
END_TEST

START_TEST(more_than_there_is_room_for_is_read_on) {
    size_t said[MANY] = {0};
    for (int i = 0; i < 40; i++) {
        for (size_t n = 0; n < MANY; n++)
            said[n] += say(n, said[n], n == 0 ? LARGE : READER_ROOM + n);
        turn();
    }
    for (size_t n = 0; n < MANY; n++)
        ck_assert_uint_eq(got[n], said[n]);
}
END_TEST

START_TEST(who_has_a_buffer_of_its_own_is_read_into_that) {
    for (size_t i = 0; i < MANY; i += 2)
        has_own[i] = true;
    say_all(MANY, 5);
    turn();
    for (size_t i = 0; i < MANY; i++)
        ck_assert_uint_eq(got[i], 5);
    ck_assert_uint_eq(say(0, 5, 100), 100); // more than its buffer holds
    turn();
    ck_assert_uint_eq(got[0], 105);
}
END_TEST

static void close_others(size_t number) {
    for (size_t i = 0; i < MANY; i++)
        if (i != number)
            stream_close(&streams[i]);
}

START_TEST(who_is_closed_meanwhile_is_told_nothing) {
    on_first = close_others;
    say_all(MANY, 5);
    turn();
    size_t told = 0;
    for (size_t i = 0; i < MANY; i++)
        told += got[i] > 0;
    ck_assert_uint_eq(told, 1);
}
END_TEST

static void stop_others(size_t number) {
    for (size_t i = 0; i < MANY; i++)
        if (i != number)
            stream_stop_reading(&streams[i]);
}

// Bytes that were read are told; others stay where they are until reading starts again.
START_TEST(nothing_is_lost_of_who_is_stopped_meanwhile) {
    on_first = stop_others;
    say_all(MANY, 5);
    turn();
    for (size_t i = 0; i < MANY; i++)
        stream_start_reading(&streams[i]);
    turn();
    turn();
    for (size_t i = 0; i < MANY; i++)
        ck_assert_uint_eq(got[i], 5);
}
END_TEST

START_TEST(the_end_is_told_behind_the_last_bytes_and_once) {
    say_all(MANY, 5);
    for (size_t i = 0; i < 10; i++)
        ck_assert_int_eq(shutdown(peers[i], SHUT_WR), 0);
    for (int i = 0; i < 3; i++)
        turn();
    for (size_t i = 0; i < MANY; i++) {
        ck_assert_uint_eq(got[i], 5);
        ck_assert_int_eq(ends[i], i < 10 ? UV_EOF : 0);
        ck_assert_int_eq(streams[i].is_reading, i >= 10);
    }
    ends[0] = 0;
    turn();
    ck_assert_int_eq(ends[0], 0);
}
END_TEST

START_TEST(a_socket_that_fails_is_told_with_its_error) {
    say_all(MANY, 5);
    turn();
    ck_assert_int_eq(write(stream_fd(&streams[3]), "unread", 6), 6);
    close(peers[3]); // with bytes that were not read: a reset
    peers[3] = dup(peers[4]);
    turn();
    ck_assert_int_eq(ends[3], UV_ECONNRESET);
    ck_assert_int_eq(ends[4], 0);
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND(
        "reader", begin, end, each_is_told_its_own_in_one_turn_however_many_they_are,
        they_are_read_together_once_some_can_be_read_at_once, without_a_ring_libuv_reads_them,
        a_ring_that_fails_is_dropped_once_and_all_are_read_and_answered,
        one_that_sends_much_is_no_crowd, one_alone_is_told_in_its_turn,
        more_than_there_is_room_for_is_read_on, who_has_a_buffer_of_its_own_is_read_into_that,
        who_is_closed_meanwhile_is_told_nothing, nothing_is_lost_of_who_is_stopped_meanwhile,
        the_end_is_told_behind_the_last_bytes_and_once, a_socket_that_fails_is_told_with_its_error);
}
