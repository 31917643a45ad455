// Lent output: a stream and a peer that reads as much as the test says. Each byte of the output is
// what its place demands, so that parts in another order are seen.
#include <signal.h>
#include <sys/socket.h>

#include "daemon/loop/flusher.h"
#include "daemon/loop/lent.h"
#include "daemon/loop/loop.h"
#include "helpers.h"

enum { MOST = 1024 * 1024, LOANS = 2000, SMALL_SOCKET = 4608 };

// A part, in a block of its own: the address sanitizer sees each look at it after it is given back.
struct loan {
    char *data;
    bool is_back;
};

static struct loop loop;
static uv_idle_t idle; // keeps the loop alive while no handle waits
static struct stream stream;
static int own_fd, peer_fd;
static int written, ended, closed; // events: how often; `ended`: with what
static struct loan loans[LOANS];
static size_t lent, back; // how many loans
static size_t made, got;  // bytes of output, and of these the bytes that the peer has read

static void on_read(struct stream *s, char *data, size_t len) {
    (void)s;
    (void)data;
    (void)len;
}

static void on_end(struct stream *s, int status) {
    (void)s;
    ended = status;
}

static void on_written(struct stream *s) {
    ck_assert_uint_eq(stream_unread(s), 0);
    written++;
}

static void on_closed(struct stream *s) {
    (void)s;
    closed++;
}

static const struct stream_events events = {
    .on_read = on_read, .on_end = on_end, .on_written = on_written, .on_closed = on_closed};

static void before(void *unused) { (void)unused; }

static void on_turn(uv_idle_t *unused) { (void)unused; }

static void set_socket(int size) {
    ck_assert_int_eq(setsockopt(own_fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
}

static void begin(void) {
    int fds[2];
    signal(SIGPIPE, SIG_IGN); // as the daemon does
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    ck_assert_int_eq(uv_loop_init(&loop.uv), 0);
    flusher_init(&loop.flusher, &loop.uv, before, NULL);
    uv_idle_init(&loop.uv, &idle);
    uv_idle_start(&idle, on_turn);
    stream_init_unix(&stream, &loop.uv, &loop.flusher, &events);
    ck_assert_int_eq(uv_pipe_open(&stream.uv.pipe, fds[0]), 0);
    own_fd = fds[0];
    peer_fd = fds[1];
    set_socket(SMALL_SOCKET);
}

static void turn(void) { uv_run(&loop.uv, UV_RUN_NOWAIT); }

static void end(void) {
    stream_close(&stream);
    uv_close((uv_handle_t *)&idle, NULL);
    flusher_deinit(&loop.flusher);
    uv_run(&loop.uv, UV_RUN_DEFAULT);
    ck_assert_int_eq(closed, 1);
    ck_assert_int_eq(uv_loop_close(&loop.uv), 0);
    ck_assert_uint_eq(back, lent);
    close(peer_fd);
}

static char byte_at(size_t place) { return (char)(place * 7 + place / 253); }

static void fill(char *to, size_t len) {
    for (size_t i = 0; i < len; i++)
        to[i] = byte_at(made++);
}

static void append(size_t len) {
    struct bytes *out = stream_out(&stream);
    fill(bytes_reserve(out, len), len);
    bytes_grew(out, len);
}

static void give_back(void *context) {
    struct loan *loan = context;
    ck_assert(!loan->is_back);
    loan->is_back = true;
    free(loan->data);
    back++;
}

static void lend(size_t len) {
    ck_assert_uint_lt(lent, LOANS);
    struct loan *loan = &loans[lent++];
    loan->data = malloc(len);
    ck_assert_ptr_nonnull(loan->data);
    fill(loan->data, len);
    stream_lend(&stream, (struct slice){loan->data, len}, give_back, loan);
}

// The peer reads up to that many bytes. Returns how many there were.
static size_t read_some(size_t most) {
    static char buffer[MOST];
    bool is_same = true;
    ssize_t count = read(peer_fd, buffer, most < MOST ? most : MOST);
    for (ssize_t i = 0; i < count; i++)
        is_same = is_same && buffer[i] == byte_at(got++);
    ck_assert(is_same);
    return count > 0 ? (size_t)count : 0;
}

// Reads all output in steps, and checks the counters of the stream on the way.
static void read_all(size_t step) {
    uint64_t taken = stream_taken(&stream);
    while (got < made) {
        turn();
        ck_assert_uint_ge(stream_taken(&stream), taken);
        taken = stream_taken(&stream);
        ck_assert_uint_ge(taken, got);
        ck_assert_uint_eq(stream.accepted + stream_unread(&stream), made);
        ck_assert_uint_ge(stream_sent(&stream), stream.accepted);
        (void)read_some(step);
    }
    turn();
    ck_assert_uint_eq(read_some(1), 0);
    ck_assert_int_eq(ended, 0);
    ck_assert_uint_eq(stream_unread(&stream), 0);
    ck_assert_uint_eq(stream.accepted, made);
    ck_assert_uint_eq(stream_taken(&stream), made);
    ck_assert_uint_eq(stream_sent(&stream), made);
    ck_assert_uint_eq(back, lent);
    ck_assert_ptr_null(stream.lent);
    ck_assert_int_gt(written, 0);
}

START_TEST(parts_are_sent_in_their_places) {
    append(10);
    lend(20);
    lend(1);
    append(3);
    lend(500);
    ck_assert_uint_eq(stream_unread(&stream), made);
    read_all(MOST);
    ck_assert_int_eq(written, 1);
    append(7); // without parts, as before
    read_all(MOST);
    lend(5); // and a part alone
    read_all(MOST);
    ck_assert_int_eq(written, 3);
}
END_TEST

START_TEST(parts_are_sent_by_a_socket_that_takes_little_at_a_time) {
    static const size_t steps[] = {1, 13, 700, 4096, MOST};
    for (size_t i = 0; i < COUNT(steps); i++) {
        size_t unit = i == 0 ? 40 : 900;
        for (size_t n = 0; n < 60; n++) {
            if (n % 3 != 1)
                append(n * 11 % unit + 1);
            lend(n * 31 % (4 * unit) + 1);
        }
        append(i); // or a part is the last
        read_all(steps[i]);
    }
}
END_TEST

START_TEST(more_parts_than_one_call_takes_are_sent) {
    set_socket(MOST);
    for (int i = 0; i < 300; i++)
        lend(3);
    read_all(MOST);
    for (int i = 0; i < 300; i++) {
        append(1);
        lend(2);
    }
    read_all(MOST);
}
END_TEST

// While libuv has bytes to write, of parts or not, further output comes, with parts or not.
START_TEST(output_that_comes_while_other_output_waits_is_sent_behind_it) {
    for (int first = 0; first < 4; first++)
        for (int second = 0; second < 4; second++) {
            for (int i = 0; i < 3; i++) {
                int kind = i == 0 ? first : i == 1 ? second : 3;
                if (kind & 1)
                    append(20000);
                if (kind & 2)
                    lend(20000);
                if (kind == 2)
                    append(10);
                turn();
                ck_assert_uint_eq(stream.accepted + stream_unread(&stream), made);
            }
            read_all(3000);
        }
}
END_TEST

START_TEST(a_part_is_given_back_once_it_is_sent) {
    for (int i = 0; i < 40; i++)
        lend(4000);
    turn();
    ck_assert_uint_gt(stream_unread(&stream), 0);
    ck_assert_uint_gt(back, 0);
    ck_assert_uint_lt(back, 40);
    read_all(MOST);
}
END_TEST

static void check_close(int turns) {
    append(10);
    for (int i = 0; i < 20; i++)
        lend(4000);
    for (int i = 0; i < turns; i++) { // libuv has some of them
        turn();
        lend(100);
    }
    ck_assert_uint_lt(back, lent);
    stream_close(&stream);
    lend(100); // too late
    turn();
    ck_assert_uint_eq(back, lent);
}

START_TEST(parts_are_given_back_when_the_stream_closes) { check_close(0); }
END_TEST

START_TEST(parts_are_given_back_when_the_stream_closes_while_they_are_written) { check_close(2); }
END_TEST

static void check_gone(int turns) {
    for (int i = 0; i < 20; i++)
        lend(4000);
    for (int i = 0; i < turns; i++)
        turn();
    shutdown(peer_fd, SHUT_RDWR);
    while (ended == 0)
        turn();
    ck_assert_int_eq(ended, UV_EPIPE);
    ck_assert_int_eq(written, 0);
}

// end() looks whether all parts are given back.
START_TEST(parts_are_given_back_when_the_peer_has_gone) { check_gone(0); }
END_TEST

START_TEST(parts_are_given_back_when_the_peer_goes_while_they_are_written) { check_gone(2); }
END_TEST

START_TEST(a_stream_that_is_held_sends_no_parts) {
    stream.is_corked = true;
    lend(10);
    append(10);
    turn();
    ck_assert_uint_eq(stream_unread(&stream), 20);
    ck_assert_uint_eq(stream.accepted, 0);
    stream.is_corked = false;
    (void)stream_out(&stream);
    read_all(MOST);
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND("lent", begin, end, parts_are_sent_in_their_places,
                            parts_are_sent_by_a_socket_that_takes_little_at_a_time,
                            more_parts_than_one_call_takes_are_sent,
                            output_that_comes_while_other_output_waits_is_sent_behind_it,
                            a_part_is_given_back_once_it_is_sent,
                            parts_are_given_back_when_the_stream_closes,
                            parts_are_given_back_when_the_stream_closes_while_they_are_written,
                            parts_are_given_back_when_the_peer_has_gone,
                            parts_are_given_back_when_the_peer_goes_while_they_are_written,
                            a_stream_that_is_held_sends_no_parts);
}
