#include "daemon/admin/kill_verb.h"

#include "daemon/front/client.h"
#include "daemon/front/clients.h"
#include "daemon/policy/identity.h"
#include "daemon/policy/stats.h"
#include "daemon/request/context.h"
#include "daemon/request/request.h"
#include "daemon/worker.h"
#include "daemon/workers.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/mem.h"
#include "protocol/number.h"
#include "protocol/refusal.h"
#include "protocol/reply.h"

// A search for the client. The request is kept until all workers have looked; when its client has
// gone meanwhile, no reply is written.
struct hunt {
    struct broadcast broadcast;
    struct request *request;
    uint64_t id;
    bool is_found;
};

static void visit(struct broadcast *b, struct worker *worker) {
    struct hunt *hunt = (struct hunt *)b; // its first member
    hunt->is_found = hunt->is_found || clients_kill(&worker->clients, hunt->id);
}

static void finish(struct request *r, bool is_found) {
    reply_integer(request_out(r), is_found);
    request_finish(r);
}

static void on_all_done(struct broadcast *b, struct worker *origin) {
    struct hunt *hunt = (struct hunt *)b;
    (void)origin;
    if (hunt->request->session)
        finish(hunt->request, hunt->is_found);
    request_release(hunt->request);
    mem_free(hunt);
}

static void hunt_elsewhere(struct request *r, uint64_t id) {
    struct hunt *hunt = mem_new(sizeof(*hunt));
    *hunt = (struct hunt){
        .broadcast = {.visit = visit, .on_all_done = on_all_done}, .request = r, .id = id};
    r->is_pending = true;
    workers_broadcast(workers_of(r->context), worker_of(r->context), &hunt->broadcast);
}

static void refuse_id(struct request *r, struct slice word) {
    struct refusal *refusal = &r->context->refusal;
    refusal_set(refusal, REPLY_ARGS,
                "'%.*s' is not the id of a client: use the number that clients tells as id",
                REPLY_WORD(word));
    request_fail_with(r, refusal);
}

void kill_verb_run(struct request *r, const struct call *call) {
    struct clients *here = &worker_of(r->context)->clients;
    struct client *self = CONTAINER_OF(r->session, struct client, session);
    uint64_t id;
    if (!number_parse_unsigned(call->args[0], &id)) {
        refuse_id(r, call->args[0]);
    } else if (id == r->session->id) {
        finish(r, true);
        client_end(self, CLOSED_KILLED);
    } else if (clients_kill(here, id)) {
        finish(r, true);
    } else {
        hunt_elsewhere(r, id);
    }
}
