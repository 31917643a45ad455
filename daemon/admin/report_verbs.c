#include "daemon/admin/report_verbs.h"

#include "daemon/admin/client_filter.h"
#include "daemon/admin/metrics_verb.h"
#include "daemon/admin/report.h"
#include "daemon/admin/settings_verb.h"
#include "daemon/admin/slow_verbs.h"
#include "daemon/admin/totals.h"
#include "daemon/policy/identity.h"
#include "daemon/policy/policy.h"
#include "daemon/request/context.h"
#include "daemon/request/named.h"
#include "daemon/request/request.h"
#include "daemon/worker.h"
#include "daemon/workers.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/mem.h"
#include "protocol/reply.h"

// --- waiting for the totals -------------------------------------------------------------------

// A request that waits for the totals. The request is kept until they come; when its client has
// gone meanwhile, no reply is written.
struct inquiry {
    struct totals totals;
    struct client_filter filter; // of `clients`
    struct request *request;
    report_write *write;
    const char *status; // as in reply_status_or(); NULL: the report is the reply
};

// Replies "+STATUS" when the text is empty, otherwise UNAVAILABLE with the text.
static void reply_status_or(struct request *r, const char *status, struct bytes *text) {
    bytes_append(text, "", 1);
    if (r->context->is_draining) {
        request_fail(r, REPLY_UNAVAILABLE, "the daemon is ending");
    } else if (*text->data) {
        request_fail(r, REPLY_UNAVAILABLE, text->data);
    } else {
        reply_status(request_out(r), status);
        request_finish(r);
    }
}

static void on_collected(struct totals *totals) {
    struct inquiry *inquiry = (struct inquiry *)totals; // its first member
    struct request *r = inquiry->request;
    struct bytes text = {0};
    if (r->session) {
        inquiry->write(totals, r, &text);
        if (inquiry->status) {
            reply_status_or(r, inquiry->status, &text);
        } else {
            reply_bulk(request_out(r), bytes_slice(&text));
            request_finish(r);
        }
        bytes_deinit(&text);
    }
    request_release(r);
    totals_deinit(totals);
    client_filter_deinit(&inquiry->filter);
    mem_free(inquiry);
}

static struct inquiry *inquiry_new(struct request *r, bool has_clients, report_write *write) {
    struct inquiry *inquiry = mem_new(sizeof(*inquiry));
    inquiry->request = r;
    inquiry->write = write;
    totals_init(&inquiry->totals, r->policy->settings, &r->session->identity, has_clients);
    return inquiry;
}

static void ask_all(struct inquiry *inquiry) {
    struct request *r = inquiry->request;
    r->is_pending = true;
    totals_collect(&inquiry->totals, workers_of(r->context), worker_of(r->context), on_collected);
}

static void inquire(struct request *r, report_write *write) {
    ask_all(inquiry_new(r, false, write));
}

// --- verbs ------------------------------------------------------------------------------------

static void run_namespaces(struct request *r, const struct call *call) {
    struct bytes text = {0};
    (void)call;
    report_namespaces(r->context, &r->session->identity, &text);
    request_finish_text(r, &text);
}

static void run_backends(struct request *r, const struct call *call) {
    (void)call;
    inquire(r, report_backends);
}

static void run_ready(struct request *r, const struct call *call) {
    (void)call;
    struct inquiry *inquiry = inquiry_new(r, false, report_unready);
    inquiry->status = "READY";
    ask_all(inquiry);
}

static void run_clients(struct request *r, const struct call *call) {
    struct client_filter filter = {0};
    if (!client_filter_read(&filter, call->args, call->argc, &r->context->refusal)) {
        client_filter_deinit(&filter);
        request_fail_with(r, &r->context->refusal);
        return;
    }
    struct inquiry *inquiry = inquiry_new(r, true, report_clients);
    inquiry->filter = filter;
    inquiry->totals.filter = &inquiry->filter;
    ask_all(inquiry);
}

static void run_stats(struct request *r, const struct call *call) {
    if (call->argc == 0) {
        inquire(r, report_stats);
        return;
    }
    struct namespace *namespace = named_namespace(r, call->args[0]);
    if (!namespace)
        return;
    r->namespace = namespace;
    inquire(r, report_namespace_stats);
}

const struct verb report_verbs[] = {
    {
        .name = "namespaces",
        .flags = VERB_READ,
        .syntax = "",
        .summary = "a line of name=value pairs for each namespace",
        .run = run_namespaces,
    },
    {
        .name = "settings",
        .flags = VERB_READ,
        .syntax = "[word]",
        .summary = "a line of name=value pairs for each option of the configuration in force",
        .run = settings_verb_run,
    },
    {
        .name = "backends",
        .flags = VERB_READ | VERB_IN_TURN,
        .syntax = "",
        .summary = "a line of name=value pairs for each backend",
        .run = run_backends,
    },
    {
        .name = "ready",
        .flags = VERB_READ | VERB_IN_TURN,
        .syntax = "",
        .summary = "READY, or UNAVAILABLE with the backends that do not serve",
        .run = run_ready,
    },
    {
        .name = "clients",
        .flags = VERB_READ | VERB_IN_TURN,
        .syntax = "[name=value ...]",
        .summary = "a line of name=value pairs for each client, or for those that have all these",
        .run = run_clients,
    },
    {
        .name = "stats",
        .flags = VERB_READ | VERB_IN_TURN,
        .syntax = "[N]",
        .summary = "counters of the daemon, or of a namespace, as name:value lines",
        .run = run_stats,
    },
    {
        .name = "slowlog",
        .flags = VERB_ADMIN | VERB_IN_TURN,
        .syntax = "[count]",
        .summary = "a line of name=value pairs for each request that took long or was large",
        .run = slowlog_run,
    },
    {
        .name = "slowlog.reset",
        .flags = VERB_ADMIN | VERB_IN_TURN,
        .syntax = "",
        .summary = "forgets these requests",
        .run = slowlog_reset_run,
    },
    {
        .name = "metrics",
        .flags = VERB_READ | VERB_IN_TURN,
        .syntax = "[format]",
        .summary = "the counters as Prometheus reads them, as text or openmetrics",
        .run = metrics_verb_run,
    },
};
const size_t report_verb_count = sizeof(report_verbs) / sizeof(*report_verbs);
