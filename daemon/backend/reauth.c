#include "daemon/backend/reauth.h"

#include "conf/url.h"
#include "daemon/backend/conn.h"
#include "daemon/backend/slot.h"
#include "daemon/loop/complaint.h"
#include "daemon/loop/dial.h"
#include "daemon/loop/endpoint.h"
#include "daemon/loop/log_event.h"
#include "daemon/loop/loop.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/mem.h"

struct reauth {
    struct slot slot;
    struct loop *loop;
    struct bytes scrap;   // the rendered answer, which nobody reads
    struct bytes refusal; // Redis's words
    char *backend, *node; // names
};

static struct reauth *reauth_of(struct slot *slot) { return (struct reauth *)slot; }

static void end(struct reauth *r) {
    bytes_deinit(&r->scrap);
    bytes_deinit(&r->refusal);
    mem_free(r->backend);
    mem_free(r->node);
    mem_free(r);
}

static void render(struct answer *a, const struct event *e) {
    struct reauth *r = a->context;
    if (e->type == EVENT_ERROR && e->depth == 0)
        bytes_append_slice(&r->refusal, e->text);
}

static void begin(struct slot *slot, struct answer *a) {
    struct reauth *r = reauth_of(slot);
    answer_begin(a, &slot->command, render, &r->scrap);
    a->context = r;
    a->takes_errors = true;
}

static void answered(struct slot *slot, const struct answer *answer) {
    struct reauth *r = reauth_of(slot);
    (void)answer;
    if (r->refusal.len > 0)
        complaints_add(r->loop->complaints, &r->loop->log, loop_now(r->loop), LOG_PASSWORD_REFUSED,
                       &LOG_VALUES(log_text(FIELD_BACKEND, r->backend),
                                   log_text(FIELD_NODE, r->node),
                                   log_slice(FIELD_REASON, bytes_slice(&r->refusal))));
    end(r);
}

// After a timeout the answer may still come: answered() is called then, or failed() again.
static void failed(struct slot *slot, enum slot_failure failure) {
    if (failure != SLOT_TIMEOUT)
        end(reauth_of(slot));
}

static const struct slot_owner owner = {.begin = begin, .answered = answered, .failed = failed};

void reauth_send(struct backend_conn *c, const struct backend_conf *conf,
                 const struct endpoint *server, const char *node) {
    struct reauth *r = mem_new(sizeof(*r));
    r->slot.owner = &owner;
    r->loop = c->loop;
    r->backend = mem_text(conf->name);
    r->node = node ? mem_text(node) : NULL;
    backend_conn_begin(c, &r->slot);
    if (dial_write_auth(&r->slot.command, &conf->url, server))
        backend_conn_enqueue(c, &r->slot);
    else
        end(r);
}
