// Relay: stands for the network before a server that is far away.
//
//     relay LISTEN CONNECT ROUND_TRIP_MS
//
// LISTEN and CONNECT are paths of Unix sockets, or ports of 127.0.0.1. Each connection that the
// relay accepts gets one of its own to the server. Bytes that the relay reads are written to the
// other side half of ROUND_TRIP_MS later, in either direction: the time from a request to its reply
// grows by ROUND_TRIP_MS, and by what the relay itself takes. The relay reads on while earlier
// bytes wait, so that the delay does not limit how much is under way.
//
// All bytes wait equally long, so that one queue holds them in the order in which they are due. A
// piece that is due goes to its side; what the side's socket does not take waits there. A side is
// freed with its twin, when both have been told that no more will come.

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    READ_BYTES = 256 << 10,
    EVENTS = 256,
};

// Bytes on their way. Their end is a piece without bytes.
struct piece {
    struct piece *next;
    uint64_t due_ns;
    struct side *to;
    size_t len, written;
    char bytes[];
};

struct queue {
    struct piece *first, **end;
};

// One of the two sockets of a connection.
struct side {
    int fd;
    uint32_t events; // that epoll watches for
    struct side *twin;
    struct queue due;       // what the socket has not taken yet
    bool is_broken;         // the peer takes no more
    bool is_told;           // the peer was told that no more comes
    struct side *next_dead; // of the connections to be freed, one side of each
};

static struct {
    int epoll, listener;
    uint64_t delay_ns; // of one direction
    const char *target;
    struct queue waiting;
    struct side *dead; // freed when no event at hand can mean them
    char read_buffer[READ_BYTES];
} relay;

static void fail(const char *what) {
    fprintf(stderr, "relay: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

// --- pieces ---------------------------------------------------------------------------------

static void queue_init(struct queue *q) {
    q->first = NULL;
    q->end = &q->first;
}

static void queue_append(struct queue *q, struct piece *p) {
    p->next = NULL;
    *q->end = p;
    q->end = &p->next;
}

// Returns the first piece, which is the caller's now. There has to be one.
static struct piece *queue_take(struct queue *q) {
    struct piece *p = q->first;
    q->first = p->next;
    if (!q->first)
        q->end = &q->first;
    return p;
}

static void send_later(struct side *to, const char *bytes, size_t len) {
    struct piece *p = malloc(sizeof *p + len);
    if (!p)
        fail("malloc");
    *p = (struct piece){.due_ns = now_ns() + relay.delay_ns, .to = to, .len = len};
    memcpy(p->bytes, bytes, len);
    queue_append(&relay.waiting, p);
}

// --- sides ----------------------------------------------------------------------------------

// A socket without events is not in epoll at all, which would tell of its end again and again.
static void watch(struct side *s, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = s};
    int operation = events == 0 ? EPOLL_CTL_DEL : s->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (events != s->events && epoll_ctl(relay.epoll, operation, s->fd, &event) < 0)
        fail("epoll_ctl");
    s->events = events;
}

// Tells the peer that no more comes. The connection ends when both of its peers were told.
static void tell_end(struct side *s) {
    shutdown(s->fd, SHUT_WR);
    s->is_told = true;
    if (s->twin->is_told) {
        s->next_dead = relay.dead;
        relay.dead = s;
    }
}

// Nobody takes the bytes of the twin any more, so that the twin is read no further than to its end.
static void break_side(struct side *s) {
    s->is_broken = true;
    shutdown(s->twin->fd, SHUT_RD);
}

// Returns false when the socket takes no more now.
static bool write_piece(struct side *s, struct piece *p) {
    while (p->written < p->len && !s->is_broken) {
        ssize_t n =
            send(s->fd, p->bytes + p->written, p->len - p->written, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            return false;
        if (n < 0)
            break_side(s);
        else
            p->written += (size_t)n;
    }
    return true;
}

static void write_due(struct side *s) {
    while (s->due.first) {
        if (!write_piece(s, s->due.first)) {
            watch(s, s->events | EPOLLOUT);
            return;
        }
        struct piece *p = queue_take(&s->due);
        if (p->len == 0)
            tell_end(s);
        free(p);
    }
    watch(s, s->events & ~(uint32_t)EPOLLOUT);
}

static void read_side(struct side *s) {
    ssize_t n = recv(s->fd, relay.read_buffer, READ_BYTES, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        watch(s, s->events & ~(uint32_t)EPOLLIN);
    send_later(s->twin, relay.read_buffer, n > 0 ? (size_t)n : 0);
}

static void free_dead(void) {
    while (relay.dead) {
        struct side *s = relay.dead, *sides[] = {s, s->twin};
        relay.dead = s->next_dead;
        for (int i = 0; i < 2; i++) {
            close(sides[i]->fd);
            free(sides[i]);
        }
    }
}

// --- connections ----------------------------------------------------------------------------

union address {
    struct sockaddr any;
    struct sockaddr_un path;
    struct sockaddr_in port;
};

// Returns a socket for the address, whose bytes are in `a` then, and their number in `len`.
static int open_socket(const char *text, union address *a, socklen_t *len) {
    char *end;
    unsigned long port = strtoul(text, &end, 10);
    if (*end == '\0' && port > 0 && port <= UINT16_MAX) {
        a->port = (struct sockaddr_in){.sin_family = AF_INET,
                                       .sin_port = htons((uint16_t)port),
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        *len = sizeof a->port;
    } else {
        a->path = (struct sockaddr_un){.sun_family = AF_UNIX};
        snprintf(a->path.sun_path, sizeof a->path.sun_path, "%s", text);
        *len = sizeof a->path;
    }
    int fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        fail("socket");
    return fd;
}

static void listen_at(const char *text) {
    union address a;
    socklen_t len;
    relay.listener = open_socket(text, &a, &len);
    setsockopt(relay.listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(relay.listener, &a.any, len) < 0 || listen(relay.listener, SOMAXCONN) < 0)
        fail(text);
    struct epoll_event event = {.events = EPOLLIN};
    if (epoll_ctl(relay.epoll, EPOLL_CTL_ADD, relay.listener, &event) < 0)
        fail("epoll_ctl");
}

// Returns -1 when nobody listens there.
static int connect_to(const char *text) {
    union address a;
    socklen_t len;
    int fd = open_socket(text, &a, &len);
    if (connect(fd, &a.any, len) == 0)
        return fd;
    close(fd);
    return -1;
}

static struct side *new_side(int fd) {
    struct side *s = calloc(1, sizeof *s);
    if (!s)
        fail("malloc");
    s->fd = fd;
    queue_init(&s->due);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)); // a Unix socket needs none
    return s;
}

static void accept_client(void) {
    int client = accept4(relay.listener, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0)
        return;
    int server = connect_to(relay.target);
    if (server < 0) {
        close(client);
        return;
    }
    struct side *one = new_side(client), *other = new_side(server);
    one->twin = other;
    other->twin = one;
    watch(one, EPOLLIN);
    watch(other, EPOLLIN);
}

// --- running --------------------------------------------------------------------------------

static void send_due(void) {
    uint64_t now = now_ns();
    while (relay.waiting.first && relay.waiting.first->due_ns <= now) {
        struct piece *p = queue_take(&relay.waiting);
        bool is_first = !p->to->due.first;
        queue_append(&p->to->due, p);
        if (is_first)
            write_due(p->to);
    }
}

static void handle_events(void) {
    struct epoll_event events[EVENTS];
    const struct piece *first = relay.waiting.first;
    uint64_t now = now_ns(), wait_ns = first && first->due_ns > now ? first->due_ns - now : 0;
    struct timespec timeout = {.tv_sec = (time_t)(wait_ns / 1000000000),
                               .tv_nsec = (long)(wait_ns % 1000000000)};
    int count = epoll_pwait2(relay.epoll, events, EVENTS, first ? &timeout : NULL, NULL);
    if (count < 0 && errno != EINTR)
        fail("epoll_pwait2");
    for (int i = 0; i < count; i++) {
        struct side *s = events[i].data.ptr;
        if (!s) {
            accept_client();
            continue;
        }
        if (s->events & EPOLLOUT && events[i].events & ~(uint32_t)EPOLLIN)
            write_due(s);
        if (s->events & EPOLLIN && events[i].events & ~(uint32_t)EPOLLOUT)
            read_side(s);
    }
}

int main(int argc, char **argv) {
    char *end = NULL;
    double round_trip_ms = argc == 4 ? strtod(argv[3], &end) : -1;
    if (argc != 4 || end == argv[3] || *end != '\0' ||
        !(round_trip_ms >= 0 && round_trip_ms < 1e6)) {
        fprintf(stderr, "usage: relay LISTEN CONNECT ROUND_TRIP_MS\n");
        return 2;
    }
    relay.delay_ns = (uint64_t)(round_trip_ms * 1e6 / 2);
    relay.target = argv[2];
    queue_init(&relay.waiting);
    prctl(PR_SET_TIMERSLACK, 1UL); // ns: the kernel would wake us up to 50 µs later than we ask
    relay.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (relay.epoll < 0)
        fail("epoll_create1");
    listen_at(argv[1]);
    for (;;) {
        handle_events();
        send_due();
        free_dead();
    }
}
