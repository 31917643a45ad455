#include "daemon/near/tracker.h"

#include <stdarg.h>
#include <stdio.h>

#include "daemon/loop/backoff.h"
#include "daemon/loop/complaint.h"
#include "daemon/loop/dial.h"
#include "daemon/loop/log.h"
#include "daemon/loop/log_event.h"
#include "daemon/loop/random.h"
#include "daemon/loop/stream.h"
#include "daemon/near/store.h"
#include "protocol/answer.h"
#include "protocol/command.h"
#include "protocol/hash.h"
#include "protocol/mem.h"
#include "protocol/resp.h"

enum {
    PING_MS = 1000,
    CONNECT_MS = 3000, // until the tracker is live
    FIRST_DELAY_MS = 20,
    LONGEST_DELAY_MS = 500,
    REFUSED_DELAY_MS = 5000, // after the account or the server refused a needed command
};

#define CHANNEL "__redis__:invalidate"

// The answers that are awaited, in the order in which they come.
enum stage { STAGE_AUTH, STAGE_NAME, STAGE_ID, STAGE_TRACKING, STAGE_SUBSCRIBE, STAGE_LIVE };

struct tracking {
    struct stream stream;
    struct dial dial;
    struct tracker *tracker; // NULL: dropped
    struct resp *resp;
    enum stage stage;
    unsigned handles;     // that libuv still holds
    uint64_t asked_ms;    // when the unanswered ping was sent
    bool is_asked;        // a ping is unanswered
    bool is_invalidation; // the message now being read
    bool is_auth_due;     // as soon as the pong has come
    unsigned unread;      // answers to authenticate()
    bool is_refused;
    char reason[160]; // why the connection is to be dropped; "" while it is well
};

static void lose(struct tracking *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void on_timer(uv_timer_t *timer);

static uint64_t now_of(const struct tracker *t) { return loop_now(t->loop); }

static struct tracking *tracking_of(struct stream *s) {
    return (struct tracking *)s; // the stream is its first member
}

// --- end --------------------------------------------------------------------------------------

static void let_go(struct tracking *c) {
    if (--c->handles > 0)
        return;
    resp_free(c->resp);
    mem_free(c);
}

static void on_stream_closed(struct stream *s) { let_go(tracking_of(s)); }

static void drop(struct tracker *t) {
    struct tracking *c = t->tracking;
    t->source.is_live = false;
    t->tracking = NULL;
    if (!c)
        return;
    c->tracker = NULL;
    dial_cancel(&c->dial);
    stream_close(&c->stream);
}

static uint64_t retry_delay(struct tracker *t, bool is_refused) {
    uint64_t delay_ms =
        is_refused ? REFUSED_DELAY_MS : backoff_ms(t->failures, FIRST_DELAY_MS, LONGEST_DELAY_MS);
    return backoff_jittered(delay_ms, &t->loop->random);
}

static void complain(struct tracker *t, enum log_event event, const char *reason) {
    complaints_add(t->loop->complaints, &t->loop->log, now_of(t), event,
                   &LOG_VALUES(log_text(FIELD_BACKEND, t->conf->name),
                               log_text(FIELD_NODE, t->node), log_text(FIELD_REASON, reason)));
}

// Returns whether the log knows of an outage. The complaint ends without a line, since the caller
// logs the end in its own words.
static bool end_outage(struct tracker *t) {
    static const enum log_event outages[] = {LOG_NEAR_OFF, LOG_NEAR_STAYS_OFF, LOG_NEAR_REFUSED};
    struct log_values values =
        LOG_VALUES(log_text(FIELD_BACKEND, t->conf->name), log_text(FIELD_NODE, t->node));
    bool was_told = false;
    for (size_t i = 0; i < sizeof(outages) / sizeof(*outages); i++)
        was_told =
            complaints_end(t->loop->complaints, NULL, now_of(t), outages[i], &values) || was_told;
    return was_told;
}

static void lose(struct tracking *c, const char *format, ...) {
    struct tracker *t = c->tracker;
    char reason[sizeof(c->reason)];
    va_list args;
    if (!t)
        return;
    va_start(args, format);
    vsnprintf(reason, sizeof(reason), format, args);
    va_end(args);
    bool was_live = t->source.is_live, is_refused = c->is_refused;
    drop(t);
    t->losses += was_live;
    if (was_live)
        complain(t, LOG_NEAR_OFF, reason);
    else if (is_refused)
        complain(t, LOG_NEAR_REFUSED, reason);
    else if (t->failures >= 2)
        complain(t, LOG_NEAR_STAYS_OFF, reason);
    t->failures++;
    uv_timer_start(&t->timer, on_timer, retry_delay(t, is_refused), 0);
}

// --- messages ---------------------------------------------------------------------------------

static void flush(struct tracker *t) { t->source.epoch++; }

static void on_all_void(struct tracker *t) {
    t->flushes++;
    flush(t);
}

// The message is *3 message CHANNEL *N key …, with nil in the array's place when all keys are void.
// A message that a client publishes on the channel has a bulk there, and cannot be trusted.
static void on_message_event(struct tracking *c, const struct event *e) {
    struct tracker *t = c->tracker;
    struct near_store *store = t->loop->near;
    if (e->depth == 1 && e->index == 0) {
        c->is_invalidation = slice_equal(e->text, SLICE("message"));
    } else if (!c->is_invalidation) {
        return;
    } else if (e->depth == 1 && e->index == 2 && e->type != EVENT_ARRAY) {
        on_all_void(t);
    } else if (e->depth == 2 && e->rest > 0) { // a key too long to arrive as a whole
        on_all_void(t);
    } else if (e->depth == 2 && e->type == EVENT_BULK) {
        t->invalidations++;
        near_store_forget(store, near_store_hash(store, e->text, t->source.salt));
    }
}

// In RESP2 a subscribed connection takes no AUTH, so it is subscribed anew. All is one write: Redis
// runs these commands without those of others between, so no change is missed.
static void authenticate(struct tracking *c) {
    struct command command = {.out = stream_out(&c->stream)};
    c->is_auth_due = false;
    command_begin(&command, SLICE("UNSUBSCRIBE"), 2);
    command_word(&command, SLICE(CHANNEL));
    c->unread = dial_write_auth(&command, &c->tracker->conf->url, &c->tracker->server) ? 3 : 2;
    command_begin(&command, SLICE("SUBSCRIBE"), 2);
    command_word(&command, SLICE(CHANNEL));
}

// An answer to authenticate(). Without the right to these commands, the connection is made anew.
static void on_authentication_event(struct tracking *c, const struct event *e) {
    if (e->type == EVENT_ERROR)
        snprintf(c->reason, sizeof(c->reason), "the new password is refused: %.*s",
                 (int)(e->text.len < 100 ? e->text.len : 100), e->text.data);
}

// After a pong that comes too late no kept answer may be served again: reads went to the server
// meanwhile, and nobody may see a newer answer and then an older one.
static void on_pong(struct tracking *c) {
    struct tracker *t = c->tracker;
    if (!c->is_asked)
        return;
    c->is_asked = false;
    if (!near_source_is_live(&t->source, now_of(t)))
        flush(t);
    t->source.proven_ms = c->asked_ms;
    if (c->is_auth_due)
        authenticate(c);
}

static void become_live(struct tracking *c) {
    struct tracker *t = c->tracker;
    t->source.is_live = true;
    flush(t);
    t->source.proven_ms = c->asked_ms;
    t->failures = 0;
    if (end_outage(t) || !t->has_been_live)
        log_tell(&t->loop->log, LOG_NEAR_ON, log_text(FIELD_BACKEND, t->conf->name),
                 log_text(FIELD_NODE, t->node));
    t->has_been_live = true;
    uv_timer_start(&t->timer, on_timer, PING_MS, PING_MS);
}

// --- greeting ---------------------------------------------------------------------------------

static void begin_greeting(struct tracking *c) {
    struct command command = {.out = stream_out(&c->stream)};
    const struct tracker *t = c->tracker;
    c->stage = dial_write_auth(&command, &t->conf->url, &t->server) ? STAGE_AUTH : STAGE_NAME;
    dial_write_name(&command, SLICE("cachesd-near"));
    command_begin(&command, SLICE("CLIENT"), 2);
    command_word(&command, SLICE("ID"));
    stream_start_reading(&c->stream);
}

// `id` is the connection's own number: invalidations come over the connection that asked for them.
static void begin_tracking(struct tracking *c, int64_t id) {
    struct tracker *t = c->tracker;
    struct command command = {.out = stream_out(&c->stream)};
    command_begin(&command, SLICE("CLIENT"), 6 + 2 * t->prefixes.count);
    command_word(&command, SLICE("TRACKING"));
    command_word(&command, SLICE("ON"));
    command_word(&command, SLICE("REDIRECT"));
    command_integer(&command, id);
    command_word(&command, SLICE("BCAST"));
    bytes_append_slice(command.out, bytes_slice(&t->prefixes.words));
    command_begin(&command, SLICE("SUBSCRIBE"), 2);
    command_word(&command, SLICE(CHANNEL));
    c->asked_ms = now_of(t);
}

static void on_greeting_event(struct tracking *c, const struct event *e) {
    static const char *const names[] = {"AUTH", "CLIENT SETNAME", "CLIENT ID", "CLIENT TRACKING",
                                        "SUBSCRIBE"};
    if (e->depth > 0 || e->type == EVENT_MORE)
        return;
    if (e->type == EVENT_ERROR && c->stage != STAGE_NAME) {
        c->is_refused = slice_begins(e->text, SLICE("NOPERM"));
        snprintf(c->reason, sizeof(c->reason), "%s refused: %.*s", names[c->stage],
                 (int)(e->text.len < 100 ? e->text.len : 100), e->text.data);
    } else if (c->stage == STAGE_ID) {
        begin_tracking(c, e->integer);
    }
}

static void on_event(void *owner, const struct event *e) {
    struct tracking *c = owner;
    if (!c->tracker || *c->reason)
        return;
    if (c->stage == STAGE_LIVE && c->unread > 0 && e->depth == 0)
        on_authentication_event(c, e);
    if (c->stage == STAGE_LIVE)
        on_message_event(c, e);
    else
        on_greeting_event(c, e);
}

static bool on_reply(void *owner) {
    struct tracking *c = owner;
    if (!c->tracker || *c->reason)
        return false;
    if (c->stage == STAGE_LIVE) {
        if (!c->is_invalidation && c->unread > 0)
            c->unread--;
        else if (!c->is_invalidation)
            on_pong(c);
    } else if (++c->stage == STAGE_LIVE) {
        become_live(c);
    }
    return true;
}

// --- connection -------------------------------------------------------------------------------

static void on_read(struct stream *s, char *data, size_t len) {
    struct tracking *c = tracking_of(s);
    const char *error = resp_feed(c->resp, data, len);
    if (error)
        lose(c, "%s", *c->reason ? c->reason : error);
}

static void on_end(struct stream *s, int status) {
    lose(tracking_of(s), "%s",
         status == UV_EOF ? "the backend closed the connection that tells of "
                            "changes"
                          : stream_trouble(s, status));
}

static void on_written(struct stream *s) { (void)s; }

static const struct stream_events events = {
    .on_read = on_read,
    .on_end = on_end,
    .on_written = on_written,
    .on_closed = on_stream_closed,
};

static void on_dialed(struct dial *dial, int status, const char *what) {
    struct tracking *c = CONTAINER_OF(dial, struct tracking, dial);
    char reason[sizeof(c->reason)];
    dial_tell(reason, sizeof(reason), status, what);
    if (status < 0)
        lose(c, "%s", reason);
    else if (c->tracker)
        begin_greeting(c);
    let_go(c);
}

static void connect_to(struct tracker *t) {
    if (!t->server.path && t->peer.ss_family == 0)
        return; // until tracker_aim() is called
    struct tracking *c = mem_new(sizeof(*c));
    const char *what;
    c->tracker = t;
    c->handles = 2; // the stream and the dial
    c->resp = resp_new((struct resp_handler){on_event, on_reply, c});
    t->tracking = c;
    uv_timer_start(&t->timer, on_timer, CONNECT_MS, 0);
    int error = dial_start(&c->dial, t->loop, &c->stream, &events, &t->server, 0, on_dialed, &what);
    if (!error)
        return;
    c->handles--;
    lose(c, "%s: %s", what, uv_strerror(error));
}

// --- time -------------------------------------------------------------------------------------

static void ping(struct tracking *c) {
    struct command command = {.out = stream_out(&c->stream)};
    c->is_asked = true;
    c->asked_ms = now_of(c->tracker);
    command_begin(&command, SLICE("PING"), 1);
}

static void on_timer(uv_timer_t *timer) {
    struct tracker *t = timer->data;
    struct tracking *c = t->tracking;
    if (!c)
        connect_to(t);
    else if (c->stage != STAGE_LIVE)
        lose(c, "no answer in time");
    else if (!c->is_asked)
        ping(c);
    else if (now_of(t) - c->asked_ms >= NEAR_FRESH_MS)
        lose(c, "no pong in time");
}

// --- life -------------------------------------------------------------------------------------

void prefixes_add(struct prefixes *p, struct slice prefix) {
    struct command words = {.out = &p->words};
    command_word(&words, SLICE("PREFIX"));
    command_word(&words, prefix);
    p->count++;
}

void prefixes_deinit(struct prefixes *p) { bytes_deinit(&p->words); }

uint64_t tracker_salt(const struct backend_conf *conf) {
    return hash_slice(slice_of(conf->name), 0);
}

struct tracker *tracker_new(struct loop *loop, const struct backend_conf *conf, const char *node,
                            const struct endpoint *server, struct prefixes prefixes) {
    struct tracker *t = mem_new(sizeof(*t));
    t->loop = loop;
    t->conf = conf;
    t->node = node;
    t->server = *server;
    t->server.peer = &t->peer;
    t->prefixes = prefixes;
    t->source.salt = tracker_salt(conf);
    t->source.epoch = random_next(&loop->random);
    t->source.has_all_keys = true;
    uv_timer_init(&loop->uv, &t->timer);
    t->timer.data = t;
    uv_timer_start(&t->timer, on_timer, 0, 0);
    return t;
}

static void on_timer_closed(uv_handle_t *handle) {
    struct tracker *t = handle->data;
    prefixes_deinit(&t->prefixes);
    mem_free(t);
}

void tracker_free(struct tracker *t) {
    drop(t);
    uv_close((uv_handle_t *)&t->timer, on_timer_closed);
}

void tracker_aim(struct tracker *t, const struct sockaddr_storage *peer) {
    t->peer = *peer;
    if (!t->tracking)
        uv_timer_start(&t->timer, on_timer, 0, 0);
}

// A connection that is being made may have sent the former password.
void tracker_authenticate(struct tracker *t) {
    struct tracking *c = t->tracking;
    if (!c)
        return;
    if (c->stage != STAGE_LIVE) {
        drop(t);
        uv_timer_start(&t->timer, on_timer, 0, 0);
    } else if (c->is_asked) {
        c->is_auth_due = true; // the pong must not be taken for another answer
    } else {
        authenticate(c);
    }
}

void tracker_restart(struct tracker *t) {
    t->peer.ss_family = 0;
    if (!t->tracking)
        return;
    if (t->tracking->stage == STAGE_LIVE) {
        lose(t->tracking, "the backend's other connection was lost");
        return;
    }
    drop(t); // the connection may go to the server that the backend had before
    uv_timer_start(&t->timer, on_timer, retry_delay(t, false), 0);
}
