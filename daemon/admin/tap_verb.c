#include "daemon/admin/tap_verb.h"

#include <inttypes.h>
#include <stdatomic.h>

#include "daemon/loop/loop.h"
#include "daemon/loop/mailbox.h"
#include "daemon/policy/identity.h"
#include "daemon/policy/policy.h"
#include "daemon/request/admit.h"
#include "daemon/request/context.h"
#include "daemon/request/reply_queue.h"
#include "daemon/request/request.h"
#include "daemon/request/session.h"
#include "daemon/request/tap.h"
#include "daemon/request/watch.h"
#include "daemon/worker.h"
#include "daemon/workers.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/mem.h"
#include "protocol/number.h"
#include "protocol/refusal.h"
#include "protocol/reply.h"
#include "protocol/verb_table.h"

enum {
    MOST_UNREAD = 1024 * 1024, // bytes of lines that the client has not read
    TELL_LOST_MS = 1000,
};

#define USE "use tap [namespace=NAME] [verb=VERB] [sample=NUMBER] [slow=DURATION]"

struct watching;

// The tap of one worker. Its worker fills it, and hands over the lines of a turn at a time: `out`
// belongs to the worker while `is_out` is false, and to the watching's home otherwise.
struct lens {
    struct tap tap;
    struct watching *watching;
    struct worker *worker;
    struct message message;
    atomic_bool is_out;
    struct bytes out;
    uint64_t out_lost;
};

// OPENING ──all workers are tapped──► OPEN ──the client says more, or ends──► CLOSING ──► freed
enum watching_state { OPENING, OPEN, CLOSING };

struct watching {
    struct broadcast broadcast;
    struct session_watch watch;
    struct request *request; // until the watching is closed
    struct worker *home;     // of its client
    enum watching_state state;
    bool is_ending; // while OPENING: it is to be closed at once
    uint64_t lost;  // lines that were not told of yet
    uint64_t told_ms;
    struct lens *lenses; // of each worker, by its number
    size_t count;
};

static void close_watching(struct watching *w);

// --- words ------------------------------------------------------------------------------------

static bool read_namespace(struct request *r, struct slice value, struct tap_filter *f,
                           struct refusal *refusal) {
    const struct namespace *namespace =
        admit_namespace(r->context, &r->session->identity, value, refusal);
    if (namespace)
        memcpy(f->name, namespace->conf->name, namespace->conf->name_len + 1);
    return namespace;
}

static bool read_verb(struct request *r, struct slice value, struct tap_filter *f,
                      struct refusal *refusal) {
    const struct verb_entry *entry = verb_find(r->context->verbs, value);
    f->verb = entry ? entry->verb : NULL;
    return entry || admit_refuse_verb(r->context, value, refusal);
}

static bool read_sample(struct slice value, struct tap_filter *f, struct refusal *refusal) {
    int64_t sample;
    if (!number_parse_int(value, &sample) || sample < 1)
        return refusal_set(refusal, REPLY_ARGS,
                           "sample=%.*s: use a whole number above 0: one request of so many",
                           REPLY_WORD(value));
    f->sample = (uint64_t)sample;
    return true;
}

static bool read_slow(struct slice value, struct tap_filter *f, struct refusal *refusal) {
    int64_t ms;
    if (!number_parse_duration(value, &ms) || ms > DURATION_MAX_MS)
        return refusal_set(refusal, REPLY_ARGS, "slow=%.*s: use a duration, as 10ms or 1s",
                           REPLY_WORD(value));
    f->slow_us = (uint64_t)ms * 1000;
    return true;
}

// Returns what follows "name=" in the word; no data: the word does not begin so.
static struct slice value_of(struct slice word, const char *name) {
    size_t len = strlen(name);
    if (!slice_begins(word, (struct slice){name, len}))
        return (struct slice){0};
    return (struct slice){word.data + len, word.len - len};
}

static bool read_word(struct request *r, struct slice word, struct tap_filter *f,
                      struct refusal *refusal) {
    struct slice value;
    if ((value = value_of(word, "namespace=")).data)
        return read_namespace(r, value, f, refusal);
    if ((value = value_of(word, "verb=")).data)
        return read_verb(r, value, f, refusal);
    if ((value = value_of(word, "sample=")).data)
        return read_sample(value, f, refusal);
    if ((value = value_of(word, "slow=")).data)
        return read_slow(value, f, refusal);
    return refusal_set(refusal, REPLY_ARGS, "tap takes no '%.*s': " USE, REPLY_WORD(word));
}

static bool read_words(struct request *r, const struct call *call, struct tap_filter *f,
                       struct refusal *refusal) {
    for (size_t i = 0; i < call->argc; i++)
        if (!read_word(r, call->args[i], f, refusal))
            return false;
    if (!*f->name && identity_is_limited(&r->session->identity))
        return refusal_set(refusal, REPLY_NOPERM,
                           "you may use only some namespaces: name one, as tap namespace=NAME");
    return true;
}

// --- lines ------------------------------------------------------------------------------------

// A reload may have taken rights away since the request began.
static bool may_see(const struct watching *w) {
    const struct identity *identity = &w->request->session->identity;
    const struct policy *policy = w->request->context->policy;
    const char *name = w->lenses[0].tap.filter.name;
    const struct namespace *namespace = *name ? policy_namespace(policy, slice_of(name)) : NULL;
    if (!identity_is_admin(identity))
        return false;
    return !identity_is_limited(identity) ||
           (namespace && identity_may_use(identity, (size_t)(namespace - policy->namespaces)));
}

// Returns how many bytes of further lines the client may be sent.
static size_t room_of(const struct watching *w) {
    const struct request *r = w->request;
    size_t half = (size_t)r->policy->settings->daemon.client_output / 2;
    size_t most = half < MOST_UNREAD ? half : MOST_UNREAD;
    size_t unread = reply_queue_unread(&r->session->replies);
    return unread < most ? most - unread : 0;
}

static uint64_t count_lines(struct slice lines) {
    uint64_t count = 0;
    for (size_t i = 0; i < lines.len; i++)
        count += lines.data[i] == '\n';
    return count;
}

// Writes the lines that there is room for, and counts the others.
static void write_lines(struct watching *w, struct slice lines) {
    size_t room = room_of(w), len = lines.len;
    if (len > room) {
        const char *last = room > 0 ? memrchr(lines.data, '\n', room) : NULL;
        len = last ? (size_t)(last + 1 - lines.data) : 0;
    }
    if (len > 0)
        bytes_append(request_out(w->request), lines.data, len);
    w->lost += count_lines((struct slice){lines.data + len, lines.len - len});
}

static void tell_lost(struct watching *w) {
    if (w->lost == 0)
        return;
    bytes_printf(request_out(w->request), "+lost=%" PRIu64 "\r\n", w->lost);
    w->lost = 0;
}

static void tell_lost_in_time(struct watching *w) {
    uint64_t now = loop_now(&w->home->context.loop);
    if (now - w->told_ms < TELL_LOST_MS || room_of(w) == 0)
        return;
    w->told_ms = now;
    tell_lost(w);
}

// This runs at home. With one worker the watching may be freed when it returns.
static void deliver(struct lens *lens) {
    struct watching *w = lens->watching;
    size_t len = lens->out.len;
    lens->out.len = 0;
    if (w->state != OPEN)
        return;
    if (!may_see(w)) {
        close_watching(w);
        return;
    }
    w->lost += lens->out_lost;
    write_lines(w, (struct slice){lens->out.data, len});
    tell_lost_in_time(w);
}

static void run_deliver(struct message *message, void *owner) {
    struct lens *lens = CONTAINER_OF(message, struct lens, message);
    (void)owner;
    deliver(lens);
    atomic_store_explicit(&lens->is_out, false, memory_order_release);
}

// Takes the lines out of the tap. What was taken before must have been delivered.
static void take(struct lens *lens) {
    struct bytes spare = lens->out;
    lens->out = lens->tap.events;
    lens->out_lost = lens->tap.lost;
    lens->tap.events = spare;
    lens->tap.count = 0;
    lens->tap.lost = 0;
}

// While the lines taken before are on their way, further ones stay in the tap.
static void flush(struct tap *tap) {
    struct lens *lens = (struct lens *)tap; // its first member
    struct worker *home = lens->watching->home;
    bool has_news = tap->count > 0 || tap->lost > 0;
    if (lens->worker == home) {
        take(lens);
        deliver(lens);
    } else if (has_news && !atomic_load_explicit(&lens->is_out, memory_order_acquire)) {
        take(lens);
        atomic_store_explicit(&lens->is_out, true, memory_order_relaxed);
        lens->message.run = run_deliver;
        if (!mailbox_post(&home->mailbox, &lens->message))
            atomic_store_explicit(&lens->is_out, false, memory_order_relaxed); // home has ended
    }
}

// --- the course of a watching -----------------------------------------------------------------

static void free_watching(struct broadcast *b, struct worker *origin) {
    struct watching *w = (struct watching *)b; // its first member
    (void)origin;
    for (size_t i = 0; i < w->count; i++) {
        bytes_deinit(&w->lenses[i].tap.events);
        bytes_deinit(&w->lenses[i].out);
    }
    mem_free(w->lenses);
    mem_free(w);
}

static void visit_to_close(struct broadcast *b, struct worker *worker) {
    struct watching *w = (struct watching *)b;
    watch_remove_tap(&worker->context, &w->lenses[worker->number].tap);
}

// Lines on their way come home before the broadcast does, which they were posted before.
static void remove_all(struct worker *home, struct watching *w) {
    w->broadcast = (struct broadcast){.visit = visit_to_close, .on_all_done = free_watching};
    visit_to_close(&w->broadcast, home);
    workers_broadcast(workers_of(&home->context), home, &w->broadcast);
}

static void close_watching(struct watching *w) {
    struct request *r = w->request;
    w->state = CLOSING;
    w->request = NULL;
    if (r->session) {
        r->session->watch = NULL;
        request_finish(r);
    }
    request_release(r);
    remove_all(w->home, w);
}

static void end(struct session_watch *watch) {
    struct watching *w = CONTAINER_OF(watch, struct watching, watch);
    w->request->session->watch = NULL;
    w->is_ending = true;
    if (w->state == OPENING)
        return;
    tell_lost(w);
    close_watching(w);
}

static void on_opened(struct broadcast *b, struct worker *home) {
    struct watching *w = (struct watching *)b;
    w->state = OPEN;
    w->told_ms = loop_now(&home->context.loop);
    if (w->request->session)
        reply_status(request_out(w->request), "OK");
    if (w->is_ending)
        close_watching(w);
}

static void visit_to_open(struct broadcast *b, struct worker *worker) {
    struct watching *w = (struct watching *)b;
    struct lens *lens = &w->lenses[worker->number];
    lens->worker = worker;
    watch_add_tap(&worker->context, &lens->tap);
}

static void start(struct request *r, const struct tap_filter *filter) {
    struct workers *workers = workers_of(r->context);
    struct watching *w = mem_new(sizeof(*w));
    w->request = r;
    w->home = worker_of(r->context);
    w->watch = (struct session_watch){.end = end, .is_listening = true};
    w->count = workers->count;
    w->lenses = mem_new(w->count * sizeof(*w->lenses));
    for (size_t i = 0; i < w->count; i++) {
        w->lenses[i].tap = (struct tap){.filter = *filter, .flush = flush};
        w->lenses[i].watching = w;
    }
    r->session->watch = &w->watch;
    r->is_pending = true;
    w->broadcast = (struct broadcast){.visit = visit_to_open, .on_all_done = on_opened};
    visit_to_open(&w->broadcast, w->home);
    workers_broadcast(workers, w->home, &w->broadcast);
}

void tap_verb_run(struct request *r, const struct call *call) {
    struct tap_filter filter = {.sample = 1};
    if (read_words(r, call, &filter, &r->context->refusal))
        start(r, &filter);
    else
        request_fail_with(r, &r->context->refusal);
}
