#include "client/connection.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "client/channel.h"
#include "client/clock.h"
#include "client/exit_code.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/mem.h"
#include "protocol/number.h"
#include "protocol/reply.h"
#include "protocol/resp.h"
#include "transport/tls.h"

enum { DIAL_MS = 5000, SEND_AT = 256 * 1024 };

struct connection {
    const struct connection_options *options;
    struct bytes name;      // the address, NUL-terminated
    struct channel channel; // closed: the connection has ended
    struct resp *resp;
    struct reply_builder *builder;
    bool has_reply; // the builder has a whole reply that nobody has taken
    struct bytes out;
    struct bytes in; // read, and not yet fed to the reader, from in_at on
    size_t in_at;
    size_t under_way;
    int64_t awaited_ms; // since when the next reply has been awaited, by the clock
    bool is_unreadable; // the daemon sent what is no reply
    bool is_refused;    // the daemon did not want the connection
    bool speaks_redis;
    char trouble[256]; // "" while the connection lives
};

// --- life -------------------------------------------------------------------------------------

static void on_event(void *owner, const struct event *event) {
    struct connection *c = owner;
    reply_builder_event(c->builder, event);
}

static bool on_reply(void *owner) {
    struct connection *c = owner;
    c->has_reply = true;
    return true;
}

static void end(struct connection *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void end(struct connection *c, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(c->trouble, sizeof(c->trouble), format, args);
    va_end(args);
    channel_close(&c->channel);
}

static bool authenticate(struct connection *c, struct bytes *error, enum exit_code *code) {
    if (!c->options->user)
        return true;
    struct slice words[] = {SLICE("auth"), slice_of(c->options->user), slice_of(c->options->token)};
    // Whoever connects again at the prompt can't give up meanwhile.
    connection_request(c, words, 3);
    if (!connection_wait(c, DIAL_MS))
        end(c, "the daemon does not answer");
    const struct reply *reply = connection_reply(c);
    if (reply && reply->type != EVENT_ERROR)
        return true;
    *code = reply ? EXIT_REFUSED : EXIT_NO_DAEMON;
    if (reply)
        bytes_append_slice(error, reply->text);
    else
        bytes_append_slice(error, slice_of(c->trouble));
    return false;
}

bool connection_renew(struct connection *c, struct bytes *error, enum exit_code *code) {
    channel_close(&c->channel);
    resp_free(c->resp);
    reply_builder_free(c->builder);
    c->resp = resp_new((struct resp_handler){on_event, on_reply, c});
    c->builder = reply_builder_new();
    c->out.len = c->in.len = c->in_at = c->under_way = 0;
    c->has_reply = c->is_unreadable = c->is_refused = false;
    *c->trouble = '\0';
    int64_t dial_ms = c->options->timeout_ms < DIAL_MS ? c->options->timeout_ms : DIAL_MS;
    bool is_open = channel_open(&c->channel, &c->options->address, c->options->tls, dial_ms, error);
    *code = EXIT_NO_DAEMON;
    if (is_open && authenticate(c, error, code))
        return true;
    end(c, "%.*s", (int)error->len, error->data ? error->data : "");
    return false;
}

struct connection *connection_new(const struct connection_options *options, struct bytes *error,
                                  enum exit_code *code) {
    struct connection *c = mem_new(sizeof(*c));
    c->options = options;
    c->channel.fd = -1;
    c->resp = resp_new((struct resp_handler){on_event, on_reply, c});
    c->builder = reply_builder_new();
    address_append(&c->name, &options->address);
    bytes_append(&c->name, "", 1);
    if (connection_renew(c, error, code))
        return c;
    connection_free(c);
    return NULL;
}

struct connection *connection_twin(const struct connection *c, struct bytes *error,
                                   enum exit_code *code) {
    return connection_new(c->options, error, code);
}

void connection_free(struct connection *c) {
    if (!c)
        return;
    channel_close(&c->channel);
    resp_free(c->resp);
    reply_builder_free(c->builder);
    bytes_deinit(&c->name);
    bytes_deinit(&c->out);
    bytes_deinit(&c->in);
    mem_free(c);
}

// --- bytes ------------------------------------------------------------------------------------

static void send_some(struct connection *c) {
    const char *error = channel_send(&c->channel, &c->out);
    if (error)
        end(c, "%s", error);
}

static void receive_some(struct connection *c) {
    if (c->in_at == c->in.len)
        c->in.len = c->in_at = 0;
    const char *error = channel_receive(&c->channel, &c->in);
    if (!error)
        return;
    c->is_refused = c->channel.tls && tls_is_cert_refused(c->channel.tls);
    end(c, "%s", error);
}

// Moves bytes in both directions, as far as that goes without waiting longer than until then.
static void move(struct connection *c, int64_t until_ms) {
    int64_t left_ms = until_ms == INT64_MAX ? -1 : until_ms - clock_ms();
    struct pollfd ready = {.fd = c->channel.fd, .events = POLLIN};
    if (channel_has_unsent(&c->channel, &c->out))
        ready.events |= POLLOUT;
    if (left_ms < 0 && until_ms != INT64_MAX)
        left_ms = 0;
    if (poll(&ready, 1, left_ms > INT32_MAX ? INT32_MAX : (int)left_ms) < 0 && errno != EINTR)
        end(c, "%s", strerror(errno));
    if (c->channel.fd >= 0 && ready.revents & POLLOUT)
        send_some(c);
    if (c->channel.fd >= 0 && ready.revents & (POLLIN | POLLHUP | POLLERR))
        receive_some(c);
}

// Feeds what was read to the reader until a reply is whole. The reader does not stop between two
// replies, so it is given one line end at a time.
static void feed(struct connection *c) {
    while (!c->has_reply && c->in_at < c->in.len && !c->is_unreadable) {
        const char *at = c->in.data + c->in_at;
        size_t left = c->in.len - c->in_at;
        const char *line_end = memchr(at, '\n', left);
        size_t piece = line_end ? (size_t)(line_end + 1 - at) : left;
        const char *fault = resp_feed(c->resp, at, piece);
        c->in_at += piece;
        c->is_unreadable = fault != NULL;
        if (fault)
            end(c, "that is no cachesd: it sent %s", fault);
    }
}

// --- requests and replies ---------------------------------------------------------------------

static int64_t deadline_ms(int64_t timeout_ms) {
    return timeout_ms == INT64_MAX ? INT64_MAX : clock_ms() + timeout_ms;
}

// Returns until when the next reply must have come, for whoever waits for it in several steps. A
// `tap` may be silent for as long as it likes.
static int64_t reply_deadline_ms(const struct connection *c) {
    if (c->under_way == 0 || c->options->timeout_ms == INT64_MAX)
        return INT64_MAX;
    return c->awaited_ms + c->options->timeout_ms;
}

// Ends the connection when the time is over. Returns whether it is.
static bool is_late(struct connection *c, int64_t until_ms) {
    if (until_ms == INT64_MAX || clock_ms() < until_ms)
        return false;
    struct bytes duration = {0};
    number_append_duration(&duration, c->options->timeout_ms);
    end(c, "no reply within %.*s", (int)duration.len, duration.data);
    bytes_deinit(&duration);
    return true;
}

void connection_request(struct connection *c, const struct slice *words, size_t count) {
    int64_t until_ms = deadline_ms(c->options->timeout_ms);
    if (c->under_way++ == 0)
        c->awaited_ms = clock_ms();
    reply_array(&c->out, count);
    for (size_t i = 0; i < count; i++)
        reply_bulk(&c->out, words[i]);
    while (c->channel.fd >= 0 && c->out.len > SEND_AT && !is_late(c, until_ms))
        move(c, until_ms);
}

size_t connection_under_way(const struct connection *c) { return c->under_way; }

const struct reply *connection_reply(struct connection *c) {
    int64_t until_ms = deadline_ms(c->options->timeout_ms);
    for (feed(c); !c->has_reply; feed(c)) {
        if (c->channel.fd < 0 || is_late(c, until_ms))
            return NULL;
        move(c, until_ms);
    }
    c->has_reply = false;
    c->under_way -= c->under_way > 0; // a `tap` goes on replying
    c->awaited_ms = clock_ms();
    const struct reply *reply = reply_builder_end(c->builder);
    c->speaks_redis |= slice_equal(reply_error_code(reply), SLICE("ERR"));
    return reply;
}

const struct reply *connection_call(struct connection *c, const struct slice *words, size_t count) {
    connection_request(c, words, count);
    return connection_reply(c);
}

bool connection_wait(struct connection *c, int64_t timeout_ms) {
    int64_t until_ms = deadline_ms(timeout_ms), late_ms = reply_deadline_ms(c);
    for (feed(c); !c->has_reply && c->channel.fd >= 0; feed(c)) {
        if (is_late(c, late_ms))
            break;
        move(c, until_ms < late_ms ? until_ms : late_ms);
        if (until_ms != INT64_MAX && clock_ms() >= until_ms)
            break;
    }
    feed(c);
    return c->has_reply || c->channel.fd < 0;
}

int connection_fd(const struct connection *c) { return c->channel.fd; }

void connection_end(struct connection *c) { end(c, "the client gave up waiting"); }

bool connection_is_tls(const struct connection *c) { return c->channel.tls; }

const char *connection_trouble(const struct connection *c) {
    return *c->trouble ? c->trouble : NULL;
}

bool connection_speaks_redis(const struct connection *c) { return c->speaks_redis; }

bool connection_is_refused(const struct connection *c) { return c->is_refused; }

const char *connection_address(const struct connection *c) { return c->name.data; }
