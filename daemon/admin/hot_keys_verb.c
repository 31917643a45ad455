#include "daemon/admin/hot_keys_verb.h"

#include <inttypes.h>

#include "daemon/loop/loop.h"
#include "daemon/policy/identity.h"
#include "daemon/policy/policy.h"
#include "daemon/request/context.h"
#include "daemon/request/hot_keys.h"
#include "daemon/request/request.h"
#include "daemon/request/session.h"
#include "daemon/request/watch.h"
#include "daemon/worker.h"
#include "daemon/workers.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/mem.h"
#include "protocol/number.h"
#include "protocol/refusal.h"
#include "protocol/reply.h"

enum { USUAL_MS = 10000, LONGEST_MS = 3600 * 1000, USUAL_COUNT = 10 };

// OPENING ──all workers sample──► OPEN ──time is over, or the client ends──► CLOSING ──► freed
enum survey_state { OPENING, OPEN, CLOSING };

// The sampling for one request, which is kept until it is over. A broadcast begins it, and another
// one ends it.
struct survey {
    struct broadcast broadcast;
    struct session_watch watch;
    struct request *request;
    uv_timer_t timer;
    enum survey_state state;
    bool is_ending; // while OPENING: it is to be closed at once
    int64_t for_ms;
    size_t shown;
    struct watch_sampler *samplers; // of each worker, by its number
    size_t count;
};

// --- words ------------------------------------------------------------------------------------

static bool read_for(struct survey *s, struct slice value, struct refusal *refusal) {
    return (number_parse_duration(value, &s->for_ms) && s->for_ms > 0 && s->for_ms <= LONGEST_MS) ||
           refusal_set(refusal, REPLY_ARGS,
                       "for=%.*s: use a duration above 0, as 10s or 500ms (1h at most)",
                       REPLY_WORD(value));
}

static bool read_count(struct survey *s, struct slice word, struct refusal *refusal) {
    int64_t count = 0;
    bool is_number = number_parse_int(word, &count) && count > 0;
    s->shown = is_number ? (size_t)count : 0;
    return is_number || refusal_set(refusal, REPLY_ARGS,
                                    "'%.*s' is wrong: use hotkeys [for=] [count], as for=10s 20",
                                    REPLY_WORD(word));
}

static bool read_words(struct survey *s, const struct call *call, struct refusal *refusal) {
    for (size_t i = 0; i < call->argc; i++) {
        struct slice word = call->args[i];
        struct slice value = {word.data + strlen("for="), word.len - strlen("for=")};
        bool is_for = slice_begins(word, SLICE("for="));
        if (!(is_for ? read_for(s, value, refusal) : read_count(s, word, refusal)))
            return false;
    }
    return true;
}

// --- the reply --------------------------------------------------------------------------------

// A reload may have changed who may use which namespace since the samples were taken.
static bool may_see(const struct request *r, const struct hot_key *k) {
    const struct policy *policy = r->context->policy;
    const struct namespace *namespace =
        policy_namespace(policy, (struct slice){k->name, k->name_len});
    return namespace && identity_is_admin(&r->session->identity) &&
           identity_may_use(&r->session->identity, (size_t)(namespace - policy->namespaces));
}

static void append_key(struct bytes *text, const struct hot_key *k) {
    bytes_printf(text, "namespace=%.*s key=", (int)k->name_len, k->name);
    bytes_append_readable(text, (struct slice){k->key, k->key_len}, SIZE_MAX);
    bytes_printf(text, " count=%" PRIu64 " error=%" PRIu64 "\n", k->count * WATCH_EVERY,
                 k->error * WATCH_EVERY);
}

static void reply(const struct survey *s) {
    struct request *r = s->request;
    struct hot_list list = {0};
    struct bytes text = {0};
    size_t shown = 0;
    for (size_t i = 0; i < s->count; i++)
        hot_list_merge(&list, &s->samplers[i].keys);
    hot_list_sort(&list);
    for (size_t i = 0; i < list.count && shown < s->shown; i++) {
        if (!may_see(r, &list.items[i]))
            continue;
        append_key(&text, &list.items[i]);
        shown++;
    }
    hot_list_deinit(&list);
    request_finish_text(r, &text);
}

// --- the course of a survey -------------------------------------------------------------------

static void on_timer_closed(uv_handle_t *handle) {
    struct survey *s = handle->data;
    mem_free(s->samplers);
    mem_free(s);
}

static void visit_to_close(struct broadcast *b, struct worker *worker) {
    struct survey *s = (struct survey *)b; // its first member
    watch_remove_sampler(&worker->context, &s->samplers[worker->number]);
}

static void on_closed(struct broadcast *b, struct worker *origin) {
    struct survey *s = (struct survey *)b;
    (void)origin;
    if (s->request->session)
        reply(s);
    request_release(s->request);
    uv_close((uv_handle_t *)&s->timer, on_timer_closed);
}

static void close_survey(struct survey *s) {
    struct context *context = s->request->context;
    struct worker *here = worker_of(context);
    s->state = CLOSING;
    if (s->request->session)
        s->request->session->watch = NULL;
    uv_timer_stop(&s->timer);
    s->broadcast = (struct broadcast){.visit = visit_to_close, .on_all_done = on_closed};
    visit_to_close(&s->broadcast, here);
    workers_broadcast(workers_of(context), here, &s->broadcast);
}

static void end(struct session_watch *watch) {
    struct survey *s = CONTAINER_OF(watch, struct survey, watch);
    s->request->session->watch = NULL;
    s->is_ending = true;
    if (s->state == OPEN)
        close_survey(s);
}

static void on_time_over(uv_timer_t *timer) { close_survey(timer->data); }

static void visit_to_open(struct broadcast *b, struct worker *worker) {
    struct survey *s = (struct survey *)b;
    watch_add_sampler(&worker->context, &s->samplers[worker->number]);
}

static void on_opened(struct broadcast *b, struct worker *origin) {
    struct survey *s = (struct survey *)b;
    (void)origin;
    s->state = OPEN;
    if (s->is_ending)
        close_survey(s);
    else
        uv_timer_start(&s->timer, on_time_over, (uint64_t)s->for_ms, 0);
}

static void start(struct survey *s, struct request *r) {
    struct workers *workers = workers_of(r->context);
    struct worker *here = worker_of(r->context);
    s->request = r;
    s->watch.end = end;
    s->count = workers->count;
    s->samplers = mem_new(s->count * sizeof(*s->samplers));
    s->timer.data = s;
    uv_timer_init(&r->context->loop.uv, &s->timer);
    r->session->watch = &s->watch;
    r->is_pending = true;
    s->broadcast = (struct broadcast){.visit = visit_to_open, .on_all_done = on_opened};
    visit_to_open(&s->broadcast, here);
    workers_broadcast(workers, here, &s->broadcast);
}

void hot_keys_verb_run(struct request *r, const struct call *call) {
    struct survey *s = mem_new(sizeof(*s));
    *s = (struct survey){.for_ms = USUAL_MS, .shown = USUAL_COUNT};
    if (read_words(s, call, &r->context->refusal)) {
        start(s, r);
        return;
    }
    mem_free(s);
    request_fail_with(r, &r->context->refusal);
}
