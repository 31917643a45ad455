#include "reload_verb.h"

#include <assert.h>
#include <stddef.h>

#include "client.h"
#include "mem.h"
#include "reload.h"
#include "server.h"

// It goes to worker 0 and comes back. The client may have gone by then: the request stays until it
// is back, and nothing is replied.
struct errand {
    struct message message;
    struct reload_ask ask;
    struct request *request;
};

static void finish(struct errand *errand) {
    struct request *r = errand->request;
    struct bytes *problem = &errand->ask.problem;
    if (r->client && errand->ask.outcome == RELOAD_ENDING) {
        request_fail(r, REPLY_UNAVAILABLE, "the daemon is ending");
    } else if (r->client && errand->ask.outcome == RELOAD_REFUSED) {
        bytes_append(problem, "", 1);
        request_fail(r, REPLY_POLICY, problem->data);
    } else if (r->client) {
        reply_status(request_out(r), "OK");
        request_finish(r);
    }
    request_release(r);
    bytes_deinit(problem);
    mem_free(errand);
}

// A mailbox that is open: worker 0's is as long as any other lives, and another's is while it waits
// for its errand.
static void post(struct server *to, struct errand *errand,
                 void (*run)(struct message *message, void *owner)) {
    errand->message.run = run;
    bool is_taken = mailbox_post(&to->mailbox, &errand->message);
    assert(is_taken);
    (void)is_taken;
}

static void run_home(struct message *message, void *owner) {
    finish((struct errand *)message); // its first member
    server_came_home(owner);
}

// On worker 0's thread.
static void on_done(struct reload_ask *ask) {
    struct errand *errand = (struct errand *)((char *)ask - offsetof(struct errand, ask));
    struct server *from = server_of(errand->request->context);
    if (from->number == 0)
        finish(errand);
    else
        post(from, errand, run_home);
}

static void run_ask(struct message *message, void *owner) {
    struct errand *errand = (struct errand *)message;
    struct server *main = owner;
    reload_ask(&main->reload, &errand->ask);
}

void reload_verb_run(struct request *r) {
    struct server *worker = server_of(r->context), *main = worker->crew->all[0];
    struct errand *errand = mem_new(sizeof(*errand));
    errand->ask.on_done = on_done;
    errand->request = r;
    r->is_pending = true;
    if (worker == main) {
        reload_ask(&main->reload, &errand->ask);
        return;
    }
    worker->away++;
    post(main, errand, run_ask);
}
