#include "daemon/admin/slow_verbs.h"

#include <inttypes.h>
#include <time.h>

#include "daemon/admin/totals.h"
#include "daemon/request/context.h"
#include "daemon/request/request.h"
#include "daemon/request/slow_log.h"
#include "daemon/worker.h"
#include "daemon/workers.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/mem.h"
#include "protocol/number.h"
#include "protocol/refusal.h"
#include "protocol/reply.h"

enum { USUAL_COUNT = 16 };

// --- slowlog ----------------------------------------------------------------------------------

// The request is kept until the totals are there; when its client has gone meanwhile, no reply is
// written.
struct look {
    struct totals totals;
    struct request *request;
    size_t most;
};

static void append_time(struct bytes *text, int64_t at_us) {
    time_t at = (time_t)(at_us / 1000000);
    struct tm utc;
    char written[32];
    size_t len = strftime(written, sizeof(written), "%Y-%m-%dT%H:%M:%S", gmtime_r(&at, &utc));
    bytes_append_literal(text, "time=");
    bytes_append(text, written, len);
    bytes_printf(text, ".%03dZ", (int)(at_us / 1000 % 1000));
}

static const char *reason_of(const struct slow_entry *e) {
    if (!e->is_large)
        return "slow";
    return e->is_slow ? "slow,large" : "large";
}

static void append_entry(struct bytes *text, const struct slow_entry *e) {
    append_time(text, e->at_us);
    bytes_printf(text, " reason=%s verb=%s namespace=%s key=", reason_of(e), e->verb, e->namespace);
    bytes_append_readable(text, (struct slice){e->key, e->key_len}, SLOW_KEY_MOST);
    bytes_printf(text,
                 " words=%" PRIu32 " in=%" PRIu64 " out=%" PRIu64 " waited_us=%" PRIu64
                 " backend_us=%" PRIu64 " code=%s count=%" PRIu64 " client=%" PRIu64
                 " worker=%zu\n",
                 e->words, e->request_bytes, e->reply_bytes, e->waited_us, e->backend_us,
                 e->is_error ? reply_code_name(e->code) : "OK", e->count, e->client, e->worker);
}

static void on_collected(struct totals *totals) {
    struct look *look = (struct look *)totals; // its first member
    struct request *r = look->request;
    struct bytes text = {0};
    totals_sort_slow(totals, SLOW_NEWEST_FIRST);
    for (size_t i = 0; i < totals->slow_count && i < look->most; i++)
        append_entry(&text, &totals->slow[i]);
    if (r->session)
        request_finish_text(r, &text);
    bytes_deinit(&text);
    request_release(r);
    totals_deinit(totals);
    mem_free(look);
}

void slowlog_run(struct request *r, const struct call *call) {
    int64_t most = USUAL_COUNT;
    if (call->argc > 0 && !number_parse_int(call->args[0], &most)) // checked by the verb's syntax
        most = USUAL_COUNT;
    struct look *look = mem_new(sizeof(*look));
    look->request = r;
    look->most = (size_t)most;
    totals_init(&look->totals, r->policy->settings, &r->session->identity, false);
    look->totals.has_slow = true;
    r->is_pending = true;
    totals_collect(&look->totals, workers_of(r->context), worker_of(r->context), on_collected);
}

// --- slowlog.reset ----------------------------------------------------------------------------

struct reset {
    struct broadcast broadcast;
    struct request *request;
};

static void visit_to_reset(struct broadcast *b, struct worker *worker) {
    (void)b;
    slow_log_reset(&worker->context.slow);
}

static void on_all_reset(struct broadcast *b, struct worker *origin) {
    struct reset *reset = (struct reset *)b; // its first member
    struct request *r = reset->request;
    (void)origin;
    if (r->session) {
        reply_status(request_out(r), "OK");
        request_finish(r);
    }
    request_release(r);
    mem_free(reset);
}

void slowlog_reset_run(struct request *r, const struct call *call) {
    struct reset *reset = mem_new(sizeof(*reset));
    (void)call;
    *reset = (struct reset){.broadcast = {.visit = visit_to_reset, .on_all_done = on_all_reset},
                            .request = r};
    r->is_pending = true;
    slow_log_reset(&r->context->slow);
    workers_broadcast(workers_of(r->context), worker_of(r->context), &reset->broadcast);
}
