#include "daemon/admin/metrics_verb.h"

#include <uv.h>

#include "daemon/admin/exposition.h"
#include "daemon/admin/metrics.h"
#include "daemon/admin/totals.h"
#include "daemon/loop/loop.h"
#include "daemon/request/context.h"
#include "daemon/request/request.h"
#include "daemon/worker.h"
#include "daemon/workers.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/mem.h"
#include "protocol/reply.h"

// A request for metrics. The request is kept until they are there; when its client has gone
// meanwhile, no reply is written.
//
//   totals_collect ─► on_collected ─► another thread writes the text ─► on_written: the reply
struct scrape {
    struct totals totals;
    struct request *request;
    uv_work_t work;
    const struct verb_table *verbs;
    enum exposition_format format;
    struct bytes text;
};

static void write_text(uv_work_t *work) {
    struct scrape *scrape = work->data;
    metrics_append(&scrape->totals, scrape->verbs, scrape->format, &scrape->text);
}

static void on_written(uv_work_t *work, int status) {
    struct scrape *scrape = work->data;
    struct request *r = scrape->request;
    (void)status; // the work is never cancelled
    if (r->session)
        request_finish_text(r, &scrape->text);
    request_release(r);
    bytes_deinit(&scrape->text);
    totals_deinit(&scrape->totals);
    mem_free(scrape);
}

static void on_collected(struct totals *totals) {
    struct scrape *scrape = (struct scrape *)totals; // its first member
    struct loop *loop = &scrape->request->context->loop;
    scrape->work.data = scrape;
    uv_queue_work(&loop->uv, &scrape->work, write_text, on_written);
}

static bool read_format(struct request *r, const struct call *call,
                        enum exposition_format *format) {
    *format = EXPOSITION_TEXT;
    if (call->argc == 0 || slice_equal_nocase(call->args[0], SLICE("text")))
        return true;
    *format = EXPOSITION_OPENMETRICS;
    if (slice_equal_nocase(call->args[0], SLICE("openmetrics")))
        return true;
    request_fail(r, REPLY_ARGS, "the format is text or openmetrics");
    return false;
}

void metrics_verb_run(struct request *r, const struct call *call) {
    enum exposition_format format;
    if (!read_format(r, call, &format))
        return;
    struct scrape *scrape = mem_new(sizeof(*scrape));
    scrape->request = r;
    scrape->verbs = r->context->verbs;
    scrape->format = format;
    totals_init(&scrape->totals, r->policy->settings, &r->session->identity, false);
    r->is_pending = true;
    totals_collect(&scrape->totals, workers_of(r->context), worker_of(r->context), on_collected);
}
