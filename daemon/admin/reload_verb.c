#include "daemon/admin/reload_verb.h"

#include "daemon/daemon.h"
#include "daemon/loop/mailbox.h"
#include "daemon/reload.h"
#include "daemon/request/request.h"
#include "daemon/request/session.h"
#include "daemon/worker.h"
#include "daemon/workers.h"
#include "protocol/bytes.h"
#include "protocol/mem.h"
#include "protocol/reply.h"

// An errand goes to the main thread and comes back. The request is kept until then; when its client
// has gone meanwhile, no reply is written.
struct errand {
    struct message message;
    struct reload_ask ask;
    struct request *request;
};

static void errand_finish(struct errand *errand) {
    struct request *r = errand->request;
    struct bytes *problem = &errand->ask.problem;
    if (r->session && errand->ask.outcome == RELOAD_ENDING) {
        request_fail(r, REPLY_UNAVAILABLE, "the daemon is ending");
    } else if (r->session && errand->ask.outcome == RELOAD_REFUSED) {
        bytes_append(problem, "", 1);
        request_fail(r, REPLY_POLICY, problem->data);
    } else if (r->session) {
        reply_status(request_out(r), "OK");
        request_finish(r);
    }
    request_release(r);
    bytes_deinit(problem);
    mem_free(errand);
}

static void run_home(struct message *message, void *owner) {
    errand_finish((struct errand *)message); // its first member
    worker_release(owner);
}

// This runs on the main thread.
static void on_done(struct reload_ask *ask) {
    struct errand *errand = CONTAINER_OF(ask, struct errand, ask);
    struct context *context = errand->request->context;
    errand->message.run = run_home;
    worker_send(workers_of(context)->all[0], worker_of(context), &errand->message);
}

static void run_ask(struct message *message, void *owner) {
    struct errand *errand = (struct errand *)message;
    struct worker *main = owner;
    daemon_reload(daemon_of(&main->context), &errand->ask);
}

void reload_verb_run(struct request *r) {
    struct worker *worker = worker_of(r->context);
    struct errand *errand = mem_new(sizeof(*errand));
    errand->message.run = run_ask;
    errand->ask.on_done = on_done;
    errand->request = r;
    r->is_pending = true;
    worker_hold(worker);
    worker_send(worker, workers_of(r->context)->all[0], &errand->message);
}
