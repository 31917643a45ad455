#define _GNU_SOURCE
#include "cachesd.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    LONGEST_LINE = 65536,  // bytes of a reply's line
    DEEPEST = 8,           // arrays within arrays
    LARGEST = 1 << 30,     // bytes of a value, or items of an array
    MOST_WORDS = 64,       // of cachesd_call()
    LONGEST_ADDRESS = 300, // of a place where a daemon may be
    USUAL_MS = 5000,
    USUAL_WAIT_MS = 10000,
};

enum end { FINE, LATE, BROKEN, NO_MEMORY }; // of a step of a request

struct cachesd {
    char *address, *user, *token; // or NULL
    int timeout_ms;
    int fd; // -1: there is no connection
    pid_t pid;
    int64_t deadline; // ms of a monotonic clock, of the request under way
    char *unread;     // bytes at..end were read and are not yet taken
    size_t at, end, room;
    struct cachesd_reply reply;
};

// --- options and places ---------------------------------------------------------------------

// A copy of the value, or of the environment's; NULL where both are missing or empty.
static char *given(const char *value, const char *name) {
    if (!value) {
        value = getenv(name);
    }
    return value && *value ? strdup(value) : NULL;
}

// Splits HOST:PORT or [IPV6]:PORT into two strings.
static bool split(const char *address, char host[LONGEST_ADDRESS], char port[6]) {
    const char *colon = strrchr(address, ':');
    size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;
    if (digits < 1 || digits > 5 || colon[1 + digits] || atoi(colon + 1) > 65535) {
        return false;
    }
    bool is_bracketed = *address == '[' && colon[-1] == ']';
    const char *begin = address + is_bracketed;
    size_t length = (size_t)(colon - begin) - is_bracketed;
    if (!length || length >= LONGEST_ADDRESS || (!is_bracketed && strcspn(begin, ":[]") < length)) {
        return false;
    }
    memcpy(host, begin, length);
    host[length] = '\0';
    memcpy(port, colon + 1, digits + 1);
    return true;
}

static bool is_address(const char *address) {
    char host[LONGEST_ADDRESS], port[6];
    return strchr(address, '/') ? strlen(address) < LONGEST_ADDRESS : split(address, host, port);
}

// The n-th place where a daemon may be, or false where there is none.
static bool place(const struct cachesd *cachesd, int n, char text[LONGEST_ADDRESS]) {
    if (cachesd->address) {
        snprintf(text, LONGEST_ADDRESS, "%s", cachesd->address);
        return n == 0;
    }
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    char own[64];
    struct stat about;
    snprintf(own, sizeof own, "/tmp/cachesd-%u",
             (unsigned)geteuid()); // whoever comes first can make it
    bool is_own = !lstat(own, &about) && about.st_uid == geteuid();
    const char *folders[] = {"/run/cachesd", runtime && *runtime ? runtime : NULL,
                             is_own ? own : NULL};
    if (n == 3) {
        snprintf(text, LONGEST_ADDRESS, "127.0.0.1:7379");
    } else if (n < 3) {
        snprintf(text, LONGEST_ADDRESS, "%s/cachesd.sock", folders[n] ? folders[n] : "");
    }
    return n <= 3;
}

struct cachesd *cachesd_new(const struct cachesd_options *options) {
    static const struct cachesd_options none;
    options = options ? options : &none;
    struct cachesd *cachesd = calloc(1, sizeof *cachesd);
    if (!cachesd) {
        return NULL;
    }
    cachesd->fd = -1;
    cachesd->address = given(options->address, "CACHESD_ADDRESS");
    cachesd->user = given(options->user, "CACHESD_USER");
    cachesd->token = given(options->token, "CACHESD_TOKEN");
    cachesd->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : USUAL_MS;
    if ((cachesd->token && !cachesd->user) || (cachesd->address && !is_address(cachesd->address))) {
        cachesd_free(cachesd);
        errno = EINVAL;
        return NULL;
    }
    return cachesd;
}

// --- replies --------------------------------------------------------------------------------

static void reply_clear(struct cachesd_reply *reply) {
    for (size_t i = 0; i < reply->count; i++) {
        reply_clear(&reply->items[i]);
    }
    free(reply->items);
    free(reply->bytes);
    *reply = (struct cachesd_reply){.kind = CACHESD_NIL};
}

// Of this error alone; of its text as much as there is memory for.
static const struct cachesd_reply *refuse(struct cachesd *cachesd, const char *code,
                                          const char *text) {
    struct cachesd_reply *reply = &cachesd->reply;
    reply_clear(reply);
    reply->kind = CACHESD_ERROR;
    snprintf(reply->code, sizeof reply->code, "%s", code);
    reply->bytes = strdup(text);
    reply->size = reply->bytes ? strlen(text) : 0;
    return reply;
}

bool cachesd_is_perhaps_applied(const struct cachesd_reply *reply) {
    return reply->kind == CACHESD_ERROR &&
           (!strcmp(reply->code, "TIMEOUT") || !strcmp(reply->code, "LOST") ||
            !strcmp(reply->code, "INTERNAL"));
}

// --- the stream -----------------------------------------------------------------------------

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static void disconnect(struct cachesd *cachesd) {
    if (cachesd->fd >= 0) {
        close(cachesd->fd);
    }
    cachesd->fd = -1;
    cachesd->at = cachesd->end = 0;
}

void cachesd_free(struct cachesd *cachesd) {
    if (!cachesd) {
        return;
    }
    disconnect(cachesd);
    reply_clear(&cachesd->reply);
    free(cachesd->unread);
    free(cachesd->address);
    free(cachesd->user);
    free(cachesd->token);
    free(cachesd);
}

// Waits until the descriptor can be read or written.
static enum end await(const struct cachesd *cachesd, int fd, short events) {
    for (;;) {
        int64_t left = cachesd->deadline - now_ms();
        if (left <= 0) {
            return LATE;
        }
        struct pollfd poll_fd = {.fd = fd, .events = events};
        int ready = poll(&poll_fd, 1, left < INT_MAX ? (int)left : INT_MAX);
        if (ready > 0 || (ready < 0 && errno != EINTR)) {
            return ready > 0 ? FINE : BROKEN;
        }
    }
}

static enum end write_all(struct cachesd *cachesd, const char *bytes, size_t size) {
    while (size) {
        enum end end = await(cachesd, cachesd->fd, POLLOUT);
        if (end != FINE) {
            return end;
        }
        ssize_t sent = send(cachesd->fd, bytes, size, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            return BROKEN;
        }
        bytes += sent > 0 ? sent : 0;
        size -= sent > 0 ? (size_t)sent : 0;
    }
    return FINE;
}

static enum end make_room(struct cachesd *cachesd) {
    if (cachesd->at) {
        memmove(cachesd->unread, cachesd->unread + cachesd->at, cachesd->end - cachesd->at);
        cachesd->end -= cachesd->at;
        cachesd->at = 0;
    }
    if (cachesd->end == cachesd->room) {
        size_t room = cachesd->room ? cachesd->room * 2 : LONGEST_LINE;
        char *unread = realloc(cachesd->unread, room);
        if (!unread) {
            return NO_MEMORY;
        }
        cachesd->unread = unread;
        cachesd->room = room;
    }
    return FINE;
}

// Reads until so many bytes are there; memory grows as bytes come, not as they are announced.
static enum end gather(struct cachesd *cachesd, size_t size) {
    while (cachesd->end - cachesd->at < size) {
        enum end end = FINE;
        if (cachesd->end == cachesd->room) {
            end = make_room(cachesd);
        }
        if (end == FINE) {
            end = await(cachesd, cachesd->fd, POLLIN);
        }
        if (end != FINE) {
            return end;
        }
        ssize_t count =
            recv(cachesd->fd, cachesd->unread + cachesd->end, cachesd->room - cachesd->end, 0);
        if (!count || (count < 0 && errno != EAGAIN && errno != EINTR)) {
            return BROKEN;
        }
        cachesd->end += count > 0 ? (size_t)count : 0;
    }
    return FINE;
}

// Takes so many bytes, and passes over their line end.
static enum end take(struct cachesd *cachesd, size_t size, char **bytes) {
    enum end end = gather(cachesd, size + 2);
    if (end != FINE) {
        return end;
    }
    const char *taken = cachesd->unread + cachesd->at;
    if (memcmp(taken + size, "\r\n", 2) != 0) {
        return BROKEN;
    }
    *bytes = malloc(size + 1);
    if (!*bytes) {
        return NO_MEMORY;
    }
    memcpy(*bytes, taken, size);
    (*bytes)[size] = '\0';
    cachesd->at += size + 2;
    return FINE;
}

static enum end take_line(struct cachesd *cachesd, char **line) {
    for (size_t have = 2;; have = cachesd->end - cachesd->at + 1) {
        enum end end = gather(cachesd, have);
        if (end != FINE) {
            return end;
        }
        const char *begin = cachesd->unread + cachesd->at;
        size_t size = cachesd->end - cachesd->at;
        const char *stop = memmem(begin, size, "\r\n", 2);
        if (stop) {
            return take(cachesd, (size_t)(stop - begin), line);
        }
        if (size > LONGEST_LINE) {
            return BROKEN;
        }
    }
}

// --- reading a reply ------------------------------------------------------------------------

static enum end read_reply(struct cachesd *cachesd, struct cachesd_reply *reply, int depth);

static bool read_number(const char *text, long long *number) {
    char *stop;
    errno = 0;
    *number = strtoll(text, &stop, 10);
    return (isdigit((unsigned char)*text) || *text == '-') && stop != text && !*stop && !errno;
}

static enum end read_items(struct cachesd *cachesd, struct cachesd_reply *reply, size_t count,
                           int depth) {
    reply->kind = CACHESD_ITEMS;
    for (size_t room = 0; reply->count < count;) {
        if (reply->count == room) {
            room = room ? room * 2 : 16;
            struct cachesd_reply *items = realloc(reply->items, room * sizeof *items);
            if (!items) {
                return NO_MEMORY;
            }
            reply->items = items;
        }
        struct cachesd_reply *item = &reply->items[reply->count++];
        *item = (struct cachesd_reply){.kind = CACHESD_NIL};
        enum end end = read_reply(cachesd, item, depth - 1);
        if (end != FINE || item->kind == CACHESD_ERROR) { // no array of the daemon's has errors
            return end != FINE ? end : BROKEN;
        }
    }
    return FINE;
}

static enum end read_sized(struct cachesd *cachesd, struct cachesd_reply *reply, char kind,
                           long long size, int depth) {
    if (size == -1) {
        return FINE; // it is nil
    }
    if (size < 0 || size > LARGEST) {
        return BROKEN;
    }
    if (kind == '*') {
        return depth ? read_items(cachesd, reply, (size_t)size, depth) : BROKEN;
    }
    reply->kind = CACHESD_BYTES;
    reply->size = (size_t)size;
    return take(cachesd, reply->size, &reply->bytes);
}

// The line of an error: CODE text.
static void read_error(struct cachesd_reply *reply, char *line) {
    size_t length = strcspn(line + 1, " ");
    const char *text = line + 1 + length + (line[1 + length] == ' ');
    reply->kind = CACHESD_ERROR;
    snprintf(reply->code, sizeof reply->code, "%.*s", (int)length, line + 1);
    reply->size = strlen(text);
    memmove(line, text, reply->size + 1);
    reply->bytes = line;
}

static enum end read_reply(struct cachesd *cachesd, struct cachesd_reply *reply, int depth) {
    char *line;
    enum end end = take_line(cachesd, &line);
    if (end != FINE) {
        return end;
    }
    long long number;
    if (*line == '-') {
        read_error(reply, line);
        return FINE;
    }
    if (*line == '+') {
        reply->kind = CACHESD_BYTES;
        reply->size = strlen(line + 1);
        memmove(line, line + 1, reply->size + 1);
        reply->bytes = line;
        return FINE;
    }
    char kind = *line;
    bool is_number = kind && read_number(line + 1, &number);
    free(line);
    if (!is_number || (kind != ':' && kind != '$' && kind != '*')) {
        return BROKEN;
    }
    if (kind != ':') {
        return read_sized(cachesd, reply, kind, number, depth);
    }
    reply->kind = CACHESD_NUMBER;
    reply->number = number;
    return FINE;
}

// --- connecting -----------------------------------------------------------------------------

// Connects a new socket, in time. Returns -1 with errno.
static int connect_to(const struct cachesd *cachesd, int family, const void *address,
                      socklen_t size) {
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    int problem = connect(fd, address, size) ? errno : 0;
    if (problem == EINPROGRESS) {
        socklen_t length = sizeof problem;
        problem = ETIMEDOUT;
        if (await(cachesd, fd, POLLOUT) == FINE) {
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &length);
        }
    }
    if (problem) {
        close(fd);
        errno = problem;
        return -1;
    }
    if (family != AF_UNIX) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    }
    return fd;
}

static int connect_unix(const struct cachesd *cachesd, const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    return connect_to(cachesd, AF_UNIX, &address, sizeof address);
}

static int connect_tcp(const struct cachesd *cachesd, const char *text) {
    char host[LONGEST_ADDRESS], port[6];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    if (!split(text, host, port) || getaddrinfo(host, port, &hints, &found)) {
        errno = EHOSTUNREACH;
        return -1;
    }
    int fd = -1;
    for (const struct addrinfo *one = found; one && fd < 0; one = one->ai_next) {
        fd = connect_to(cachesd, one->ai_family, one->ai_addr, one->ai_addrlen);
    }
    int problem = errno;
    freeaddrinfo(found);
    errno = problem;
    return fd;
}

// Returns NULL once it is connected, else the error.
static const struct cachesd_reply *reach(struct cachesd *cachesd) {
    char text[LONGEST_ADDRESS], problem[LONGEST_ADDRESS + 100] = "";
    disconnect(cachesd);
    for (int n = 0; cachesd->fd < 0 && place(cachesd, n, text); n++) {
        cachesd->fd = strchr(text, '/') ? connect_unix(cachesd, text) : connect_tcp(cachesd, text);
        if (cachesd->fd < 0) {
            snprintf(problem, sizeof problem, "cannot connect to %s: %s", text, strerror(errno));
        }
    }
    cachesd->pid = getpid();
    return cachesd->fd < 0 ? refuse(cachesd, "UNAVAILABLE", problem) : NULL;
}

// Whether the daemon has neither closed it nor said anything unasked.
static bool is_good(const struct cachesd *cachesd) {
    char byte;
    bool is_ours = cachesd->fd >= 0 && cachesd->pid == getpid();
    return is_ours && recv(cachesd->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

// --- requests -------------------------------------------------------------------------------

// The words as they are sent, of malloc(); NULL where memory is short.
static char *encoded(size_t count, const struct cachesd_word *words, size_t *size) {
    size_t room = 32;
    for (size_t i = 0; i < count; i++) {
        room += words[i].size + 32;
    }
    char *bytes = malloc(room);
    if (!bytes) {
        return NULL;
    }
    char *end = bytes + sprintf(bytes, "*%zu\r\n", count);
    for (size_t i = 0; i < count; i++) {
        end += sprintf(end, "$%zu\r\n", words[i].size);
        memcpy(end, words[i].bytes, words[i].size);
        end += words[i].size;
        memcpy(end, "\r\n", 2);
        end += 2;
    }
    *size = (size_t)(end - bytes);
    return bytes;
}

// Sends the words, and reads their reply. After anything but a whole reply the connection is
// closed.
static const struct cachesd_reply *exchange(struct cachesd *cachesd, size_t count,
                                            const struct cachesd_word *words) {
    size_t size;
    char *bytes = encoded(count, words, &size);
    if (!bytes) {
        return refuse(cachesd, "UNAVAILABLE", "out of memory");
    }
    enum end end = write_all(cachesd, bytes, size);
    free(bytes);
    reply_clear(&cachesd->reply);
    if (end == FINE) {
        end = read_reply(cachesd, &cachesd->reply, DEEPEST);
    }
    if (end == FINE && cachesd->at == cachesd->end) {
        cachesd->at = cachesd->end = 0;
        return &cachesd->reply;
    }
    disconnect(cachesd);
    return end == LATE ? refuse(cachesd, "TIMEOUT", "no answer in time")
                       : refuse(cachesd, "LOST",
                                end == NO_MEMORY ? "out of memory"
                                                 : "the connection broke before the answer");
}

// Says who asks, if a token is given. Returns NULL when that was taken, else the error.
static const struct cachesd_reply *login(struct cachesd *cachesd) {
    if (!cachesd->token) {
        return NULL;
    }
    const struct cachesd_word words[] = {{"auth", 4},
                                         {cachesd->user, strlen(cachesd->user)},
                                         {cachesd->token, strlen(cachesd->token)}};
    const struct cachesd_reply *reply = exchange(cachesd, 3, words);
    if (reply->kind != CACHESD_ERROR) {
        return NULL;
    }
    disconnect(cachesd);
    return cachesd_is_perhaps_applied(reply)
               ? refuse(cachesd, "UNAVAILABLE", "auth was not answered")
               : reply;
}

const struct cachesd_reply *cachesd_call_words(struct cachesd *cachesd, int timeout_ms,
                                               size_t count, const struct cachesd_word *words) {
    if (count == 0) {
        return refuse(cachesd, "ARGS", "no verb is given");
    }
    cachesd->deadline = now_ms() + (timeout_ms > 0 ? timeout_ms : cachesd->timeout_ms);
    const struct cachesd_reply *error = NULL;
    if (!is_good(cachesd)) {
        error = reach(cachesd);
        error = error ? error : login(cachesd);
    }
    return error ? error : exchange(cachesd, count, words);
}

const struct cachesd_reply *cachesd_call(struct cachesd *cachesd, const char *verb, ...) {
    struct cachesd_word words[MOST_WORDS];
    const char *word = verb;
    size_t count = 0;
    va_list arguments;
    va_start(arguments, verb);
    for (; word && count < MOST_WORDS; word = va_arg(arguments, const char *)) {
        words[count++] = (struct cachesd_word){word, strlen(word)};
    }
    va_end(arguments);
    bool has_more = word != NULL;
    return has_more ? refuse(cachesd, "ARGS", "more than 64 words: use cachesd_call_words()")
                    : cachesd_call_words(cachesd, 0, count, words);
}

// --- cached results -------------------------------------------------------------------------

struct found {
    char state[8]; // HIT, NULL, STALE, MISS; or AWAY, where the daemon does not answer
    char *value, *lease;
    size_t size; // of the value
};

static char *bytes_of(struct cachesd_reply *reply) {
    char *bytes = reply->bytes;
    reply->bytes = NULL; // it is the caller's now
    return bytes;
}

static struct found memo_get(struct cachesd *cachesd, const struct cachesd_memo *memo,
                             int wait_ms) {
    char option[32];
    int length = snprintf(option, sizeof option, "wait=%dms", wait_ms);
    const struct cachesd_word words[] = {{"memo.get", 8},
                                         {option, (size_t)length},
                                         {memo->namespace, strlen(memo->namespace)},
                                         {memo->key, strlen(memo->key)}};
    cachesd_call_words(cachesd, cachesd->timeout_ms + wait_ms, 4, words);
    struct found found = {.state = "AWAY"};
    struct cachesd_reply *items = cachesd->reply.items;
    if (cachesd->reply.kind != CACHESD_ITEMS || cachesd->reply.count != 3 || !items[0].bytes) {
        return found;
    }
    snprintf(found.state, sizeof found.state, "%s", items[0].bytes);
    found.size = items[1].size;
    found.value = bytes_of(&items[1]);
    found.lease = bytes_of(&items[2]);
    return found;
}

static void store(struct cachesd *cachesd, const struct cachesd_memo *memo, const char *lease,
                  const char *value, size_t size) {
    struct cachesd_word words[6];
    char option[64];
    size_t count = 0;
    const char *verb = value ? "memo.put" : "memo.null";
    words[count++] = (struct cachesd_word){verb, strlen(verb)};
    if (memo->ttl && value) {
        words[count++] = (struct cachesd_word){
            option, (size_t)snprintf(option, sizeof option, "ttl=%.40s", memo->ttl)};
    }
    words[count++] = (struct cachesd_word){memo->namespace, strlen(memo->namespace)};
    words[count++] = (struct cachesd_word){memo->key, strlen(memo->key)};
    words[count++] = (struct cachesd_word){lease, strlen(lease)};
    if (value) {
        words[count++] = (struct cachesd_word){value, size};
    }
    cachesd_call_words(cachesd, 0, count, words);
}

int cachesd_cached(struct cachesd *cachesd, const struct cachesd_memo *memo,
                   cachesd_compute *compute, void *context, char **value, size_t *size) {
    struct found found = memo_get(cachesd, memo, 0);
    if (!strcmp(found.state, "MISS") && !found.lease) { // somebody else computes it
        found = memo_get(cachesd, memo, memo->wait_ms > 0 ? memo->wait_ms : USUAL_WAIT_MS);
    }
    bool is_kept = !found.lease && (found.value || !strcmp(found.state, "NULL"));
    *value = is_kept ? found.value : NULL;
    *size = is_kept ? found.size : 0;
    if (is_kept) {
        return 0;
    }
    free(found.value);
    int result = compute(context, value, size);
    if (found.lease && result) {
        cachesd_call(cachesd, "memo.drop", memo->namespace, memo->key, found.lease, NULL);
    } else if (found.lease) {
        store(cachesd, memo, found.lease, *value, *size);
    }
    free(found.lease);
    return result;
}

bool cachesd_forget(struct cachesd *cachesd, const struct cachesd_memo *memo) {
    return cachesd_call(cachesd, "del", memo->namespace, memo->key, NULL)->kind != CACHESD_ERROR;
}
