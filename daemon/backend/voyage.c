#include "daemon/backend/voyage.h"

#include <assert.h>

#include "daemon/backend/conn.h"
#include "daemon/backend/node.h"
#include "daemon/loop/backoff.h"
#include "daemon/loop/stream.h"
#include "protocol/answer.h"
#include "protocol/command.h"
#include "protocol/mem.h"

enum {
    MOST_HOPS = 16,
    QUICK_HOPS = 2, // further ones wait, because the nodes disagree
    FIRST_PAUSE_MS = 5,
    LONGEST_PAUSE_MS = 80,
    DOWN_PAUSE_MS = 50, // before a node that said CLUSTERDOWN is asked again
    KEEP_BYTES = 512,   // memory that an unused voyage keeps
};

struct voyage {
    struct slot slot;   // in a connection's queue
    struct slot *inner; // whose commands these are
    struct voyages *all;
    struct voyage *next;     // unused
    struct bytes kept;       // the commands
    struct command shape;    // of the commands, as the owner of `inner` wrote them
    struct cluster_node *at; // the node that it was sent to last
    struct parked parked;    // its number and times
    uint16_t hash_slot;
    uint16_t hops;  // how often it was refused or lost
    bool is_over;   // the owner of `inner` has been told of a timeout
    bool is_away;   // at no node
    bool is_again;  // counted in turnover->again
    bool is_tossed; // a redirect sent it on last
};

static const struct slot_owner voyage_owner;

static uint64_t now_of(const struct voyages *v) { return loop_now(v->loop); }

static struct slot_state *state_of(const struct voyage *v) {
    return &v->all->map->slots[v->hash_slot];
}

static struct voyage *voyage_of(struct slot *slot) {
    return CONTAINER_OF(slot, struct voyage, slot);
}

void voyages_turned(struct voyages *v, unsigned hash_slot) {
    if (v->map->slots[hash_slot].pending > 0)
        turnover_begin(&v->turnovers, hash_slot, 0);
}

static void park(struct voyage *v, uint64_t pause_ms) {
    struct turnovers *all = &v->all->turnovers;
    v->at = NULL;
    v->is_away = true;
    turnover_park(all, turnover_begin(all, v->hash_slot, 1), &v->parked, pause_ms);
}

static struct voyage *unpark(struct voyages *all, struct turnover *t) {
    return CONTAINER_OF(turnover_unpark(&all->turnovers, t), struct voyage, parked);
}

// --- end --------------------------------------------------------------------------------------

static void empty(struct voyage *v) {
    v->all->kept -= v->kept.len;
    v->kept.len = 0;
    if (v->kept.cap > KEEP_BYTES)
        bytes_deinit(&v->kept);
}

// The voyage is at no node any more, as far as the order of its hash slot goes.
static void leave_node(struct voyage *v) {
    struct turnover *t = state_of(v)->turnover;
    if (v->is_again)
        t->again--;
    else if (t && !v->is_away)
        t->before--;
    v->is_again = false;
    v->is_away = true;
}

static void leave_slot(struct voyage *v) {
    struct slot_state *s = state_of(v);
    leave_node(v);
    s->pending--;
    if (s->turnover && s->pending == 0)
        turnover_end(&v->all->turnovers, s->turnover);
}

// Ends the voyage. Returns the slot that it was for.
static struct slot *end(struct voyage *v) {
    struct slot *inner = v->inner;
    if (!v->is_over)
        leave_slot(v);
    empty(v);
    v->next = v->all->unused;
    v->all->unused = v;
    return inner;
}

static void fail(struct voyage *v, enum slot_failure failure) {
    struct slot *inner = end(v);
    inner->owner->failed(inner, failure);
}

static void give_up(struct voyage *v) {
    if (v->is_tossed && !v->all->is_ending) {
        v->all->disagreed++;
        v->all->events->disagreed(v->all->owner, v->hash_slot);
    }
    fail(v, SLOT_UNSERVED);
}

// --- sending ----------------------------------------------------------------------------------

static void write_asking(struct command *c) { command_begin(c, SLICE("ASKING"), 1); }

// Writes the kept commands, each behind an ASKING where it needs one.
static void write_kept(struct voyage *v, bool is_asking) {
    struct command asking = {.out = v->slot.command.out};
    struct slice kept = bytes_slice(&v->kept);
    enum asks asks = !is_asking ? ASKS_NONE : v->shape.frame.has_ttl ? ASKS_EACH : ASKS_ONCE;
    if (asks != ASKS_NONE)
        write_asking(&asking);
    if (asks == ASKS_EACH) {
        size_t first = command_length(kept);
        bytes_append(asking.out, kept.data, first);
        kept = (struct slice){kept.data + first, kept.len - first};
        write_asking(&asking);
    }
    bytes_append_slice(asking.out, kept);
    v->slot.command = v->shape;
    v->slot.command.out = asking.out;
    v->slot.command.frame.asks = (uint8_t)asks;
    v->slot.command.frame.is_any = v->shape.frame.is_any || is_asking;
}

// Sends the voyage to the node. Returns false, and does nothing, when the node has no connection.
static bool send_again(struct voyage *v, struct cluster_node *n, bool is_asking) {
    struct backend_conn *c = n->node->conn;
    struct turnover *t = state_of(v)->turnover;
    if (!c || c->state == CONN_CLOSED)
        return false;
    v->at = n;
    v->is_away = false;
    v->slot = (struct slot){.owner = &voyage_owner};
    backend_conn_begin(c, &v->slot);
    write_kept(v, is_asking);
    backend_conn_enqueue(c, &v->slot);
    if (t) {
        t->node = n;
        t->again++;
        v->is_again = true;
    }
    return true;
}

static uint64_t pause_of(const struct voyage *v) {
    if (v->hops <= QUICK_HOPS)
        return 0;
    return backoff_ms((unsigned)(v->hops - QUICK_HOPS - 1), FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
}

static void go_on(struct voyage *v, struct cluster_node *n, bool is_asking) {
    const struct turnover *t = state_of(v)->turnover;
    bool may = pause_of(v) == 0 && (!t || turnover_may_go(t, n));
    if (!may || !send_again(v, n, is_asking))
        park(v, pause_of(v) > 0 ? pause_of(v) : FIRST_PAUSE_MS);
}

static void run_turnover(struct voyages *all, struct turnover *t) {
    unsigned hash_slot = t->hash_slot;
    bool must_wait = turnover_is_blocked(t);
    while (t->first) {
        struct cluster_node *owner = cluster_map_owner(all->map, hash_slot);
        bool is_late = t->first->until_ms <= now_of(all);
        if (!is_late && (must_wait || t->first->due_ms > now_of(all)))
            return;
        struct voyage *v = unpark(all, t);
        bool is_last = all->map->slots[hash_slot].pending == 1;
        if (is_late)
            give_up(v);
        else if (!owner || !send_again(v, owner, false))
            park(v, LONGEST_PAUSE_MS / 4);
        else
            all->again++;
        if (is_late && is_last)
            return; // the turnover has ended
    }
}

// Turnovers may end meanwhile, and the owners of slots may begin others: so each is looked for
// anew.
void voyages_run(struct voyages *v) {
    struct turnover *t = v->turnovers.first;
    while (t) {
        struct turnover *next = t->next;
        unsigned next_slot = next ? next->hash_slot : 0;
        run_turnover(v, t);
        t = next && v->map->slots[next_slot].turnover == next ? next : NULL;
    }
    turnovers_arm(&v->turnovers);
}

static void on_due(struct turnovers *all) {
    voyages_run(CONTAINER_OF(all, struct voyages, turnovers));
}

// --- answers ----------------------------------------------------------------------------------

static void begin_answer(struct slot *slot, struct answer *a) {
    struct voyage *v = voyage_of(slot);
    v->inner->command = slot->command;
    v->inner->owner->begin(v->inner, a);
    a->is_redirected = v->hops > 0;
}

static void on_half(struct slot *slot, struct answer *a) {
    struct voyage *v = voyage_of(slot);
    if (v->inner->owner->half)
        v->inner->owner->half(v->inner, a);
    slot->is_over = v->inner->is_over;
}

static void follow(struct voyage *v, const struct redirect *to, const struct answer *a) {
    struct cluster_node *from = v->at;
    struct cluster_node *n = v->all->events->find(v->all->owner, from, to);
    bool is_ask = a->turn == TURN_ASK;
    if (is_ask)
        v->all->asked++;
    else
        v->all->moved++;
    if (!n || n == from) {
        if (n)
            v->all->events->named_itself(v->all->owner, n);
        park(v, backoff_ms(v->hops, FIRST_PAUSE_MS, LONGEST_PAUSE_MS));
        return;
    }
    if (!is_ask) {
        cluster_map_give(v->all->map, v->hash_slot, n);
        turnover_begin(&v->all->turnovers, v->hash_slot, 1);
        v->all->events->doubt(v->all->owner, n, a->turn);
    }
    go_on(v, n, is_ask);
}

// The commands were not applied.
static void refused(struct voyage *v, const struct answer *a) {
    struct redirect to;
    answer_cancel(a);
    leave_node(v);
    v->hops++;
    bool is_redirect = a->turn == TURN_MOVED || a->turn == TURN_ASK;
    v->is_tossed = is_redirect && redirect_read(answer_turn_to(a), &to);
    if (v->hops >= MOST_HOPS || v->parked.until_ms <= now_of(v->all) || v->all->is_ending) {
        give_up(v);
        return;
    }
    if (v->hops > QUICK_HOPS)
        turnover_begin(&v->all->turnovers, v->hash_slot, 1);
    if (v->is_tossed) {
        follow(v, &to, a);
        return;
    }
    if (a->turn == TURN_CLUSTERDOWN && v->at)
        v->at->down_until_ms = now_of(v->all) + DOWN_PAUSE_MS;
    v->all->events->doubt(v->all->owner, v->at, a->turn);
    park(v, backoff_ms((unsigned)v->hops - 1, FIRST_PAUSE_MS, LONGEST_PAUSE_MS));
}

// A request was applied: those that were sent before it and are not yet applied would come too
// late.
static void refuse_overtaken(struct voyages *all, unsigned hash_slot, uint64_t number) {
    struct turnover *t;
    while ((t = all->map->slots[hash_slot].turnover) && t->first && t->first->number < number)
        fail(unpark(all, t), SLOT_UNSERVED);
}

// Parked voyages go on that waited for the last one at a node.
static void run_if_free(struct voyages *all, unsigned hash_slot) {
    struct turnover *t = all->map->slots[hash_slot].turnover;
    if (!t || !t->first || turnover_is_blocked(t))
        return;
    run_turnover(all, t);
    t = all->map->slots[hash_slot].turnover;
    if (t && t->first && !turnover_is_blocked(t))
        turnovers_wake_at(&all->turnovers, t->first->due_ms);
}

static void on_answered(struct slot *slot, const struct answer *a) {
    struct voyage *v = voyage_of(slot);
    struct voyages *all = v->all;
    unsigned hash_slot = v->hash_slot;
    uint64_t number = v->parked.number;
    if (a->is_doubtful) // the nodes are asked, which know better than a client's script
        all->events->doubt(all->owner, v->at, TURN_ASK);
    if (a->turn != TURN_NONE && !v->is_over) {
        refused(v, a);
    } else {
        struct slot *inner = end(v);
        inner->owner->answered(inner, a);
        if (a->turn == TURN_NONE)
            refuse_overtaken(all, hash_slot, number);
    }
    run_if_free(all, hash_slot);
}

static bool may_repeat(const struct voyage *v, enum slot_failure failure) {
    if (v->all->is_ending || v->parked.until_ms <= now_of(v->all) || v->hops >= MOST_HOPS)
        return false;
    return failure == SLOT_UNSENT ||
           (v->inner->owner->is_read && v->inner->owner->is_read(v->inner));
}

// Others need not wait for a node that hangs: who was told of a timeout may find the request
// applied at any later time.
static void time_out(struct voyage *v) {
    struct voyages *all = v->all;
    unsigned hash_slot = v->hash_slot;
    leave_slot(v);
    v->is_over = v->inner->is_over = true;
    empty(v);
    v->inner->owner->failed(v->inner, SLOT_TIMEOUT);
    run_if_free(all, hash_slot);
}

static void on_failed(struct slot *slot, enum slot_failure failure) {
    struct voyage *v = voyage_of(slot);
    if (failure == SLOT_TIMEOUT) {
        time_out(v);
        return;
    }
    struct voyages *all = v->all;
    unsigned hash_slot = v->hash_slot;
    uint64_t number = v->parked.number;
    if (v->is_over || !may_repeat(v, failure)) {
        fail(v, failure);
        if (failure == SLOT_LOST) // it may have been applied
            refuse_overtaken(all, hash_slot, number);
    } else {
        leave_node(v);
        v->hops++;
        v->is_tossed = false;
        park(v, FIRST_PAUSE_MS);
    }
    run_if_free(all, hash_slot);
}

static const struct slot_owner voyage_owner = {
    .begin = begin_answer, .half = on_half, .answered = on_answered, .failed = on_failed};

// --- begin ------------------------------------------------------------------------------------

static struct voyage *take_unused(struct voyages *all) {
    struct voyage *v = all->unused;
    if (!v) {
        v = mem_new(sizeof(*v));
        v->all = all;
        return v;
    }
    all->unused = v->next;
    struct bytes kept = v->kept;
    *v = (struct voyage){.all = all, .kept = kept};
    return v;
}

// Returns how many bytes the slot's commands have, which are the last in the connection's output.
static size_t written(const struct backend_conn *c, const struct slot *slot) {
    return (size_t)(c->stream.accepted + stream_unread(&c->stream) - slot->sent_at);
}

void voyage_begin(struct voyages *all, struct cluster_node *n, struct slot *slot,
                  unsigned hash_slot) {
    struct backend_conn *c = n->node->conn;
    struct bytes *out = &c->stream.out;
    size_t len = written(c, slot);
    struct voyage *v = take_unused(all);
    v->inner = slot;
    v->at = n;
    v->shape = slot->command;
    v->hash_slot = (uint16_t)hash_slot;
    v->parked.number = ++all->number;
    v->parked.until_ms = now_of(all) + (uint64_t)all->conf->timeout_ms;
    bytes_append(&v->kept, out->data + out->len - len, len);
    all->kept += len;
    state_of(v)->pending++;
    if (state_of(v)->turnover) {
        out->len -= len;
        park(v, 0);
        return;
    }
    v->slot.owner = &voyage_owner;
    v->slot.command = slot->command;
    v->slot.sent_at = slot->sent_at;
    backend_conn_enqueue(c, &v->slot);
}

void voyages_init(struct voyages *v, struct loop *loop, const struct backend_conf *conf,
                  struct cluster_map *map, const struct voyage_events *events, void *owner) {
    v->loop = loop;
    v->conf = conf;
    v->map = map;
    v->events = events;
    v->owner = owner;
    turnovers_init(&v->turnovers, loop, map, on_due);
}

void voyages_end(struct voyages *v) {
    v->is_ending = true;
    while (v->turnovers.parked > 0) {
        struct turnover *t = v->turnovers.first;
        while (!t->first)
            t = t->next;
        fail(unpark(v, t), SLOT_UNSERVED);
    }
}

void voyages_close(struct voyages *v, uv_close_cb on_closed) {
    uv_close((uv_handle_t *)&v->turnovers.timer, on_closed);
}

void voyages_deinit(struct voyages *v) {
    while (v->unused) {
        struct voyage *next = v->unused->next;
        bytes_deinit(&v->unused->kept);
        mem_free(v->unused);
        v->unused = next;
    }
}
