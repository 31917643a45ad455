#include "client/bench/load.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "client/bench/cpu.h"
#include "client/bench/histogram.h"
#include "client/bench/load_options.h"
#include "client/bench/replies.h"
#include "client/bench/report.h"
#include "client/bench/requests.h"
#include "client/complain.h"
#include "client/connection.h"
#include "client/interrupt.h"
#include "protocol/bytes.h"
#include "protocol/mem.h"
#include "transport/ring.h"

//
//   caches bench [OPTIONS] WORD...      one kind of request, sent again and again
//
// Closed loop: each client sends a batch of `depth` requests at once, reads until all are answered,
// and sends the next. A latency is the time from just before the batch is sent until the reply's
// bytes were read.
// Open loop (-r): requests are due at fixed times, whatever the server does, and a latency is
// counted from when its request was due. A server that stalls so can't hide it by slowing the
// load ("coordinated omission").
//
// The program shares its machine with the servers it measures, so it is made to cost little itself:
// one process, nothing allocated per request, and all clients whose replies have come are read, and
// sent their next batches, by one call each of the system (transport/ring.h). Prints one line of
// JSON.

enum {
    READ_BYTES = 256 << 10,
    EVENTS = 256,
    OPEN_WINDOW = 1024,   // requests of one client under way in the open loop; a power of 2
    STUCK_MS = 20 * 1000, // without any event
};

enum phase { WARMING_UP, MEASURING, DRAINING };

struct client {
    struct connection *connection; // opens and closes the descriptor; its bytes are moved here
    int fd;
    struct replies replies;
    unsigned parts;     // replies that have come of the request at hand's `commands`
    uint64_t *begun_ns; // ring of `window`: when each request under way was sent, or was due
    unsigned first;     // its index, and how many there are
    unsigned under_way;
    char *rest; // what the socket did not take, in memory of the client's own
    size_t rest_at, rest_len, rest_cap;
};

// What stood on the clocks when the measurement began.
struct start {
    uint64_t ns;
    uint64_t own_ns;
    struct cpu watched[LOAD_WATCHED];
};

// The batches that one call of the system sends, each by a client of its own.
struct outgoing {
    struct transfer transfers[TRANSFERS_MOST];
    struct client *clients[TRANSFERS_MOST];
    size_t count;
};

struct load {
    const struct job *job;
    const struct load_options *options;
    struct requests requests;
    struct client *clients;
    struct ring *ring;
    size_t group_most; // clients that are read, or sent to, by one call
    struct outgoing outgoing;
    unsigned window;
    int epoll, timer;
    int stuck_ms; // without any event: the server hangs
    enum phase phase;
    uint64_t phase_end_ns;
    uint64_t left;      // requests still to be sent; UINT64_MAX when time decides
    uint64_t under_way; // of all clients
    uint64_t answered;  // requests, in all
    uint64_t done;      // those of them while measuring
    uint64_t due;       // open loop: requests sent so far, and when the first was due
    uint64_t due_from_ns;
    struct start start;
    struct replies_seen seen;
    struct histogram latency, lateness; // ns; how far behind its due time a request was sent
    char read_buffer[READ_BYTES];
};

static uint64_t clock_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t now_ns(void) { return clock_ns(CLOCK_MONOTONIC); }

static void fail(const struct load *l, const char *what) {
    fprintf(stderr, "caches bench: %s: %s after %" PRIu64 " requests; first error: %s\n",
            connection_address(l->job->connection), what, l->answered,
            l->seen.errors ? l->seen.first_error : "none");
    exit(1);
}

static void want_events(struct load *l, struct client *c, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = c};
    if (epoll_ctl(l->epoll, operation, c->fd, &event) < 0)
        fail(l, strerror(errno));
}

// --- sending --------------------------------------------------------------------------------

static void keep_rest(struct load *l, struct client *c, const char *data, size_t len) {
    if (c->rest_cap < len) {
        free(c->rest);
        c->rest_cap = l->requests.len * l->options->depth;
        c->rest = malloc(c->rest_cap);
        if (!c->rest)
            fail(l, "no memory");
    }
    memcpy(c->rest, data, len);
    c->rest_at = 0;
    c->rest_len = len;
    want_events(l, c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
}

// Returns how many bytes the socket has taken.
static size_t taken(const struct load *l, int done) {
    if (done < 0 && done != -EAGAIN)
        fail(l, strerror(-done));
    return done < 0 ? 0 : (size_t)done;
}

static void send_outgoing(struct load *l) {
    struct outgoing *out = &l->outgoing;
    ring_send(l->ring, out->transfers, out->count);
    for (size_t i = 0; i < out->count; i++) {
        const struct transfer *x = &out->transfers[i];
        size_t sent = taken(l, x->done);
        if (sent < x->len)
            keep_rest(l, out->clients[i], (const char *)x->data + sent, x->len - sent);
    }
    out->count = 0;
}

static void send_rest(struct load *l, struct client *c) {
    size_t n = taken(l, ring_send_alone(c->fd, c->rest + c->rest_at, c->rest_len));
    c->rest_at += n;
    c->rest_len -= n;
    if (c->rest_len == 0)
        want_events(l, c, EPOLL_CTL_MOD, EPOLLIN);
}

// Has `count` requests sent with the next outgoing ones. Their latencies count from `begun_ns`.
static void add_requests(struct load *l, struct client *c, unsigned count, uint64_t begun_ns) {
    struct outgoing *out = &l->outgoing;
    char *data = requests_batch(&l->requests, out->count, count);
    for (unsigned i = 0; i < count; i++)
        c->begun_ns[(c->first + c->under_way + i) & (l->window - 1)] = begun_ns;
    c->under_way += count;
    l->under_way += count;
    if (l->left != UINT64_MAX)
        l->left -= count;
    out->clients[out->count] = c;
    out->transfers[out->count++] = (struct transfer){c->fd, data, count * l->requests.len, 0};
}

static void add_batch(struct load *l, struct client *c, uint64_t now) {
    uint64_t depth = l->options->depth;
    unsigned count = (unsigned)(l->left < depth ? l->left : depth);
    if (l->phase != DRAINING && count > 0)
        add_requests(l, c, count, now);
}

// Sends the clients' next batches; at most `group_most` clients.
static void send_batches(struct load *l, struct client *const *clients, size_t count) {
    uint64_t now = now_ns();
    for (size_t i = 0; i < count; i++)
        add_batch(l, clients[i], now);
    send_outgoing(l);
}

static uint64_t due_ns(const struct load *l) {
    return l->due_from_ns + (uint64_t)((double)l->due * 1e9 / l->options->rate);
}

// Sends what is due, each request by the next client in turn, and sets the timer to the next.
static void send_due(struct load *l) {
    uint64_t now = now_ns();
    while (l->phase != DRAINING && l->left > 0 && due_ns(l) <= now) {
        struct client *c = &l->clients[l->due % l->options->clients];
        if (c->under_way == l->window || c->rest_len > 0)
            return; // its replies will bring us back here
        histogram_add(&l->lateness, now - due_ns(l));
        add_requests(l, c, 1, due_ns(l));
        send_outgoing(l);
        l->due++;
        now = now_ns();
    }
    struct itimerspec at = {.it_value = {.tv_sec = (time_t)(due_ns(l) / 1000000000),
                                         .tv_nsec = (long)(due_ns(l) % 1000000000)}};
    if (timerfd_settime(l->timer, TFD_TIMER_ABSTIME, &at, NULL) < 0)
        fail(l, strerror(errno));
}

// --- receiving ------------------------------------------------------------------------------

static void end_request(struct load *l, struct client *c, uint64_t now) {
    if (c->under_way == 0)
        fail(l, "a reply that nobody asked for");
    if (l->phase == MEASURING) {
        histogram_add(&l->latency, now - c->begun_ns[c->first & (l->window - 1)]);
        l->done++;
    }
    l->answered++;
    c->first++;
    c->under_way--;
    l->under_way--;
}

static void take_replies(struct load *l, struct client *c, const char *data, size_t len,
                         uint64_t now) {
    int64_t replies = replies_scan(&c->replies, data, len, &l->seen);
    if (replies < 0)
        fail(l, "garbage");
    for (; replies > 0; replies--) {
        if (++c->parts < l->requests.commands)
            continue;
        c->parts = 0;
        end_request(l, c, now);
    }
}

// Reads clients, which share the buffer. Where one's replies fill its share, fewer will share it.
static void read_group(struct load *l, struct client *const *clients, size_t count) {
    struct transfer transfers[TRANSFERS_MOST];
    size_t share = READ_BYTES / l->group_most;
    for (size_t i = 0; i < count; i++)
        transfers[i] = (struct transfer){clients[i]->fd, l->read_buffer + i * share, share, 0};
    ring_receive(l->ring, transfers, count);
    uint64_t now = now_ns();
    for (size_t i = 0; i < count; i++) {
        if (transfers[i].done == 0)
            fail(l, "connection closed");
        size_t len = taken(l, transfers[i].done);
        take_replies(l, clients[i], transfers[i].data, len, now);
        if (len == share && l->group_most > 1)
            l->group_most = READ_BYTES / share / 2;
    }
}

// Reads clients that have something to be read, and sends those their next batches whose last ones
// are answered; at most `group_most` clients.
static void serve_group(struct load *l, struct client *const *clients, size_t count) {
    struct client *answered[TRANSFERS_MOST];
    size_t answered_count = 0;
    read_group(l, clients, count);
    for (size_t i = 0; i < count; i++)
        if (clients[i]->under_way == 0 && l->options->rate == 0)
            answered[answered_count++] = clients[i];
    send_batches(l, answered, answered_count);
}

static void serve(struct load *l, struct client *const *clients, size_t count) {
    for (size_t at = 0, group; at < count; at += group) {
        group = bytes_smaller(count - at, l->group_most);
        serve_group(l, clients + at, group);
    }
}

static void on_timer(struct load *l) {
    uint64_t expirations;
    if (read(l->timer, &expirations, sizeof expirations) < 0 && errno != EAGAIN)
        fail(l, strerror(errno));
}

// --- running --------------------------------------------------------------------------------

static void read_watched(const struct load *l, struct cpu *watched) {
    for (int i = 0; i < l->options->watched_count; i++)
        if (!cpu_read(l->options->watched[i], &watched[i]))
            fail(l, "a watched process is gone");
}

static void begin_measuring(struct load *l) {
    memset(&l->latency, 0, sizeof l->latency);
    memset(&l->lateness, 0, sizeof l->lateness);
    l->phase = MEASURING;
    read_watched(l, l->start.watched);
    l->start.own_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    l->start.ns = now_ns();
    if (l->options->seconds > 0)
        l->phase_end_ns = l->start.ns + (uint64_t)(l->options->seconds * 1e9);
}

// Says what was measured up to now.
static void tell(const struct load *l) {
    struct report report = {.requests = l->done,
                            .answered = l->answered,
                            .seconds = (double)(now_ns() - l->start.ns) / 1e9,
                            .own_cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - l->start.own_ns,
                            .latency = &l->latency,
                            .lateness = &l->lateness,
                            .seen = &l->seen,
                            .watched = l->options->watched,
                            .watched_count = l->options->watched_count,
                            .begin = l->start.watched};
    read_watched(l, report.end);
    report_print(&report);
}

// Returns whether the measurement is over: with its time (though not before something was
// measured), with the last reply when requests are counted, or by Ctrl-C.
static bool is_measured(const struct load *l, uint64_t now) {
    bool is_all = l->options->seconds > 0 ? now >= l->phase_end_ns && l->done > 0
                                          : l->left == 0 && l->under_way == 0;
    return is_all || interrupt_has_come();
}

// Goes on to the next phase when the time has come. What is under way at the end is still read, so
// that the server has nothing left to do when we go; but not behind Ctrl-C, since it may hang.
static bool advance(struct load *l) {
    uint64_t now = now_ns();
    if (l->phase == WARMING_UP && (now >= l->phase_end_ns || interrupt_has_come()))
        begin_measuring(l);
    if (l->phase == MEASURING && is_measured(l, now)) {
        tell(l);
        l->phase = DRAINING;
    }
    return l->phase != DRAINING || (l->under_way > 0 && !interrupt_has_come());
}

static void handle_events(struct load *l) {
    struct epoll_event events[EVENTS];
    int count = epoll_wait(l->epoll, events, EVENTS, l->stuck_ms);
    if (count < 0 && errno != EINTR)
        fail(l, strerror(errno));
    if (count == 0)
        fail(l, "stuck: no reply");
    struct client *readable[EVENTS];
    size_t readable_count = 0;
    for (int i = 0; i < count; i++) {
        struct client *c = events[i].data.ptr;
        if (!c) {
            on_timer(l);
            continue;
        }
        if (events[i].events & EPOLLOUT)
            send_rest(l, c);
        if (events[i].events & ~(uint32_t)EPOLLOUT)
            readable[readable_count++] = c;
    }
    serve(l, readable, readable_count);
}

// Each client sends its first batch.
static void begin(struct load *l) {
    for (unsigned i = 0; i < l->options->clients; i++) {
        struct client *c = &l->clients[i];
        send_batches(l, &c, 1);
    }
}

static void run(struct load *l) {
    uint64_t now = now_ns();
    l->due_from_ns = now;
    l->phase_end_ns = now + (uint64_t)(l->options->warm_up * 1e9);
    if (l->options->warm_up == 0)
        begin_measuring(l);
    if (l->options->rate > 0)
        send_due(l);
    else
        begin(l);
    while (advance(l)) {
        handle_events(l);
        if (l->options->rate > 0)
            send_due(l);
    }
}

static void fail_to_connect(const struct load *l, struct bytes *error) {
    bytes_append(error, "", 1);
    fail(l, error->data);
}

static void connect_clients(struct load *l) {
    const struct load_options *o = l->options;
    struct bytes error = {0};
    enum exit_code code;
    l->clients = calloc(o->clients, sizeof *l->clients);
    if (!l->clients)
        fail(l, "no memory");
    for (unsigned i = 0; i < o->clients; i++) {
        struct client *c = &l->clients[i];
        c->begun_ns = calloc(l->window, sizeof *c->begun_ns);
        if (!c->begun_ns)
            fail(l, "no memory");
        c->connection =
            i == 0 ? l->job->connection : connection_twin(l->job->connection, &error, &code);
        if (!c->connection)
            fail_to_connect(l, &error);
        c->fd = connection_fd(c->connection);
        want_events(l, c, EPOLL_CTL_ADD, EPOLLIN);
    }
}

static void init(struct load *l, const struct load_options *o) {
    l->options = o;
    l->group_most = requests_init(&l->requests, &o->requests, TRANSFERS_MOST, READ_BYTES);
    int error; // without a ring, all else is the same
    l->ring = o->has_no_ring ? NULL : ring_new(&error);
    l->left = o->count > 0 ? o->count : UINT64_MAX;
    for (l->window = 1; l->window < o->depth;)
        l->window *= 2;
    if (o->rate > 0)
        l->window = OPEN_WINDOW;
    int64_t timeout_ms = l->job->options->timeout_ms;
    l->stuck_ms = timeout_ms < STUCK_MS ? (int)timeout_ms : STUCK_MS;
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN};
    if (l->epoll < 0 || l->timer < 0 || epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->timer, &event) < 0)
        fail(l, strerror(errno));
    connect_clients(l);
}

static void deinit(struct load *l) {
    for (unsigned i = 0; i < l->options->clients; i++) {
        if (i > 0)
            connection_free(l->clients[i].connection);
        free(l->clients[i].begun_ns);
        free(l->clients[i].rest);
    }
    free(l->clients);
    requests_deinit(&l->requests);
    ring_free(l->ring);
    close(l->epoll);
    close(l->timer);
}

enum exit_code load_check(char **words, size_t count) {
    struct load_options options;
    return load_options_parse(&options, (int)count, words);
}

enum exit_code load_run(const struct job *job) {
    struct load_options options;
    load_options_parse(&options, (int)job->count, job->words); // load_check() has found it right
    if (connection_is_tls(job->connection)) {
        complain("bench measures Unix sockets and TCP, not TLS");
        return EXIT_USAGE;
    }
    struct load *l = calloc(1, sizeof *l);
    if (!l)
        mem_out();
    signal(SIGPIPE, SIG_IGN);
    interrupt_note();
    l->job = job;
    init(l, &options);
    run(l);
    enum exit_code code = l->seen.unsure > 0   ? EXIT_PERHAPS
                          : l->seen.errors > 0 ? EXIT_REFUSED
                                               : EXIT_ANSWERED;
    deinit(l);
    free(l);
    return code;
}
