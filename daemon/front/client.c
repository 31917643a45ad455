#include "daemon/front/client.h"

#include <unistd.h>

#include "conf/sections.h"
#include "daemon/front/limits.h"
#include "daemon/front/section.h"
#include "daemon/loop/gone.h"
#include "daemon/loop/log_event.h"
#include "daemon/loop/loop.h"
#include "daemon/policy/identity.h"
#include "daemon/request/context.h"
#include "daemon/request/dispatch.h"
#include "daemon/request/json_check.h"
#include "daemon/request/reply_queue.h"
#include "daemon/request/request.h"
#include "daemon/request/watch.h"
#include "protocol/mem.h"
#include "protocol/number.h"
#include "protocol/reply.h"
#include "transport/tls.h"

enum {
    LINGER_MS = 1000,
    SHAKE_MS = 5000, // the longest handshake
    KEEP_WORDS = 64,
    TURN_OUTPUT = 256 * 1024,
};

static struct client *client_of(struct stream *s) {
    return (struct client *)s; // the stream is its first member
}

// A request that has begun keeps its limit, also when a reload changes the setting.
static void limit_request(struct client *c) {
    if (c->parser.state == PARSER_START)
        c->parser.max_request = c->most_request;
}

static bool has_too_much(const struct client *c) {
    return c->session.replies.is_over || reply_queue_unread(&c->session.replies) >= c->most_output;
}

void client_set_limits(struct client *c) {
    const struct daemon_conf *conf = &c->session.context->policy->settings->daemon;
    bool is_known = identity_is_known(&c->session.identity);
    c->most_request = limits_request(conf, is_known);
    c->most_output = limits_output(conf, is_known);
    limit_request(c);
}

static const char *protocol_error(const struct client *c) {
    bool is_too_long = strcmp(c->parser.error, PARSER_TOO_LONG) == 0;
    return is_too_long && !identity_is_known(&c->session.identity)
               ? "request too long for who has not authenticated: auth USER TOKEN"
               : c->parser.error;
}

// --- requests in ------------------------------------------------------------------------------

static bool is_waiting(const struct client *c) {
    return c->waiter.room || c->is_waiting_turn || c->session.auth_turn == AUTH_WAITS ||
           c->session.skipped || c->session.quiet_until_ms > 0;
}

static void on_checked(void *owner) { client_take_turn(owner); }

// To be called only when `in` will not move until the check is done.
static void start_check(struct client *c) {
    if (c->session.check)
        json_check_start(c->session.check, &c->session.context->loop.uv,
                         c->in.data + c->parser.words[0].offset, on_checked, c);
}

static void end_check(struct client *c) {
    if (c->session.check)
        json_check_free(c->session.check, &c->in);
    c->session.check = NULL;
}

static void read_on(struct client *c) {
    c->session.replies.is_over = has_too_much(c);
    if (c->in.len > 0)
        session_hear(&c->session);
    if (c->state == CLIENT_LINGERING ||
        (c->state == CLIENT_OPEN && (!is_waiting(c) || session_is_listening(&c->session)) &&
         !c->session.is_ended && !c->session.replies.is_over)) {
        stream_start_reading(&c->stream);
    } else {
        stream_stop_reading(&c->stream);
        start_check(c);
    }
}

// Many clients may wait, so those whose turn has come are put on a list: no other is looked at.
static void note_turn(struct client *c) {
    struct clients *all = c->all;
    if (c->is_turn_due || c->session.replies.first ||
        (c->session.check && !json_check_is_done(c->session.check)))
        return;
    c->is_turn_due = true;
    c->next_due = all->turns_due;
    c->before_due = &all->turns_due;
    if (c->next_due)
        c->next_due->before_due = &c->next_due;
    all->turns_due = c;
}

static void on_settled(struct reply_queue *q) {
    note_turn(CONTAINER_OF(q, struct client, session.replies));
}

// No further request of the client is taken until its requests so far are answered.
static void wait_turn(struct client *c) {
    c->is_waiting_turn = c->session.replies.first != NULL;
    c->session.replies.on_settled = c->is_waiting_turn ? on_settled : NULL;
}

// Makes the client wait, end or go on, as the progress of its last request says.
static void follow(struct client *c, enum progress progress) {
    switch (progress) {
    case PROGRESS_DONE: break;
    case PROGRESS_CLOSE: client_end(c, CLOSED_QUIT); break;
    case PROGRESS_BARRIER:
    case PROGRESS_WAIT_TURN: wait_turn(c); break;
    case PROGRESS_WAIT_OUTPUT: c->session.replies.is_over = true; break;
    case PROGRESS_WAIT_ROOM:
        c->waiter.hash_slot = c->session.full_slot;
        waiting_room_enter(&c->session.full_backend->waiting, &c->waiter);
        break;
    case PROGRESS_WAIT_CHECK: c->is_waiting_turn = true; break;
    case PROGRESS_WAIT_TOKEN: break; // session.auth_turn says so
    }
}

// Takes the request whose words the parser holds. Returns the length of the request in bytes; 0
// when the request must wait.
static size_t take_request(struct client *c, const char *data) {
    size_t consumed = c->parser.consumed;
    struct slice *words = context_words(c->session.context, c->parser.count);
    size_t size = parser_words(&c->parser, data, words);
    enum progress progress = dispatch(&c->session, words, c->parser.count, size, !c->is_late);
    c->has_parsed_request = progress >= PROGRESS_WAIT_TURN;
    if (progress != PROGRESS_DONE)
        follow(c, progress);
    if (c->has_parsed_request)
        return 0;
    if (c->parser.cap > KEEP_WORDS)
        parser_deinit(&c->parser);
    return consumed;
}

// Returns how many bytes of replies may be unread before other clients have their turn.
static size_t most_unread(const struct client *c) {
    return bytes_smaller(reply_queue_unread(&c->session.replies) + TURN_OUTPUT, c->most_output);
}

// Parses and starts as many requests as the data holds. Returns how many bytes were taken.
static size_t take_requests(struct client *c, char *data, size_t len) {
    size_t used = 0, most = most_unread(c);
    while (c->state == CLIENT_OPEN && !is_waiting(c) && !c->session.replies.is_over &&
           reply_queue_unread(&c->session.replies) < most) {
        enum parser_result result = parser_next(&c->parser, data + used, len - used);
        if (result == PARSER_MORE)
            return used;
        if (result == PARSER_ERROR) {
            session_complain(&c->session, LOG_CLIENT_PROTOCOL, NULL,
                             log_text(FIELD_REASON, protocol_error(c)));
            dispatch_refuse(&c->session, REPLY_PROTOCOL, protocol_error(c));
            client_end(c, CLOSED_PROTOCOL);
        } else {
            used += result == PARSER_NOTHING ? c->parser.consumed : take_request(c, data + used);
        }
    }
    c->session.replies.is_over =
        c->session.replies.is_over || reply_queue_unread(&c->session.replies) >= most;
    return c->state == CLIENT_OPEN ? used : len;
}

// Goes on with the requests in `in`, which had to wait.
static void go_on(struct client *c) {
    size_t used = c->has_parsed_request ? take_request(c, c->in.data) : 0;
    if (used > 0)
        request_note_wait(&c->session, &c->waiter.waited_us);
    if (c->has_parsed_request) {
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
    if (c->session.is_ended && !is_waiting(c))
        client_end(c, CLOSED_GONE);
    read_on(c);
}

static void end_auth_wait(struct client *c, enum auth_turn turn) {
    c->session.auth_turn = turn;
    go_on(c);
    if (c->session.auth_turn == turn) // no request has used the turn
        c->session.auth_turn = AUTH_NONE;
}

void client_drain(struct client *c) {
    if (c->state == CLIENT_SHAKING) { // it has asked nothing
        client_close(c, CLOSED_DRAIN);
        return;
    }
    request_forget_skip(&c->session);
    session_end_watch(&c->session);
    if (c->session.auth_turn == AUTH_WAITS)
        end_auth_wait(c, AUTH_REFUSE);
    stream_out(&c->stream); // so that on_written() is called, which ends an idle client
}

static void leave_turn(struct client *c) {
    if (c->is_turn_due) {
        *c->before_due = c->next_due;
        if (c->next_due)
            c->next_due->before_due = c->before_due;
    }
    c->is_waiting_turn = c->is_turn_due = false;
    c->session.replies.on_settled = NULL;
}

void client_take_turn(struct client *c) {
    leave_turn(c);
    go_on(c);
}

static void on_room(struct waiter *waiter, bool is_late) {
    struct client *c = CONTAINER_OF(waiter, struct client, waiter);
    c->is_late = c->is_late || is_late;
    go_on(c);
}

static void on_read(struct stream *s, char *data, size_t len) {
    struct client *c = client_of(s);
    size_t used;
    if (c->state != CLIENT_OPEN)
        return;
    c->active_ms = loop_now(&c->session.context->loop);
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

// Bytes are read to the end of an unfinished request; without one, into any buffer.
static uv_buf_t on_buffer(struct stream *s) {
    struct client *c = client_of(s);
    if (c->state != CLIENT_OPEN || c->in.len == 0)
        return uv_buf_init(NULL, 0);
    size_t needs = parser_needs(&c->parser);
    size_t more = needs > c->in.len + STREAM_READ ? needs - c->in.len : STREAM_READ;
    return uv_buf_init(bytes_reserve(&c->in, more), (unsigned)more);
}

// --- replies out ------------------------------------------------------------------------------

// All output so far is written: the client may go on, or end.
static void on_written(struct stream *s) {
    struct client *c = client_of(s);
    bool was_over = c->session.replies.is_over;
    c->session.replies.is_over = false;
    c->active_ms = loop_now(&c->session.context->loop); // waiting for a reply is not idleness
    if (was_over && c->state == CLIENT_OPEN && !is_waiting(c) && c->in.len > 0)
        go_on(c);
    if (stream_unread(s) > 0)
        return; // there is more output: this is called again when that is written
    if (c->session.context->is_draining && !c->session.replies.first && !is_waiting(c))
        client_end(c, CLOSED_DRAIN);
    if (c->state == CLIENT_ENDING && !c->session.replies.first) {
        c->state = CLIENT_LINGERING;
        c->active_ms = loop_now(&c->session.context->loop);
        stream_end(s);
        if (c->session.is_ended)
            client_close(c, CLOSED_GONE);
    }
    if (c->state == CLIENT_OPEN || c->state == CLIENT_LINGERING)
        read_on(c);
}

void client_end(struct client *c, enum close_reason why) {
    if (c->state != CLIENT_OPEN)
        return;
    c->state = CLIENT_ENDING;
    c->why = why;
    stream_out(&c->stream); // so that on_written() is called, also when no output is left
    stream_stop_reading(&c->stream);
}

// The peer may have ended only its own side, and wait for replies.
static void on_end(struct stream *s, int status) {
    struct client *c = client_of(s);
    c->session.is_ended = true;
    session_hear(&c->session);
    if (status != UV_EOF || c->state == CLIENT_LINGERING)
        client_close(c, CLOSED_GONE);
    else if (!is_waiting(c))
        client_end(c, CLOSED_GONE);
}

// --- life -------------------------------------------------------------------------------------

static void join_list(struct client *c) {
    struct clients *all = c->all;
    c->session.id = ++all->last_number * all->workers - all->worker;
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
    c->session.context->stats.closed[c->why] += c->is_accepted;
    leave_list(c);
    parser_deinit(&c->parser);
    bytes_deinit(&c->in);
    section_leave(&c->session);
    session_deinit(&c->session);
    mem_free(c);
}

static const struct stream_events events = {
    .on_buffer = on_buffer,
    .on_read = on_read,
    .on_end = on_end,
    .on_written = on_written,
    .on_closed = on_closed,
    .are_many = true,
};

static void on_identified(struct session *session) {
    client_set_limits(CONTAINER_OF(session, struct client, session));
    section_identified(session);
}

struct client *client_new(struct clients *all, const struct dialect *dialect, const char *listener,
                          bool is_unix) {
    struct client *c = mem_new(sizeof(*c));
    struct loop *loop = &all->context->loop;
    c->all = all;
    c->session.context = all->context;
    section_enter(&c->session, dialect, listener);
    c->session.on_identified = on_identified;
    c->session.replies.stream = &c->stream;
    c->session.replies.on_left = request_left;
    c->waiter.on_room = on_room;
    parser_init(&c->parser, (size_t)c->session.context->policy->settings->daemon.max_request);
    if (is_unix)
        stream_init_unix(&c->stream, &loop->uv, &loop->flusher, &events);
    else
        stream_init_tcp(&c->stream, &loop->uv, &loop->flusher, &events);
    c->connected_ms = c->active_ms = loop_now(loop);
    join_list(c);
    return c;
}

static void open_client(struct client *c) {
    identity_identify(&c->session.identity, c->session.context->policy->settings);
    client_set_limits(c);
    session_tell(&c->session, LOG_CLIENT_CONNECTED);
    if (section_find(&c->session))
        read_on(c);
    else
        client_end(c, CLOSED_RELOAD); // it was accepted before the reload
}

static void refuse_tls(struct client *c, const char *why) {
    session_complain(&c->session, LOG_CLIENT_NO_TLS, NULL, log_text(FIELD_REASON, why));
    client_close(c, CLOSED_TLS);
}

static void on_shaken(void *context, const char *trouble) {
    struct client *c = context;
    atomic_fetch_sub(c->all->handshakes, 1);
    if (c->state == CLIENT_CLOSED)
        return;
    if (trouble) {
        refuse_tls(c, trouble);
        return;
    }
    c->state = CLIENT_OPEN;
    c->active_ms = loop_now(&c->session.context->loop);
    tls_append_peer_names(stream_tls(&c->stream), &c->session.identity.certificate);
    open_client(c);
}

void client_start(struct client *c, struct tls_server *tls) {
    c->is_accepted = true;
    c->session.context->stats.accepted++;
    session_init_peer(&c->session, &c->stream);
    if (c->stream.uv.handle.type == UV_TCP)
        uv_tcp_nodelay(&c->stream.uv.tcp, 1);
    gone_probe(&c->stream, GONE_PROBE_IDLE_S);
    if (!tls) {
        open_client(c);
        return;
    }
    c->state = CLIENT_SHAKING;
    stream_start_tls(&c->stream, tls_new_server(tls), on_shaken, c);
}

void client_adopt(struct clients *all, const struct dialect *dialect, const char *listener, int fd,
                  bool is_unix, struct tls_server *tls) {
    struct client *c = client_new(all, dialect, listener, is_unix);
    int error = is_unix ? uv_pipe_open(&c->stream.uv.pipe, fd) : uv_tcp_open(&c->stream.uv.tcp, fd);
    if (error) {
        close(fd);
        if (tls)
            atomic_fetch_sub(all->handshakes, 1);
        client_close(c, CLOSED_GONE);
        return;
    }
    client_start(c, tls);
    if (c->session.context->is_draining)
        client_drain(c);
}

void client_close(struct client *c, enum close_reason why) {
    if (c->state == CLIENT_CLOSED)
        return;
    session_tell(&c->session, LOG_CLIENT_CLOSED);
    if (c->state == CLIENT_OPEN || c->state == CLIENT_SHAKING)
        c->why = why; // else client_end() has said why
    c->state = CLIENT_CLOSED;
    waiting_room_leave(&c->waiter);
    c->session.auth_turn = AUTH_NONE;
    session_end_watch(&c->session);
    watch_forget(&c->session);
    leave_turn(c);
    end_check(c);
    request_forget_skip(&c->session);
    reply_queue_drop(&c->session.replies);
    stream_close(&c->stream);
}

void client_sweep(struct client *c, uint64_t now_ms) {
    const struct daemon_conf *conf = &c->session.context->policy->settings->daemon;
    if (c->session.quiet_until_ms > 0 && now_ms >= c->session.quiet_until_ms) {
        c->session.quiet_until_ms = 0;
        if (!is_waiting(c))
            go_on(c);
    }
    if (c->session.auth_turn == AUTH_WAITS && now_ms >= c->session.auth_at_ms)
        end_auth_wait(c, AUTH_LOOK);
    if (c->state == CLIENT_SHAKING) {
        if (now_ms - c->connected_ms >= SHAKE_MS)
            refuse_tls(c, "the handshake takes too long");
        return;
    }
    if (c->state == CLIENT_LINGERING && now_ms - c->active_ms >= LINGER_MS)
        client_close(c, CLOSED_GONE);
    bool is_idle = c->state == CLIENT_OPEN && !c->session.replies.first && !is_waiting(c) &&
                   reply_queue_unread(&c->session.replies) == 0;
    if (is_idle && conf->client_idle_ms != DURATION_FOREVER &&
        now_ms - c->active_ms >= (uint64_t)conf->client_idle_ms)
        client_end(c, CLOSED_IDLE);
    // Replies that wait for their turn do not count: the client cannot read them yet.
    bool has_stalled = stall_look(&c->stall, &c->stream, now_ms) >= (uint64_t)conf->client_stall_ms;
    if (has_stalled && (has_too_much(c) || c->state == CLIENT_ENDING)) {
        if (has_too_much(c))
            session_complain(&c->session, LOG_CLIENT_STALLED, NULL,
                             log_text(FIELD_REASON, "client_stall"));
        client_close(c, CLOSED_STALLED);
    }
}
