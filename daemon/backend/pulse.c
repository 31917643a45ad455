#include "daemon/backend/pulse.h"

#include "daemon/backend/conn.h"
#include "daemon/backend/node.h"
#include "daemon/backend/slot.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/cluster_info.h"
#include "protocol/command.h"
#include "protocol/mem.h"

struct pulse {
    struct slot slot;
    struct cluster_node *node; // NULL: it was removed, or its time is over
    uint64_t asked_ms;
    struct cluster_info info;
    struct bytes scrap; // the rendered answer: empty
};

static struct pulse *pulse_of(struct slot *slot) { return CONTAINER_OF(slot, struct pulse, slot); }

static void render(struct answer *a, const struct event *e) {
    struct pulse *p = a->context;
    if (e->type == EVENT_BULK)
        (void)!cluster_info_read(e->text, &p->info);
}

static void begin_answer(struct slot *slot, struct answer *a) {
    struct pulse *p = pulse_of(slot);
    answer_begin(a, &slot->command, render, &p->scrap);
    a->context = p;
}

static void end(struct pulse *p) {
    bytes_deinit(&p->scrap);
    mem_free(p);
}

static void on_answered(struct slot *slot, const struct answer *a) {
    struct pulse *p = pulse_of(slot);
    (void)a;
    if (p->node) {
        p->node->pulse = NULL;
        p->node->ok_ms = p->info.is_ok ? p->asked_ms : 0;
    }
    end(p);
}

static void on_failed(struct slot *slot, enum slot_failure failure) {
    struct pulse *p = pulse_of(slot);
    if (p->node)
        p->node->pulse = NULL;
    p->node = NULL;
    if (failure != SLOT_TIMEOUT)
        end(p);
}

static const struct slot_owner pulse_owner = {
    .begin = begin_answer, .answered = on_answered, .failed = on_failed};

void pulse_ask(struct cluster_node *n, struct loop *loop) {
    if (n->pulse)
        return;
    struct pulse *p = n->pulse = mem_new(sizeof(*p));
    p->node = n;
    p->asked_ms = loop_now(loop);
    p->slot.owner = &pulse_owner;
    backend_conn_begin(n->node->conn, &p->slot);
    command_begin(&p->slot.command, SLICE("CLUSTER"), 2);
    command_word(&p->slot.command, SLICE("INFO"));
    backend_conn_enqueue(n->node->conn, &p->slot);
}

void pulse_forget(struct cluster_node *n) {
    if (n->pulse)
        n->pulse->node = NULL;
    n->pulse = NULL;
}
