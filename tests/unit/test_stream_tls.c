// Stream with TLS: two streams of one loop, or a stream and a peer whose records the test carries.
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>

#include "certificates.h"
#include "daemon/loop/flusher.h"
#include "daemon/loop/lent.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/stream.h"
#include "transport/tls.h"

enum { MUCH = 3 * 1024 * 1024 };

struct end {
    struct stream stream;
    struct bytes got;
    char buffer[5000];
    int shaken, ended, closed, written; // how often; `ended`: with what
    char trouble[200];
    bool stops; // after each read, until the next turn
};

static struct loop loop;
static uv_idle_t turns;
static struct end ends[2];
static struct tls_client *client;
static struct tls_server *server;

static uv_buf_t on_buffer(struct stream *s) {
    return uv_buf_init(((struct end *)s)->buffer, sizeof(ends->buffer));
}

static void on_read(struct stream *s, char *data, size_t len) {
    struct end *e = (struct end *)s;
    ck_assert_int_eq(e->ended, 0);
    bytes_append(&e->got, data, len);
    if (e->stops)
        stream_stop_reading(s);
}

static void on_end(struct stream *s, int status) { ((struct end *)s)->ended = status; }

static void on_written(struct stream *s) { ((struct end *)s)->written++; }

static void on_closed(struct stream *s) { ((struct end *)s)->closed++; }

static const struct stream_events events = {.on_buffer = on_buffer,
                                            .on_read = on_read,
                                            .on_end = on_end,
                                            .on_written = on_written,
                                            .on_closed = on_closed};

static void on_shaken(void *context, const char *trouble) {
    struct end *e = context;
    ck_assert_int_eq(e->closed, 0);
    e->shaken++;
    snprintf(e->trouble, sizeof(e->trouble), "%s", trouble ? trouble : "");
    if (!trouble)
        stream_start_reading(&e->stream);
}

static void on_turn(uv_idle_t *unused) {
    (void)unused;
    for (size_t i = 0; i < COUNT(ends); i++)
        if (ends[i].stops && ends[i].ended == 0 && ends[i].shaken)
            stream_start_reading(&ends[i].stream);
}

static void before(void *unused) { (void)unused; }

static void begin(void) {
    struct tls_fault fault = {0};
    signal(SIGPIPE, SIG_IGN); // as the daemon does
    certificates_begin();
    struct tls_files files = {"ca.crt", "", "", certificates_file};
    client = tls_client_new(&files, TLS_VERIFY_FULL, TLS_VERSION_1_2, "", "", &fault);
    files = (struct tls_files){"", "server.crt", "server.key", certificates_file};
    server = tls_server_new(&files, TLS_ASK_NO, &fault);
    ck_assert(client && server);
    ck_assert_int_eq(uv_loop_init(&loop.uv), 0);
    flusher_init(&loop.flusher, &loop.uv, before, NULL);
    uv_idle_init(&loop.uv, &turns);
    uv_idle_start(&turns, on_turn);
}

static void end(void) {
    for (size_t i = 0; i < COUNT(ends); i++) {
        if (ends[i].stream.events)
            stream_close(&ends[i].stream);
        bytes_deinit(&ends[i].got);
    }
    uv_close((uv_handle_t *)&turns, NULL);
    flusher_deinit(&loop.flusher);
    uv_run(&loop.uv, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&loop.uv), 0);
    memset(ends, 0, sizeof(ends));
    tls_client_unref(client);
    tls_server_unref(server);
    certificates_end();
}

static void open_end(struct end *e, int fd) {
    stream_init_unix(&e->stream, &loop.uv, &loop.flusher, &events);
    ck_assert_int_eq(uv_pipe_open(&e->stream.uv.pipe, fd), 0);
}

static void connect_ends(const char *host) {
    int fds[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    for (int i = 0; i < 2; i++)
        open_end(&ends[i], fds[i]);
    stream_start_tls(&ends[0].stream, tls_new_client(client, host, NULL), on_shaken, &ends[0]);
    stream_start_tls(&ends[1].stream, tls_new_server(server), on_shaken, &ends[1]);
}

static void run_until(const int *number) {
    while (*number == 0)
        uv_run(&loop.uv, UV_RUN_NOWAIT);
}

static void shake(void) {
    connect_ends("redis.test");
    run_until(&ends[0].shaken);
    run_until(&ends[1].shaken);
    ck_assert_str_eq(ends[0].trouble, "");
    ck_assert_str_eq(ends[1].trouble, "");
}

static void append_much(struct stream *s) {
    for (size_t i = 0; i < MUCH; i++)
        bytes_append(stream_out(s), (char[]){(char)(i * 7 + i / 253)}, 1);
}

static bool has_much(const struct end *e) {
    bool is_same = true; // an assertion for each byte would take minutes
    for (size_t i = 0; e->got.len == MUCH && i < MUCH; i++)
        is_same = is_same && e->got.data[i] == (char)(i * 7 + i / 253);
    ck_assert(is_same);
    return e->got.len >= MUCH;
}

// Many pieces meet a socket that is full, and a reader that stops in mid-record.
static void check_much(bool stops) {
    shake();
    ends[0].stops = ends[1].stops = stops;
    for (int i = 0; i < 2; i++)
        append_much(&ends[i].stream);
    ck_assert_uint_eq(stream_unread(&ends[0].stream), MUCH);
    while (!has_much(&ends[0]) || !has_much(&ends[1]))
        uv_run(&loop.uv, UV_RUN_NOWAIT);
    for (int i = 0; i < 2; i++) {
        run_until(&ends[i].written);
        ck_assert_uint_eq(stream_unread(&ends[i].stream), 0);
        ck_assert_uint_eq(ends[i].stream.accepted, MUCH);
        ck_assert_uint_eq(stream_taken(&ends[i].stream), MUCH);
    }
}

START_TEST(stream_carries_much_both_ways) { check_much(false); }
END_TEST

START_TEST(stream_loses_nothing_when_its_owner_stops_reading) { check_much(true); }
END_TEST

START_TEST(stream_tells_its_owner_of_the_peers_end_after_all_bytes) {
    shake();
    ends[1].stops = true;
    append_much(&ends[0].stream);
    while (stream_unread(&ends[0].stream) > 0)
        uv_run(&loop.uv, UV_RUN_NOWAIT);
    stream_end(&ends[0].stream);
    run_until(&ends[1].ended);
    ck_assert_int_eq(ends[1].ended, UV_EOF);
    ck_assert(has_much(&ends[1]));
    bytes_append_literal(stream_out(&ends[1].stream), "late"); // the other side has not ended
    while (ends[0].got.len < 4)
        uv_run(&loop.uv, UV_RUN_NOWAIT);
    ck_assert_int_eq(ends[0].ended, 0);
}
END_TEST

START_TEST(stream_takes_a_cut_connection_for_ended) {
    shake();
    ends[1].stops = true;
    append_much(&ends[0].stream);
    while (stream_unread(&ends[0].stream) > 0)
        uv_run(&loop.uv, UV_RUN_NOWAIT);
    stream_close(&ends[0].stream);
    run_until(&ends[1].ended);
    ck_assert_int_eq(ends[1].ended, UV_EOF);
    ck_assert(has_much(&ends[1]));
}
END_TEST

START_TEST(stream_tells_why_a_handshake_failed) {
    connect_ends("other.test");
    run_until(&ends[0].shaken);
    run_until(&ends[1].shaken);
    ck_assert_ptr_nonnull(strstr(ends[0].trouble, "is not for other.test"));
    ck_assert_ptr_nonnull(strstr(ends[1].trouble, "the client refuses"));
}
END_TEST

START_TEST(stream_that_closes_in_its_handshake_says_so_once) {
    for (int turn = 0; turn < 4; turn++) {
        connect_ends("redis.test");
        for (int i = 0; i < turn; i++)
            uv_run(&loop.uv, UV_RUN_NOWAIT);
        stream_close(&ends[0].stream);
        run_until(&ends[0].closed);
        run_until(&ends[1].shaken);
        stream_close(&ends[1].stream);
        run_until(&ends[1].closed);
        ck_assert_int_eq(ends[0].shaken, 1);
        ck_assert_int_eq(ends[1].shaken, 1);
        memset(ends, 0, sizeof(ends));
    }
}
END_TEST

static void count_back(void *loan) { ++*(int *)loan; }

// Records are made of a copy.
START_TEST(stream_gives_lent_bytes_back_at_once) {
    int back = 0;
    shake();
    bytes_append_literal(stream_out(&ends[0].stream), "own ");
    stream_lend(&ends[0].stream, SLICE("lent "), count_back, &back);
    ck_assert_int_eq(back, 1);
    ck_assert_uint_eq(stream_unread(&ends[0].stream), 9);
    bytes_append_literal(stream_out(&ends[0].stream), "own");
    while (ends[1].got.len < 12)
        uv_run(&loop.uv, UV_RUN_NOWAIT);
    check_same("got", bytes_slice(&ends[1].got), SLICE("own lent own"));
}
END_TEST

// --- a peer by hand ---------------------------------------------------------------------------

static struct tls *peer;
static int peer_fd;

static void exchange(void) {
    char records[8192];
    uv_run(&loop.uv, UV_RUN_NOWAIT);
    ssize_t len = read(peer_fd, records, sizeof(records));
    tls_feed(peer, records, len > 0 ? (size_t)len : 0);
    (void)!tls_shake(peer);
    tls_keep(peer);
    struct bytes *wire = tls_wire(peer);
    ck_assert_int_eq(write(peer_fd, wire->data, wire->len), (ssize_t)wire->len);
    bytes_deinit(wire);
}

static void shake_by_hand(void) {
    int fds[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    open_end(&ends[0], fds[0]);
    peer_fd = fds[1];
    peer = tls_new_server(server);
    ends[0].stream.is_corked = true;
    stream_start_tls(&ends[0].stream, tls_new_client(client, "redis.test", NULL), on_shaken,
                     &ends[0]);
    while (!ends[0].shaken)
        exchange();
    exchange();
}

// Fails unless the stream has written exactly that since, as one record of TLS 1.3.
static void check_record(const char *text) {
    char records[8192], got[1000] = "";
    size_t len;
    uv_run(&loop.uv, UV_RUN_NOWAIT);
    ssize_t count = read(peer_fd, records, sizeof(records));
    ck_assert_int_eq(count, *text ? (ssize_t)strlen(text) + 22 : -1);
    tls_feed(peer, records, count > 0 ? (size_t)count : 0);
    ck_assert_int_eq(tls_read(peer, got, sizeof(got) - 1, &len), TLS_WANTS);
    ck_assert_str_eq(got, text);
}

START_TEST(stream_writes_one_record_a_turn) {
    shake_by_hand();
    bytes_append_literal(stream_out(&ends[0].stream), "GET a ");
    check_record(""); // corked
    ck_assert_int_eq(stream_write_first(&ends[0].stream, SLICE("AUTH")), 0);
    check_record("AUTH");
    ends[0].stream.is_corked = false;
    bytes_append_literal(stream_out(&ends[0].stream), "GET b ");
    flusher_add(&loop.flusher, &ends[0].stream);
    bytes_append_literal(stream_out(&ends[0].stream), "GET c");
    check_record("GET a GET b GET c");
    tls_free(peer);
    close(peer_fd);
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND("stream_tls", begin, end, stream_carries_much_both_ways,
                            stream_loses_nothing_when_its_owner_stops_reading,
                            stream_tells_its_owner_of_the_peers_end_after_all_bytes,
                            stream_takes_a_cut_connection_for_ended,
                            stream_tells_why_a_handshake_failed,
                            stream_that_closes_in_its_handshake_says_so_once,
                            stream_gives_lent_bytes_back_at_once, stream_writes_one_record_a_turn);
}
