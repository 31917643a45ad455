#include "daemon/backend/sentinel_link.h"

#include <stdarg.h>
#include <stdio.h>

#include "conf/tls_context.h"
#include "conf/uri.h"
#include "daemon/backend/lost.h"
#include "daemon/loop/backoff.h"
#include "daemon/loop/complaint.h"
#include "daemon/loop/dial.h"
#include "daemon/loop/endpoint.h"
#include "daemon/loop/log.h"
#include "daemon/loop/log_event.h"
#include "daemon/loop/stream.h"
#include "protocol/answer.h"
#include "protocol/command.h"
#include "protocol/mem.h"
#include "protocol/resp.h"
#include "protocol/sentinel_reply.h"

enum {
    FIRST_DELAY_MS = 20,
    LONGEST_DELAY_MS = 500,
    REFUSED_DELAY_MS = 5000, // after the account was refused
    TOLD_FAILURES = 2,       // the operator is told of the second failure in a row
    TROUBLE_SIZE = 200,
};

#define CHANNEL "+switch-master"
#define USE_TLS "sentinel_tls = yes, or rediss+sentinel://"

// The answers that are awaited, in the order in which they come.
enum stage {
    STAGE_AUTH,
    STAGE_NAME,
    STAGE_UNSUBSCRIBE,
    STAGE_MASTER,
    STAGE_SUBSCRIBE,
    STAGE_IDLE, // none: only news come
};

struct hearing {
    struct stream stream;
    struct dial dial;
    struct sentinel_link *link; // NULL: dropped
    struct resp *resp;
    enum stage stage;
    unsigned handles; // that libuv still holds
    bool is_greeted;
    bool has_heard; // anything
    bool is_refused;
    char reason[TROUBLE_SIZE]; // why the connection is to be dropped; "" while it is well
    struct sentinel_reply reply;
};

struct sentinel_link {
    struct loop *loop;
    const struct backend_conf *conf;
    size_t number;
    struct sentinel_link_owner owner;
    struct endpoint server;
    struct tls_session session;
    char *name;              // "HOST:PORT", as the log names the sentinel
    struct hearing *hearing; // NULL: not connected
    bool is_live;
    bool was_refused, was_unknown; // the operator may have been told
    unsigned failures;             // in a row
    unsigned attempt;              // chooses among the addresses of the sentinel's name
    char trouble[TROUBLE_SIZE];    // why it was lost last; "" while it is well
    uv_timer_t timer;              // to connect again, or to give up
};

static void lose(struct hearing *h, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void on_timer(uv_timer_t *timer);

static struct hearing *hearing_of(struct stream *s) {
    return (struct hearing *)s; // the stream is its first member
}

// --- end --------------------------------------------------------------------------------------

static void let_go(struct hearing *h) {
    if (--h->handles > 0)
        return;
    resp_free(h->resp);
    mem_free(h);
}

static void on_stream_closed(struct stream *s) { let_go(hearing_of(s)); }

static void drop(struct sentinel_link *l) {
    struct hearing *h = l->hearing;
    l->is_live = false;
    l->hearing = NULL;
    if (!h)
        return;
    h->link = NULL;
    dial_cancel(&h->dial);
    stream_close(&h->stream);
}

static void complain(struct sentinel_link *l, enum log_event event, const char *reason) {
    complaints_add(
        l->loop->complaints, &l->loop->log, loop_now(l->loop), event,
        &LOG_VALUES(log_text(FIELD_BACKEND, l->conf->name), log_text(FIELD_SENTINEL, l->name),
                    log_text(FIELD_MASTER, l->conf->url.master), log_text(FIELD_REASON, reason)));
}

static void lose(struct hearing *h, const char *format, ...) {
    struct sentinel_link *l = h->link;
    char reason[sizeof(h->reason)];
    va_list args;
    if (!l)
        return;
    va_start(args, format);
    vsnprintf(reason, sizeof(reason), format, args);
    va_end(args);
    bool is_refused = h->is_refused;
    drop(l);
    snprintf(l->trouble, sizeof(l->trouble), "%s", reason);
    l->was_refused = l->was_refused || is_refused;
    l->failures++;
    l->attempt++;
    if (is_refused)
        complain(l, LOG_SENTINEL_REFUSES, reason);
    else if (l->failures >= TOLD_FAILURES)
        complain(l, LOG_SENTINEL_LOST, reason);
    uint64_t delay_ms = is_refused ? REFUSED_DELAY_MS
                                   : backoff_ms(l->failures - 1, FIRST_DELAY_MS, LONGEST_DELAY_MS);
    uv_timer_start(&l->timer, on_timer, backoff_jittered(delay_ms, &l->loop->random), 0);
    l->owner.on_lost(l->owner.owner, l);
}

// --- questions --------------------------------------------------------------------------------

static void write_question(struct hearing *h, struct command *command) {
    command_begin(command, SLICE("UNSUBSCRIBE"), 2);
    command_word(command, SLICE(CHANNEL));
    command_begin(command, SLICE("SENTINEL"), 3);
    command_word(command, SLICE("GET-MASTER-ADDR-BY-NAME"));
    command_word(command, slice_of(h->link->conf->url.master));
    command_begin(command, SLICE("SUBSCRIBE"), 2);
    command_word(command, SLICE(CHANNEL));
}

static void await_answers(struct sentinel_link *l) {
    uv_timer_start(&l->timer, on_timer, (uint64_t)l->conf->connect_timeout_ms, 0);
}

void sentinel_link_ask(struct sentinel_link *l) {
    struct hearing *h = l->hearing;
    if (!h || h->stage != STAGE_IDLE)
        return;
    struct command command = {.out = stream_out(&h->stream)};
    h->stage = STAGE_UNSUBSCRIBE;
    write_question(h, &command);
    await_answers(l);
}

static void greet(struct hearing *h) {
    const struct backend_conf *conf = h->link->conf;
    struct command command = {.out = stream_out(&h->stream)};
    struct url account = {.user = *conf->sentinel_user ? conf->sentinel_user : NULL,
                          .password = conf->sentinel_password};
    h->stage = dial_write_auth(&command, &account, h->dial.to) ? STAGE_AUTH : STAGE_NAME;
    dial_write_name(&command, SLICE("cachesd-sentinel"));
    write_question(h, &command);
    h->is_greeted = true;
    stream_start_reading(&h->stream);
}

// --- answers ----------------------------------------------------------------------------------

static const char *remedy_of(struct slice *refusal) {
    if (lost_is_unknown_command(refusal))
        return " (is it a sentinel?)";
    bool is_unnamed =
        slice_begins(*refusal, SLICE("NOAUTH")) || slice_begins(*refusal, SLICE("WRONGPASS"));
    return is_unnamed ? " (sentinel_password_file)" : "";
}

static void refuse(struct hearing *h, struct slice words) {
    static const char *const names[] = {"AUTH",     "CLIENT SETNAME", "UNSUBSCRIBE",
                                        "SENTINEL", "SUBSCRIBE",      "nothing"};
    if (h->stage == STAGE_NAME)
        return; // it is told for operators alone
    const char *remedy = remedy_of(&words);
    h->is_refused = true;
    snprintf(h->reason, sizeof(h->reason), "%s refused: %.*s%s", names[h->stage],
             (int)(words.len < 80 ? words.len : 80), words.data, remedy);
}

static void on_event(void *owner, const struct event *e) {
    struct hearing *h = owner;
    if (!h->link || *h->reason)
        return;
    if (e->depth == 0 && e->type == EVENT_ERROR)
        refuse(h, e->text);
    sentinel_reply_event(&h->reply, e, h->stage == STAGE_MASTER);
}

static void tell(struct hearing *h) {
    struct sentinel_link *l = h->link;
    const struct sentinel_reply *r = &h->reply;
    struct slice host = {r->host, r->said == SENTINEL_UNKNOWN ? 0 : r->host_len};
    l->owner.on_word(l->owner.owner, l, host, r->port, r->said == SENTINEL_SWITCH);
}

static void end_complaint(struct sentinel_link *l, enum log_event event) {
    complaints_end(
        l->loop->complaints, &l->loop->log, loop_now(l->loop), event,
        &LOG_VALUES(log_text(FIELD_BACKEND, l->conf->name), log_text(FIELD_SENTINEL, l->name)));
}

static void end_complaints(struct sentinel_link *l, bool is_unknown) {
    if (!l->is_live)
        end_complaint(l, LOG_SENTINEL_LOST);
    if (l->was_refused)
        end_complaint(l, LOG_SENTINEL_REFUSES);
    if (l->was_unknown && !is_unknown)
        end_complaint(l, LOG_SENTINEL_UNKNOWN);
    l->was_refused = false;
    l->was_unknown = is_unknown;
}

static void take_master(struct hearing *h) {
    struct sentinel_link *l = h->link;
    bool is_unknown = h->reply.said == SENTINEL_UNKNOWN;
    end_complaints(l, is_unknown);
    if (is_unknown)
        complain(l, LOG_SENTINEL_UNKNOWN, NULL);
    l->is_live = true;
    l->failures = 0;
    *l->trouble = '\0';
    tell(h);
}

static bool on_reply(void *owner) {
    struct hearing *h = owner;
    enum sentinel_said said = h->reply.said;
    if (!h->link || *h->reason || said == SENTINEL_WRONG)
        return false;
    if (said == SENTINEL_SWITCH)
        tell(h);
    if (said == SENTINEL_SWITCH || said == SENTINEL_NEWS)
        return true;
    if (h->stage == STAGE_IDLE)
        return false;
    enum stage stage = h->stage++;
    if (stage == STAGE_MASTER)
        take_master(h);
    if (stage == STAGE_SUBSCRIBE)
        uv_timer_stop(&h->link->timer);
    return true;
}

// --- connection -------------------------------------------------------------------------------

static void on_read(struct stream *s, char *data, size_t len) {
    struct hearing *h = hearing_of(s);
    bool is_tls = !h->has_heard && lost_is_tls(s, (struct slice){data, len});
    h->has_heard = true;
    const char *error = resp_feed(h->resp, data, len);
    if (error)
        lose(h, "%s", *h->reason ? h->reason : is_tls ? "it answers in TLS: " USE_TLS : error);
}

static void on_end(struct stream *s, int status) {
    struct hearing *h = hearing_of(s);
    char reason[sizeof(h->reason)];
    lost_tell(reason, sizeof(reason), s, status, !h->has_heard, "the sentinel", USE_TLS);
    lose(h, "%s", reason);
}

static void on_written(struct stream *s) { (void)s; }

static const struct stream_events events = {
    .on_read = on_read,
    .on_end = on_end,
    .on_written = on_written,
    .on_closed = on_stream_closed,
};

static void on_dialed(struct dial *dial, int status, const char *what) {
    struct hearing *h = CONTAINER_OF(dial, struct hearing, dial);
    char reason[sizeof(h->reason)];
    dial_tell(reason, sizeof(reason), status, what);
    if (status < 0)
        lose(h, "%s", reason);
    else if (h->link)
        greet(h);
    let_go(h);
}

static void connect_to(struct sentinel_link *l) {
    struct hearing *h = mem_new(sizeof(*h));
    const char *what;
    h->link = l;
    h->handles = 2; // the stream and the dial
    h->resp = resp_new((struct resp_handler){on_event, on_reply, h});
    sentinel_reply_init(&h->reply, l->conf->url.master);
    l->hearing = h;
    await_answers(l);
    int error = dial_start(&h->dial, l->loop, &h->stream, &events, &l->server, l->attempt,
                           on_dialed, &what);
    if (!error)
        return;
    h->handles--;
    lose(h, "%s: %s", what, uv_strerror(error));
}

static void on_timer(uv_timer_t *timer) {
    struct sentinel_link *l = timer->data;
    if (l->hearing)
        lose(l->hearing, "%s",
             l->hearing->is_greeted ? "no answer in time" : dial_waits_for(&l->hearing->dial));
    else
        connect_to(l);
}

// --- life -------------------------------------------------------------------------------------

static char *name_of(const struct url_host *at) {
    struct bytes text = {0};
    uri_append_host(&text, at->host, at->port);
    char *name = mem_text_of(text.data, text.len);
    bytes_deinit(&text);
    return name;
}

struct sentinel_link *sentinel_link_new(struct loop *loop, const struct backend_conf *conf,
                                        size_t number, struct tls_client *const *tls,
                                        struct sentinel_link_owner owner) {
    struct sentinel_link *l = mem_new(sizeof(*l));
    const struct url_host *at = &conf->url.hosts[number];
    l->loop = loop;
    l->conf = conf;
    l->number = number;
    l->owner = owner;
    l->server =
        (struct endpoint){.host = at->host, .port = at->port, .tls = tls, .session = &l->session};
    l->name = name_of(at);
    uv_timer_init(&loop->uv, &l->timer);
    l->timer.data = l;
    uv_timer_start(&l->timer, on_timer, 0, 0);
    return l;
}

static void on_timer_closed(uv_handle_t *handle) {
    struct sentinel_link *l = handle->data;
    mem_free(l->name);
    tls_session_deinit(&l->session);
    mem_free(l);
}

void sentinel_link_free(struct sentinel_link *l) {
    drop(l);
    uv_close((uv_handle_t *)&l->timer, on_timer_closed);
}

size_t sentinel_link_number(const struct sentinel_link *l) { return l->number; }

bool sentinel_link_is_live(const struct sentinel_link *l) { return l->is_live; }

const char *sentinel_link_trouble(const struct sentinel_link *l) { return l->trouble; }
