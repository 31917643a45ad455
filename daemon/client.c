#include "client.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "context.h"
#include "gone.h"
#include "mem.h"
#include "number.h"

enum {
    LINGER_MS = 1000,
    KEEP_WORDS = 64,
    TURN_OUTPUT = 256 * 1024,
    // Before it is known who asks: a token has 64 KiB at most.
    STRANGER_REQUEST = 128 * 1024,
    STRANGER_OUTPUT = 256 * 1024,
    LARGE_REPLY = 16 * 1024, // is handed on rather than copied
    SHOWN_PEER = 60,
};

static struct client *client_of(struct stream *s) {
    return (struct client *)s; // the stream is its first member
}

size_t client_unread(const struct client *c) { return stream_unread(&c->stream) + c->held; }

// The peer's name, however often it connects: "uid 33", or "10.0.0.7" without the port.
static void append_peer(struct bytes *text, const struct client *c) {
    const char *port = strrchr(c->address, ':');
    if (c->caller.has_peer)
        bytes_printf(text, "uid %u", (unsigned)c->caller.uid);
    else
        bytes_printf(text, "%.*s", port ? (int)(port - c->address) : SHOWN_PEER, c->address);
    bytes_append(text, "", 1); // ends it as a string
}

void client_complain(const struct client *c, enum log_level level, const char *cause,
                     const char *detail) {
    const struct reactor *reactor = &c->context->reactor;
    struct bytes subject = {0}, text = {0};
    if (level > reactor->log.level)
        return;
    append_peer(&subject, c);
    bytes_printf(&text, "%s (client %s)", detail, c->address);
    complaints_add(c->context->about_clients, &reactor->log, level, uv_now(&reactor->loop),
                   subject.data, cause, bytes_slice(&text));
    bytes_deinit(&subject);
    bytes_deinit(&text);
}

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

// A request that has begun keeps the limit that it began under, over a reload.
static void limit_request(struct client *c) {
    if (c->parser.state == PARSER_START)
        c->parser.max_request = c->most_request;
}

static bool has_too_much(const struct client *c) {
    return c->is_over || client_unread(c) >= c->most_output;
}

void client_set_limits(struct client *c) {
    const struct daemon_conf *conf = &c->context->policy->settings->daemon;
    bool is_known = caller_is_known(&c->caller);
    size_t request = (size_t)conf->max_request, output = (size_t)conf->client_output;
    c->most_request = is_known ? request : smaller(request, STRANGER_REQUEST);
    c->most_output = is_known ? output : smaller(output, STRANGER_OUTPUT);
    limit_request(c);
}

static const char *protocol_error(const struct client *c) {
    bool is_too_long = strcmp(c->parser.error, PARSER_TOO_LONG) == 0;
    return is_too_long && !caller_is_known(&c->caller)
               ? "request too long for who has not authenticated: auth USER TOKEN"
               : c->parser.error;
}

// --- requests in ------------------------------------------------------------------------------

static bool is_waiting(const struct client *c) {
    return c->waiter.backend || c->is_waiting_turn || c->auth_turn == AUTH_WAITS;
}

static void on_checked(void *owner) { client_take_turn(owner); }

// Only when `in` stays where it is until the check is done.
static void start_check(struct client *c) {
    if (c->check)
        json_check_start(c->check, &c->context->reactor.loop,
                         c->in.data + c->parser.words[0].offset, on_checked, c);
}

static void end_check(struct client *c) {
    if (c->check)
        json_check_free(c->check, &c->in);
    c->check = NULL;
}

static void read_on(struct client *c) {
    c->is_over = has_too_much(c);
    if (c->state == CLIENT_LINGERING ||
        (c->state == CLIENT_OPEN && !is_waiting(c) && !c->is_ended && !c->is_over)) {
        stream_start_reading(&c->stream);
    } else {
        stream_stop_reading(&c->stream);
        start_check(c);
    }
}

// Takes the request whose words the parser holds; returns how many bytes it was, 0 when it must
// wait.
static size_t take_request(struct client *c, const char *data) {
    size_t consumed = c->parser.consumed;
    struct slice *words = context_words(c->context, c->parser.count);
    parser_words(&c->parser, data, words);
    c->has_held = request_start(c, words, c->parser.count, !c->is_late) == REQUEST_WAIT;
    if (c->has_held)
        return 0;
    if (c->parser.cap > KEEP_WORDS)
        parser_deinit(&c->parser);
    return consumed;
}

// How much may be unread before others have their turn.
static size_t most_unread(const struct client *c) {
    return smaller(client_unread(c) + TURN_OUTPUT, c->most_output);
}

// Parses and starts as many requests as there are; returns how many bytes are done with.
static size_t take_requests(struct client *c, char *data, size_t len) {
    size_t used = 0, most = most_unread(c);
    while (c->state == CLIENT_OPEN && !is_waiting(c) && !c->is_over && client_unread(c) < most) {
        enum parser_result result = parser_next(&c->parser, data + used, len - used);
        if (result == PARSER_MORE)
            return used;
        if (result == PARSER_ERROR) {
            client_complain(c, LOG_LEVEL_INFO, "closed: protocol error", protocol_error(c));
            request_refuse(c, REPLY_PROTOCOL, protocol_error(c));
            client_end(c);
        } else {
            used += result == PARSER_NOTHING ? c->parser.consumed : take_request(c, data + used);
        }
    }
    c->is_over = c->is_over || client_unread(c) >= most;
    return c->state == CLIENT_OPEN ? used : len;
}

// Goes on with what was read earlier and had to wait.
static void go_on(struct client *c) {
    size_t used = c->has_held ? take_request(c, c->in.data) : 0;
    if (c->has_held) {
        start_check(c);
        return;
    }
    end_check(c);
    if (used < c->in.len)
        used += take_requests(c, c->in.data + used, c->in.len - used);
    bytes_consume(&c->in, used);
    if (c->in.len == 0)
        bytes_deinit(&c->in);
    if (!is_waiting(c))
        c->is_late = false;
    if (c->is_ended && !is_waiting(c))
        client_end(c);
    read_on(c);
}

void client_wait_auth(struct client *c, uint64_t wait_ms) {
    c->auth_turn = AUTH_WAITS;
    c->auth_at_ms = uv_now(&c->context->reactor.loop) + wait_ms;
}

static void end_auth_wait(struct client *c, enum auth_turn turn) {
    c->auth_turn = turn;
    go_on(c);
    if (c->auth_turn == turn) // nothing took it
        c->auth_turn = AUTH_NONE;
}

void client_drain(struct client *c) {
    if (c->auth_turn == AUTH_WAITS)
        end_auth_wait(c, AUTH_REFUSE);
    stream_out(&c->stream); // on_written() will see that it is idle
}

// Many may wait, and none is looked at before its turn comes.
static void note_turn(struct client *c) {
    struct clients *all = c->all;
    if (c->is_turn_due || c->first || (c->check && !json_check_is_done(c->check)))
        return;
    c->is_turn_due = true;
    c->next_due = all->turns_due;
    c->before_due = &all->turns_due;
    if (c->next_due)
        c->next_due->before_due = &c->next_due;
    all->turns_due = c;
}

static void leave_turn(struct client *c) {
    if (c->is_turn_due) {
        *c->before_due = c->next_due;
        if (c->next_due)
            c->next_due->before_due = c->before_due;
    }
    c->is_waiting_turn = c->is_turn_due = false;
}

void client_wait_turn(struct client *c) { c->is_waiting_turn = c->first != NULL; }

void client_wait_check(struct client *c, struct json_check *check) {
    c->check = check;
    c->is_waiting_turn = true;
}

void client_take_turn(struct client *c) {
    leave_turn(c);
    go_on(c);
}

static void on_room(struct backend_waiter *waiter, bool is_late) {
    struct client *c = (struct client *)((char *)waiter - offsetof(struct client, waiter));
    c->is_late = c->is_late || is_late;
    go_on(c);
}

static void on_read(struct stream *s, char *data, size_t len) {
    struct client *c = client_of(s);
    size_t used;
    if (c->state != CLIENT_OPEN)
        return;
    c->active_ms = uv_now(&c->context->reactor.loop);
    limit_request(c);
    if (c->in.len > 0) {
        bytes_grew(&c->in, len);
        used = take_requests(c, c->in.data, c->in.len);
        bytes_consume(&c->in, used);
        if (c->in.len == 0)
            bytes_deinit(&c->in);
    } else {
        used = take_requests(c, data, len);
        if (used < len)
            bytes_append(&c->in, data + used, len - used);
    }
    read_on(c);
}

// Reads go straight behind an unfinished request, else into the buffer that all share.
static uv_buf_t on_buffer(struct stream *s) {
    struct client *c = client_of(s);
    if (c->state != CLIENT_OPEN || c->in.len == 0)
        return uv_buf_init(c->context->reactor.read_buffer, READ_BUFFER_SIZE);
    size_t needs = parser_needs(&c->parser);
    size_t more = needs > c->in.len + READ_BUFFER_SIZE ? needs - c->in.len : READ_BUFFER_SIZE;
    char *to = bytes_reserve(&c->in, more);
    return uv_buf_init(to, (unsigned)more);
}

// --- replies out ------------------------------------------------------------------------------

void client_push(struct client *c, struct request *r) {
    if (c->last)
        c->last->next = r;
    else
        c->first = r;
    c->last = r;
    c->pending++;
}

static void swap(struct bytes *a, struct bytes *b) {
    struct bytes spare = *a;
    *a = *b;
    *b = spare;
}

void client_settle(struct client *c) {
    struct bytes *out = stream_out(&c->stream);
    while (c->first && c->first->is_done) {
        struct request *r = c->first;
        c->first = r->next;
        c->last = c->first ? c->last : NULL;
        c->pending--;
        c->held -= r->held;
        if (out->len == 0 && r->reply.len >= LARGE_REPLY)
            swap(out, &r->reply);
        else
            bytes_append_slice(out, bytes_slice(&r->reply));
        request_dequeued(r);
    }
    if (c->is_waiting_turn)
        note_turn(c);
}

// All that there was to say is said.
static void on_written(struct stream *s) {
    struct client *c = client_of(s);
    bool was_over = c->is_over;
    c->is_over = false;
    c->active_ms = uv_now(&c->context->reactor.loop); // who waited for a reply was not idle
    if (was_over && c->state == CLIENT_OPEN && !is_waiting(c) && c->in.len > 0)
        go_on(c);
    if (stream_unread(s) > 0)
        return; // there is more to say: this is called again when that is written
    if (c->context->is_draining && !c->first && !is_waiting(c))
        client_end(c);
    if (c->state == CLIENT_ENDING && !c->first) {
        c->state = CLIENT_LINGERING;
        c->active_ms = uv_now(&c->context->reactor.loop);
        stream_end(s);
        if (c->is_ended)
            client_close(c);
    }
    if (c->state == CLIENT_OPEN || c->state == CLIENT_LINGERING)
        read_on(c);
}

void client_end(struct client *c) {
    if (c->state != CLIENT_OPEN)
        return;
    c->state = CLIENT_ENDING;
    stream_out(&c->stream); // on_written() will see whether anything is left
    stream_stop_reading(&c->stream);
}

// The peer may have ended only its own side, and wait for replies.
static void on_end(struct stream *s, int status) {
    struct client *c = client_of(s);
    c->is_ended = true;
    if (status != UV_EOF || c->state == CLIENT_LINGERING)
        client_close(c);
    else if (!is_waiting(c))
        client_end(c);
}

// --- life -------------------------------------------------------------------------------------

static void join_list(struct client *c) {
    struct clients *all = c->all;
    c->id = ++all->last_number * all->workers - all->worker;
    c->next = all->first;
    if (c->next)
        c->next->before = c;
    all->first = c;
    all->count++;
}

static void leave_list(struct client *c) {
    struct clients *all = c->all;
    if (c->before)
        c->before->next = c->next;
    else
        all->first = c->next;
    if (c->next)
        c->next->before = c->before;
    all->count--;
    all->on_left(all->owner);
}

static void on_closed(struct stream *s) {
    struct client *c = client_of(s);
    leave_list(c);
    parser_deinit(&c->parser);
    bytes_deinit(&c->in);
    caller_deinit(&c->caller);
    mem_free(c->name);
    mem_free(c);
}

static const struct stream_events events = {
    .on_buffer = on_buffer,
    .on_read = on_read,
    .on_end = on_end,
    .on_written = on_written,
    .on_closed = on_closed,
};

struct client *client_new(struct clients *all, bool is_unix) {
    struct client *c = mem_new(sizeof(*c));
    struct reactor *reactor = &all->context->reactor;
    c->all = all;
    c->context = all->context;
    c->waiter.on_room = on_room;
    parser_init(&c->parser, (size_t)c->context->policy->settings->daemon.max_request);
    if (is_unix)
        stream_init_unix(&c->stream, &reactor->loop, &reactor->flusher, &events);
    else
        stream_init_tcp(&c->stream, &reactor->loop, &reactor->flusher, &events);
    c->connected_ms = c->active_ms = uv_now(&reactor->loop);
    join_list(c);
    return c;
}

static bool is_loopback(const struct sockaddr_storage *peer) {
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)peer;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)peer;
    if (peer->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        return v6->sin6_addr.s6_addr[12] == 127;
    return peer->ss_family == AF_INET6 ? IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr)
                                       : ntohl(v4->sin_addr.s_addr) >> 24 == 127;
}

static void note_peer(struct client *c, char kind, const void *address, size_t len) {
    c->peer[0] = kind;
    memcpy(c->peer + 1, address, len);
    c->peer_len = 1 + len;
}

static void note_internet_peer(struct client *c, const struct sockaddr_storage *peer) {
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)peer;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)peer;
    if (peer->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        note_peer(c, '4', v6->sin6_addr.s6_addr + 12, 4);
    else if (peer->ss_family == AF_INET6) // who has one address has all of the network's
        note_peer(c, '6', v6->sin6_addr.s6_addr, 8);
    else
        note_peer(c, '4', &v4->sin_addr, 4);
}

static void find_address(struct client *c) {
    struct sockaddr_storage peer;
    int len = sizeof(peer), fd;
    char host[46] = "?";
    int port = 0;
    if (c->stream.uv.handle.type == UV_NAMED_PIPE) {
        if (uv_fileno(&c->stream.uv.handle, &fd) == 0)
            caller_init_peer(&c->caller, fd);
        c->caller.is_local = true;
        note_peer(c, 'u', &c->caller.uid, sizeof(c->caller.uid));
        snprintf(c->address, sizeof(c->address), "unix:pid=%d,uid=%u", (int)c->caller.pid,
                 (unsigned)c->caller.uid);
        return;
    }
    if (uv_tcp_getpeername(&c->stream.uv.tcp, (struct sockaddr *)&peer, &len) == 0) {
        uv_ip_name((struct sockaddr *)&peer, host, sizeof(host));
        c->caller.is_local = is_loopback(&peer);
        note_internet_peer(c, &peer);
        port = ntohs(peer.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&peer)->sin6_port
                                                : ((struct sockaddr_in *)&peer)->sin_port);
    }
    snprintf(c->address, sizeof(c->address), "%s:%d", host, port);
    uv_tcp_nodelay(&c->stream.uv.tcp, 1);
    gone_probe(&c->stream, GONE_PROBE_IDLE_S);
}

void client_start(struct client *c) {
    find_address(c);
    caller_identify(&c->caller, c->context->policy->settings);
    client_set_limits(c);
    log_debug(&c->context->reactor.log, "client %s: connected", c->address);
    read_on(c);
}

void client_adopt(struct clients *all, int fd, bool is_unix) {
    struct client *c = client_new(all, is_unix);
    int error = is_unix ? uv_pipe_open(&c->stream.uv.pipe, fd) : uv_tcp_open(&c->stream.uv.tcp, fd);
    if (error) {
        close(fd);
        client_close(c);
        return;
    }
    c->context->stats.accepted++;
    client_start(c);
    if (c->context->is_draining)
        client_drain(c);
}

void client_close(struct client *c) {
    if (c->state == CLIENT_CLOSED)
        return;
    log_debug(&c->context->reactor.log, "client %s: closed", c->address);
    c->state = CLIENT_CLOSED;
    backend_stop_waiting(&c->waiter);
    c->auth_turn = AUTH_NONE;
    leave_turn(c);
    end_check(c);
    while (c->first) {
        struct request *r = c->first;
        c->first = r->next;
        request_dequeued(r);
    }
    c->last = NULL;
    c->pending = 0;
    stream_close(&c->stream);
}

void client_sweep(struct client *c, uint64_t now_ms) {
    const struct daemon_conf *conf = &c->context->policy->settings->daemon;
    if (c->auth_turn == AUTH_WAITS && now_ms >= c->auth_at_ms)
        end_auth_wait(c, AUTH_LOOK);
    if (c->state == CLIENT_LINGERING && now_ms - c->active_ms >= LINGER_MS) {
        client_close(c);
        return;
    }
    bool is_idle = c->state == CLIENT_OPEN && !c->first && !is_waiting(c) && client_unread(c) == 0;
    if (is_idle && conf->client_idle_ms != DURATION_FOREVER &&
        now_ms - c->active_ms >= (uint64_t)conf->client_idle_ms) {
        client_end(c);
        return;
    }
    // Replies that wait for their turn are not its to read yet.
    if (stream_unread(&c->stream) == 0 || c->accepted != stream_taken(&c->stream) ||
        c->stalled_ms == 0) {
        c->accepted = stream_taken(&c->stream);
        c->stalled_ms = now_ms;
    } else if (now_ms - c->stalled_ms >= (uint64_t)conf->client_stall_ms && has_too_much(c)) {
        client_complain(c, LOG_LEVEL_WARNING, "closed: it does not read its replies",
                        "client_stall");
        client_close(c);
    } else if (c->state == CLIENT_ENDING &&
               now_ms - c->stalled_ms >= (uint64_t)conf->client_stall_ms) {
        client_close(c);
    }
}
