#include "daemon/backend/topology.h"

#include <stdio.h>

#include "daemon/backend/conn.h"
#include "daemon/backend/node.h"
#include "daemon/loop/random.h"
#include "protocol/answer.h"
#include "protocol/command.h"
#include "protocol/hash_slot.h"
#include "protocol/mem.h"

enum {
    SOONEST_MS = 100,
    IDLE_MS = 1000, // when the last tables brought nothing new
    MOST_IDLE = 3,
    MOST_OLDS = 20, // after so many older tables in a row the cluster must have begun anew
    GAP_MS = 500,   // slots that have no node for so long are believed to have none
    PERIOD_MS = 10000,
    QUICK_PERIOD_MS = 1000,
};

// A question outlives the topology's interest in it, until its node has answered.
struct topology_question {
    struct slot slot;
    struct topology *topology; // NULL: nobody wants the answer any more
    struct cluster_node *from; // NULL: was removed
    uint64_t asked_ms;
    struct cluster_info info;
    struct slots_reply reply;
    struct bytes scrap; // the rendered answer: empty
    struct bytes words; // of an error
    uint16_t owners[HASH_SLOTS];
    size_t served;    // hash slots that have a node
    bool is_overfull; // a listed node could not be added
};

static void on_timer(uv_timer_t *timer);

static uint64_t now_of(const struct topology *t) { return loop_now(t->loop); }

// --- when -------------------------------------------------------------------------------------

static uint64_t jittered(struct topology *t, uint64_t ms) {
    return ms / 2 + random_up_to(&t->loop->random, ms);
}

static void arm(struct topology *t) {
    uint64_t now = now_of(t), due;
    if (t->is_ending || t->question)
        return;
    if (t->is_wanted)
        due = t->began_ms + jittered(t, t->idle >= MOST_IDLE ? IDLE_MS : SOONEST_MS);
    else
        due = t->began_ms + (t->is_quick ? QUICK_PERIOD_MS * 3 / 4 : jittered(t, PERIOD_MS));
    uv_timer_start(&t->timer, on_timer, due > now ? due - now : 1, 0);
}

void topology_want(struct topology *t, struct cluster_node *whom) {
    bool was_wanted = t->is_wanted;
    t->is_wanted = true;
    if (whom)
        t->whom = whom;
    if (!was_wanted || !uv_is_active((uv_handle_t *)&t->timer))
        arm(t);
}

void topology_forget(struct topology *t, const struct cluster_node *n) {
    if (t->whom == n)
        t->whom = NULL;
    if (t->not == n)
        t->not = NULL;
    if (t->question && t->question->from == n)
        t->question->from = NULL;
}

// --- a question -------------------------------------------------------------------------------

static struct topology_question *question_of(struct slot *slot) {
    return CONTAINER_OF(slot, struct topology_question, slot);
}

static void take_range(void *owner, const struct slots_range *range) {
    struct topology_question *q = owner;
    struct topology *t = q->topology;
    struct cluster_node *n = q->from ? t->events->list(t->owner, q->from, range) : NULL;
    q->is_overfull = q->is_overfull || !n;
    for (unsigned i = range->first; n && i <= range->last; i++)
        q->owners[i] = n->number;
}

// The answers are those to CLUSTER INFO and CLUSTER SLOTS.
static void render(struct answer *a, const struct event *e) {
    struct topology_question *q = a->context;
    bool is_info = a->left == a->replies;
    a->takes_errors = true;
    if (e->type == EVENT_END)
        return;
    if (e->type == EVENT_ERROR && e->depth == 0) {
        q->words.len = 0;
        bytes_append_slice(&q->words, e->text);
    }
    if (is_info && e->type == EVENT_BULK)
        (void)!cluster_info_read(e->text, &q->info);
    else if (!is_info)
        slots_reply_event(&q->reply, e);
}

static void begin_answer(struct slot *slot, struct answer *a) {
    struct topology_question *q = question_of(slot);
    answer_begin(a, &slot->command, render, &q->scrap);
    a->context = q;
    a->takes_errors = true;
    a->is_failed = !q->topology;
}

static void free_question(struct topology_question *q) {
    bytes_deinit(&q->scrap);
    bytes_deinit(&q->words);
    mem_free(q);
}

// The next question goes to another node, because this one did not help.
static void try_another(struct topology *t, const struct cluster_node *n) {
    t->not = n;
    t->whom = NULL;
    t->is_wanted = true;
    arm(t);
}

static size_t count_served(const struct topology_question *q) {
    size_t served = 0;
    for (size_t i = 0; i < HASH_SLOTS; i++)
        served += q->owners[i] != CLUSTER_NO_NODE;
    return served;
}

// A node that hears from a master that it is a replica now, before it hears from the new master,
// knows no node for its slots in between. The old master still knows the new one.
static void note_gap(struct topology *t, const struct topology_question *q) {
    if (q->served >= t->served)
        t->gap_ms = 0;
    else if (t->gap_ms == 0)
        t->gap_ms = now_of(t);
}

static bool has_new_gap(const struct topology *t) {
    return t->gap_ms > 0 && now_of(t) < t->gap_ms + GAP_MS;
}

static void take_table(struct topology *t, struct topology_question *q) {
    bool is_new = t->events->take(t->owner, q->owners);
    t->idle = is_new ? 0 : t->idle + 1;
    t->epoch = q->info.epoch;
    t->served = q->served;
    t->gap_ms = 0;
    t->proven_ms = q->asked_ms;
    t->has_table = true;
    t->not = NULL;
    arm(t);
}

static void tell_refusal(struct topology *t, const struct cluster_node *from, struct slice words) {
    bool is_single = slice_begins(words, SLICE("ERR This instance has cluster support disabled"));
    bool is_tls = from->node->family->conf->url.is_tls;
    char why[CONN_REASON_SIZE];
    snprintf(why, sizeof(why), "%s%.*s",
             !is_single ? "CLUSTER SLOTS refused: "
             : is_tls   ? "it is no cluster: use rediss://: "
                        : "it is no cluster: use redis://: ",
             (int)(words.len < 100 ? words.len : 100), words.data);
    t->events->unknown(t->owner, why);
}

// A table that is known stays in force, whatever another node says. At the start, too, the next
// node may have one.
static void tell_of_none(struct topology *t, const struct topology_question *q, bool is_read) {
    if (q->words.len > 0)
        tell_refusal(t, q->from, bytes_slice(&q->words));
    else if (!t->has_table && t->idle > 0)
        t->events->unknown(
            t->owner, is_read && q->reply.ranges == 0
                          ? "its nodes serve no slot: was it made (redis-cli --cluster create)?"
                          : "what its nodes answer to CLUSTER SLOTS can't be read");
}

// A table is older than the one that is known when its epoch is lower. Emulations of a cluster have
// no epoch, or always the same.
static void take_answer(struct topology *t, struct topology_question *q) {
    bool is_read = slots_reply_end(&q->reply);
    bool is_table = is_read && q->reply.ranges > 0 && !q->is_overfull;
    bool is_old = q->info.epoch > 0 && q->info.epoch < t->epoch && t->olds < MOST_OLDS;
    t->question = NULL;
    t->olds = is_table && is_old ? t->olds + 1 : 0;
    if (!q->from) {
        try_another(t, NULL);
        return;
    }
    t->events->told_state(t->owner, q->from, q->info.is_ok, q->asked_ms);
    if (is_table && !is_old) {
        q->served = count_served(q);
        note_gap(t, q);
        if (!has_new_gap(t)) {
            take_table(t, q);
            return;
        }
    }
    if (!is_table)
        tell_of_none(t, q, is_read);
    t->idle = is_table && !is_old ? 0 : t->idle + 1;
    try_another(t, q->from);
}

static void on_answered(struct slot *slot, const struct answer *a) {
    struct topology_question *q = question_of(slot);
    (void)a;
    if (q->topology)
        take_answer(q->topology, q);
    free_question(q);
}

static void on_failed(struct slot *slot, enum slot_failure failure) {
    struct topology_question *q = question_of(slot);
    struct topology *t = q->topology;
    q->topology = NULL;
    if (t) {
        t->question = NULL;
        try_another(t, q->from);
    }
    if (failure != SLOT_TIMEOUT)
        free_question(q);
}

static const struct slot_owner question_owner = {
    .begin = begin_answer, .answered = on_answered, .failed = on_failed};

static void ask(struct topology *t, struct cluster_node *n) {
    struct topology_question *q = t->question = mem_new(sizeof(*q));
    struct backend_conn *c = n->node->conn;
    q->topology = t;
    q->from = n;
    q->asked_ms = t->began_ms = now_of(t);
    memset(q->owners, 0xff, sizeof(q->owners)); // CLUSTER_NO_NODE
    slots_reply_begin(&q->reply, take_range, q);
    t->whom = NULL;
    t->is_wanted = false;
    t->refreshes++;
    q->slot.owner = &question_owner;
    backend_conn_begin(c, &q->slot);
    command_begin(&q->slot.command, SLICE("CLUSTER"), 2);
    command_word(&q->slot.command, SLICE("INFO"));
    command_begin(&q->slot.command, SLICE("CLUSTER"), 2);
    command_word(&q->slot.command, SLICE("SLOTS"));
    backend_conn_enqueue(c, &q->slot);
}

static void on_timer(uv_timer_t *timer) {
    struct topology *t = CONTAINER_OF(timer, struct topology, timer);
    struct cluster_node *n = t->whom && t->whom->node->is_up ? t->whom : NULL;
    if (!n)
        n = t->events->choose(t->owner, t->not );
    if (n) {
        ask(t, n);
        return;
    }
    t->is_wanted = true;
    uv_timer_start(&t->timer, on_timer, SOONEST_MS / 4, 0); // until a node is up
}

// --- life -------------------------------------------------------------------------------------

void topology_init(struct topology *t, struct loop *loop, const struct topology_events *events,
                   void *owner) {
    t->loop = loop;
    t->events = events;
    t->owner = owner;
    uv_timer_init(&loop->uv, &t->timer);
}

void topology_end(struct topology *t) {
    t->is_ending = true;
    uv_timer_stop(&t->timer);
    if (t->question)
        t->question->topology = NULL;
    t->question = NULL;
}

void topology_close(struct topology *t, uv_close_cb on_closed) {
    topology_end(t);
    uv_close((uv_handle_t *)&t->timer, on_closed);
}
