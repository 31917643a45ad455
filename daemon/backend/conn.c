#include "daemon/backend/conn.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "conf/url.h"
#include "daemon/backend/lost.h"
#include "daemon/loop/random.h"
#include "protocol/command.h"
#include "protocol/mem.h"
#include "protocol/redis_error.h"

enum { LONGEST_PING_MS = 1000, SHORTEST_STALL_MS = 500, PROGRESS_BYTES = 4096, ASKING_MS = 1000 };

#define USE_TLS "use rediss://"

static void on_timer(uv_timer_t *timer);
static void fail(struct backend_conn *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static struct backend_conn *conn_of(struct stream *s) {
    return (struct backend_conn *)s; // the stream is its first member
}

// --- end --------------------------------------------------------------------------------------

static void let_go(struct backend_conn *c) {
    assert(c->handles > 0);
    if (--c->handles > 0)
        return;
    resp_free(c->resp);
    bytes_deinit(&c->scrap);
    mem_free(c);
}

static void on_timer_closed(uv_handle_t *handle) { let_go(handle->data); }

static void on_stream_closed(struct stream *s) { let_go(conn_of(s)); }

// Commands that the kernel took may have been executed; the rest were not.
static void drop_pending(struct backend_conn *c) {
    if (c->first && c->first->is_started && !c->first->is_over)
        answer_cancel(&c->answer);
    answer_deinit(&c->answer);
    while (c->first) {
        struct slot *slot = c->first;
        bool is_sent = slot->sent_at < stream_sent(&c->stream);
        c->first = slot->next;
        slot->owner->failed(slot, is_sent ? SLOT_LOST : SLOT_UNSENT);
    }
    c->last = c->oldest_live = NULL;
    c->pending = 0;
}

void backend_conn_close(struct backend_conn *c) {
    if (c->state == CONN_CLOSED)
        return;
    dial_cancel(&c->dial);
    c->state = CONN_CLOSED;
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
    stream_close(&c->stream);
    drop_pending(c);
}

static void fail(struct backend_conn *c, const char *format, ...) {
    char reason[sizeof(c->reason)];
    va_list args;
    if (c->state == CONN_CLOSED)
        return;
    va_start(args, format);
    vsnprintf(reason, sizeof(reason), format, args);
    va_end(args);
    struct backend_conn_owner owner = c->owner;
    backend_conn_close(c);
    owner.on_lost(owner.owner, reason);
}

// --- time -------------------------------------------------------------------------------------

// Returns when a connection with pending slots is given up: after two timeouts without progress the
// server hangs, or is gone without a word. A reply that is arriving is progress, however long it
// takes, unless it arrives too slowly (PROGRESS_BYTES).
static uint64_t stall_ms(const struct backend_conn *c) {
    uint64_t timeout = (uint64_t)c->conf->timeout_ms;
    return loop_later(c->first->deadline_ms - timeout, c->progress_ms) +
           loop_later(2 * timeout, SHORTEST_STALL_MS);
}

// One timer serves everything that can come due. The oldest live slot has the earliest deadline.
static void arm(struct backend_conn *c) {
    uint64_t now = loop_now(c->loop), due = UINT64_MAX;
    if (c->state == CONN_CLOSED)
        return;
    if (c->state != CONN_READY)
        due = c->connect_deadline_ms;
    else if (c->first)
        due = stall_ms(c);
    else
        due = c->progress_ms + c->ping_ms;
    if (c->oldest_live)
        due = loop_earlier(due, c->oldest_live->deadline_ms);
    c->due_ms = due;
    uv_timer_start(&c->timer, on_timer, due > now ? due - now : 0, 0);
}

static void time_out(struct backend_conn *c, struct slot *slot) {
    if (slot == c->first && slot->is_started) {
        answer_cancel(&c->answer);
        c->answer.is_failed = true; // the rest of the answer is skipped
    }
    c->counters.timeouts++;
    slot->is_over = true;
    slot->owner->failed(slot, SLOT_TIMEOUT);
}

static void expire(struct backend_conn *c, uint64_t now) {
    while (c->oldest_live && c->oldest_live->deadline_ms <= now) {
        struct slot *slot = c->oldest_live;
        c->oldest_live = slot->next;
        if (!slot->is_over)
            time_out(c, slot);
    }
}

// Requests that came before the connection was ready have not been sent: they are refused, and
// never sent.
static void on_connecting_too_long(struct backend_conn *c, uint64_t now) {
    bool is_late = c->oldest_live && c->oldest_live->deadline_ms <= now;
    if (is_late || now >= c->connect_deadline_ms)
        fail(c, "%s", *c->reason ? c->reason : dial_waits_for(&c->dial));
}

// A pong needs no handling of its own: any answer counts as progress, and a missing one as a stall.
static void begin_pong(struct slot *slot, struct answer *a) {
    struct backend_conn *c = CONTAINER_OF(slot, struct backend_conn, ping);
    answer_begin(a, &slot->command, render_as_is, &c->scrap);
}

static void on_pong(struct slot *slot, const struct answer *answer) {
    struct backend_conn *c = CONTAINER_OF(slot, struct backend_conn, ping);
    (void)answer;
    bytes_empty(&c->scrap);
}

static void on_no_pong(struct slot *slot, enum slot_failure failure) {
    (void)slot;
    (void)failure;
}

static const struct slot_owner ping_owner = {
    .begin = begin_pong, .answered = on_pong, .failed = on_no_pong};

// The PING finds out that a server is gone without a word before a request depends on it.
static void send_ping(struct backend_conn *c) {
    c->ping = (struct slot){.owner = &ping_owner};
    backend_conn_begin(c, &c->ping);
    command_begin(&c->ping.command, SLICE("PING"), 1);
    backend_conn_enqueue(c, &c->ping);
}

// The daemon itself breaks the connection, so the slots that were sent fail as late, not as lost.
static void give_up(struct backend_conn *c) {
    expire(c, UINT64_MAX);
    fail(c, "it does not answer");
}

static void on_timer(uv_timer_t *timer) {
    struct backend_conn *c = timer->data;
    uint64_t now = loop_now(c->loop);
    if (c->state != CONN_READY) {
        on_connecting_too_long(c, now);
    } else {
        expire(c, now);
        if (c->first && now >= stall_ms(c))
            give_up(c);
        else if (!c->first && now >= c->progress_ms + c->ping_ms)
            send_ping(c);
    }
    arm(c);
}

// --- greeting ---------------------------------------------------------------------------------

static void greet(struct backend_conn *c, struct command *command, enum greeting greeting,
                  struct slice name, size_t words) {
    c->greetings[c->greeting_count++] = greeting;
    command_begin(command, name, words);
}

// Adds the question which commands the account may not run: MULTI, a sample of each, DISCARD.
static void ask_rights(struct backend_conn *c, struct command *command) {
    account_ask(c->account, &c->question, command, loop_now(c->loop));
    c->greetings[c->greeting_count++] = GREETING_MULTI;
    for (int i = 0; i < __builtin_popcountll(c->question.left); i++)
        c->greetings[c->greeting_count++] = GREETING_RIGHT;
    c->greetings[c->greeting_count++] = GREETING_DISCARD;
}

// The greeting is: AUTH and SELECT as configured; a name for CLIENT LIST; MULTI and EXEC, since an
// account without them would run a transaction's commands one by one, or never; the question about
// the account's rights; PING, since a loading server refuses none of the others.
static void write_greeting(struct backend_conn *c, struct bytes *out) {
    struct command command = {.out = out};
    const struct url *url = &c->conf->url;
    if (dial_write_auth(&command, url, c->dial.to))
        c->greetings[c->greeting_count++] = GREETING_AUTH;
    if (url->db > 0) {
        greet(c, &command, GREETING_SELECT, SLICE("SELECT"), 2);
        command_integer(&command, url->db);
    }
    c->greetings[c->greeting_count++] = GREETING_NAME;
    dial_write_name(&command, SLICE("cachesd"));
    greet(c, &command, GREETING_MULTI, SLICE("MULTI"), 1);
    greet(c, &command, GREETING_EXEC, SLICE("EXEC"), 1);
    ask_rights(c, &command);
    if (c->owner.introduction) {
        c->greetings[c->greeting_count++] = GREETING_INTRODUCTION;
        c->owner.introduction->write(&command);
    }
    greet(c, &command, GREETING_PING, SLICE("PING"), 1);
}

static void start_greeting(struct backend_conn *c) {
    struct bytes greeting = {0};
    write_greeting(c, &greeting);
    int error = stream_write_first(&c->stream, bytes_slice(&greeting));
    bytes_deinit(&greeting);
    bool has_ended = error == UV_EPIPE || error == UV_ECONNRESET; // its reason may still be read
    if (error && !has_ended) {
        fail(c, "can't greet: %s", error == UV_EAGAIN ? "short write" : uv_strerror(error));
        return;
    }
    c->state = CONN_GREETING;
    stream_start_reading(&c->stream);
}

static void on_dialed(struct dial *dial, int status, const char *what) {
    struct backend_conn *c = CONTAINER_OF(dial, struct backend_conn, dial);
    dial_tell(c->reason, sizeof(c->reason), status, what);
    if (status < 0)
        fail(c, "%s", c->reason); // has no effect on a closed connection
    else if (c->state == CONN_DIALING)
        start_greeting(c);
    let_go(c);
}

static void become_ready(struct backend_conn *c) {
    c->state = CONN_READY;
    account_settle(c->account, &c->question);
    c->progress_ms = loop_now(c->loop);
    if (!c->is_reserve)
        backend_conn_release(c);
    arm(c);
    c->owner.on_ready(c->owner.owner);
}

void backend_conn_reserve(struct backend_conn *c) { c->is_reserve = true; }

void backend_conn_release(struct backend_conn *c) {
    c->is_reserve = false;
    if (c->state != CONN_READY)
        return;
    c->stream.is_corked = false;
    if (c->stream.out.len > 0)
        stream_out(&c->stream);
}

static void on_greeting_event(struct backend_conn *c, const struct event *e) {
    static const char *const names[] = {
        "AUTH", "SELECT", "CLIENT SETNAME", "MULTI", "EXEC", NULL, "DISCARD", NULL, "PING"};
    enum greeting greeting = c->greetings[c->greeting_at];
    if (greeting == GREETING_INTRODUCTION) {
        if (!*c->reason)
            c->owner.introduction->take(c->owner.owner, e, c->reason);
        return;
    }
    if (greeting == GREETING_RIGHT && e->depth == 0) {
        account_answered(&c->question, e);
        return;
    }
    int len = (int)(e->text.len < 120 ? e->text.len : 120);
    if (e->depth > 0 || e->type != EVENT_ERROR || *c->reason)
        return;
    if (greeting == GREETING_NAME)
        snprintf(c->farewell, sizeof(c->farewell), "%.*s", len, e->text.data);
    else
        lost_tell_refusal(c->reason, sizeof(c->reason), names[greeting], e->text);
}

// --- the account's rights, later --------------------------------------------------------------

static struct backend_conn *conn_of_asking(struct slot *slot) {
    return CONTAINER_OF(slot, struct backend_conn, asking);
}

static void render_right(struct answer *a, const struct event *e) {
    struct backend_conn *c = a->context;
    bool is_frame = a->left == a->replies || a->left == 1; // MULTI and DISCARD
    a->takes_errors = true; // from the first right's answer on: MULTI is not refused
    if (e->type == EVENT_END || e->depth > 0)
        return;
    if (!is_frame)
        account_answered(&c->question, e);
    else if (e->type == EVENT_ERROR && !*c->reason)
        snprintf(c->reason, sizeof(c->reason), "DISCARD refused");
}

static void begin_asked(struct slot *slot, struct answer *a) {
    struct backend_conn *c = conn_of_asking(slot);
    answer_begin(a, &slot->command, render_right, &c->scrap);
    a->context = c;
}

static void on_asked(struct slot *slot, const struct answer *answer) {
    struct backend_conn *c = conn_of_asking(slot);
    c->is_asking = false;
    bytes_empty(&c->scrap);
    if (!slot->is_over && !answer->is_failed)
        account_settle(c->account, &c->question);
}

static void on_not_asked(struct slot *slot, enum slot_failure failure) {
    (void)slot;
    (void)failure; // the next greeting asks again
}

static const struct slot_owner asking_owner = {
    .begin = begin_asked, .answered = on_asked, .failed = on_not_asked};

void backend_conn_ask_rights(struct backend_conn *c) {
    uint64_t now = loop_now(c->loop);
    if (c->state != CONN_READY || c->is_asking || now - c->account->asked_ms < ASKING_MS)
        return;
    c->is_asking = true;
    c->asking = (struct slot){.owner = &asking_owner};
    backend_conn_begin(c, &c->asking);
    account_ask(c->account, &c->question, &c->asking.command, now);
    backend_conn_enqueue(c, &c->asking);
}

// --- answers ----------------------------------------------------------------------------------

static void on_event(void *owner, const struct event *e) {
    struct backend_conn *c = owner;
    struct slot *slot = c->first;
    if (c->state == CONN_GREETING) {
        on_greeting_event(c, e);
        return;
    }
    if (!slot || *c->reason)
        return; // on_reply() ends it
    if (!slot->is_started) {
        slot->is_started = true;
        slot->owner->begin(slot, &c->answer);
    }
    answer_event(&c->answer, e);
}

static void finish_first(struct backend_conn *c) {
    struct slot *slot = c->first;
    c->first = slot->next;
    c->last = c->first ? c->last : NULL;
    c->pending--;
    c->counters.answers++;
    if (c->oldest_live == slot)
        c->oldest_live = c->first;
    if (c->answer.fault != FAULT_NONE)
        c->owner.on_fault(c->owner.owner, &c->answer);
    slot->owner->answered(slot, &c->answer);
}

static bool on_reply(void *owner) {
    struct backend_conn *c = owner;
    if (c->state == CONN_GREETING) {
        if (*c->reason)
            return false;
        if (++c->greeting_at == c->greeting_count)
            become_ready(c);
        return true;
    }
    if (!c->first)
        return false;
    if (!answer_end(&c->answer))
        return true;
    if (c->answer.is_unwrapped) // the next greeting finds out why
        snprintf(c->reason, sizeof(c->reason), "MULTI refused");
    finish_first(c);
    return *c->reason == '\0';
}

// Bytes were read; before that, there had been `answers`.
static void note_progress(struct backend_conn *c, size_t len, uint64_t answers) {
    c->received += len;
    if (c->received < PROGRESS_BYTES && c->counters.answers == answers)
        return;
    c->received = 0;
    c->progress_ms = loop_now(c->loop);
}

static void on_read(struct stream *s, char *data, size_t len) {
    struct backend_conn *c = conn_of(s);
    bool is_first = c->state == CONN_GREETING && c->greeting_at == 0;
    bool is_tls = is_first && lost_is_tls(s, (struct slice){data, len});
    uint64_t answers = c->counters.answers;
    const char *error = is_tls ? "it answers in TLS: " USE_TLS : resp_feed(c->resp, data, len);
    if (error) {
        fail(c, "%s", *c->reason ? c->reason : error);
        return;
    }
    note_progress(c, len, answers);
    if (c->first && c->first->is_started && c->first->owner->half)
        c->first->owner->half(c->first, &c->answer);
}

static void on_end(struct stream *s, int status) {
    struct backend_conn *c = conn_of(s);
    bool is_greeting = c->state == CONN_GREETING;
    lost_tell(c->reason, sizeof(c->reason), s, status, is_greeting && c->greeting_at == 0,
              "the backend", USE_TLS);
    if (is_greeting && *c->farewell)
        fail(c, "refused: %s", c->farewell);
    else
        fail(c, "%s", c->reason);
}

static void on_written(struct stream *s) { (void)s; }

static const struct stream_events events = {
    .on_read = on_read,
    .on_end = on_end,
    .on_written = on_written,
    .on_closed = on_stream_closed,
};

// --- begin ------------------------------------------------------------------------------------

// The owner is told from the loop, never from inside backend_conn_new().
static void fail_later(struct backend_conn *c, const char *what, int error) {
    snprintf(c->reason, sizeof(c->reason), "%s: %s", what, uv_strerror(error));
    c->connect_deadline_ms = 0;
    arm(c);
}

struct backend_conn *backend_conn_new(struct loop *loop, const struct backend_conf *conf,
                                      struct account *account, const struct endpoint *server,
                                      unsigned attempt, struct backend_conn_owner owner) {
    struct backend_conn *c = mem_new(sizeof(*c));
    const char *what;
    c->loop = loop;
    c->id = random_next(&loop->random);
    c->conf = conf;
    c->account = account;
    c->owner = owner;
    c->resp = resp_new((struct resp_handler){on_event, on_reply, c});
    c->handles = 3; // the stream, the timer and the dial
    uv_timer_init(&loop->uv, &c->timer);
    c->timer.data = c;
    c->connect_deadline_ms = loop_now(loop) + (uint64_t)conf->connect_timeout_ms;
    c->ping_ms = loop_earlier(LONGEST_PING_MS, (uint64_t)conf->timeout_ms);
    c->answer.backend = conf->name;
    arm(c);
    int error = dial_start(&c->dial, loop, &c->stream, &events, server, attempt, on_dialed, &what);
    if (error) {
        c->handles--;
        fail_later(c, what, error);
    }
    c->stream.is_corked = true;
    return c;
}

void backend_conn_push(struct backend_conn *c, struct slot *slot) {
    if (c->owner.carry)
        c->owner.carry(c->owner.owner, slot);
    else
        backend_conn_enqueue(c, slot);
}

void backend_conn_enqueue(struct backend_conn *c, struct slot *slot) {
    slot->next = NULL;
    slot->deadline_ms = loop_now(c->loop) + (uint64_t)c->conf->timeout_ms;
    if (c->last)
        c->last->next = slot;
    else
        c->first = slot;
    c->last = slot;
    c->pending++;
    c->counters.requests++;
    if (!c->oldest_live) {
        c->oldest_live = slot;
        if (slot->deadline_ms <
            c->due_ms) // seldom: the timer is not touched while it runs out early enough
            arm(c);
    }
}
