#include "daemon/backend/cluster.h"

#include <inttypes.h>
#include <stdio.h>

#include "conf/sections.h"
#include "conf/uri.h"
#include "conf/url.h"
#include "daemon/backend/backend.h"
#include "daemon/backend/cluster_map.h"
#include "daemon/backend/conn.h"
#include "daemon/backend/members.h"
#include "daemon/backend/node.h"
#include "daemon/backend/pulse.h"
#include "daemon/backend/room.h"
#include "daemon/backend/slot.h"
#include "daemon/backend/topology.h"
#include "daemon/backend/voyage.h"
#include "daemon/loop/complaint.h"
#include "daemon/loop/endpoint.h"
#include "daemon/loop/log.h"
#include "daemon/loop/log_event.h"
#include "daemon/loop/loop.h"
#include "daemon/near/source.h"
#include "daemon/near/tracker.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/command.h"
#include "protocol/hash_slot.h"
#include "protocol/mem.h"
#include "protocol/redirect.h"
#include "protocol/slots_reply.h"

enum {
    SETTLE_FAILURES = 2,
    UNLISTED_TABLES = 2, // a node without slots in so many tables running is let go
    DOWN_PAUSE_MS = 50,
    PULSE_MS = 1000,
    HURRY_MS = 30000, // for so long new owners of slots are looked for often
    TURN_SHIFT = 34,  // an epoch of the near cache holds the tracker's epoch, and the slot's turn
};

struct cluster {
    struct backend *backend;
    struct members members;
    struct voyages voyages;
    struct topology topology;
    uv_timer_t pulse;          // while changes of keys are followed
    uv_timer_t down;           // until a node that said CLUSTERDOWN may be asked again
    unsigned picked;           // the hash slot of the next slot that is pushed
    struct near_source source; // the last answer of source()
    unsigned handles;          // that libuv still holds
    char reason[CONN_REASON_SIZE];
    uint64_t since_ms; // when `health` began, in the loop's time
    enum backend_health health;
};

static struct cluster *cluster_of(const struct backend *b) { return b->parts; }

static uint64_t now_of(const struct cluster *c) { return loop_now(c->backend->loop); }

static void complain(struct cluster *c, enum log_event event, struct log_value value) {
    const struct backend *b = c->backend;
    complaints_add(b->loop->complaints, &b->loop->log, now_of(c), event,
                   &LOG_VALUES(log_text(FIELD_BACKEND, b->conf->name), value));
}

// --- nodes ------------------------------------------------------------------------------------

static void remove_node(struct cluster *c, struct cluster_node *n) {
    topology_forget(&c->topology, n);
    members_remove(&c->members, n);
}

// --- health -----------------------------------------------------------------------------------

static void weigh(struct cluster *c) {
    uint32_t slots = members_slots_up(&c->members);
    enum backend_health health = slots == HASH_SLOTS                    ? BACKEND_WELL
                                 : slots > 0                            ? BACKEND_PARTLY
                                 : c->topology.idle == 0 && !*c->reason ? BACKEND_CONNECTING
                                                                        : BACKEND_LOST;
    if (health != c->health || c->since_ms == 0)
        c->since_ms = now_of(c);
    c->health = health;
    if (health == BACKEND_PARTLY)
        snprintf(c->reason, sizeof(c->reason), "%" PRIu32 " of %d slots have no node that serves",
                 HASH_SLOTS - slots, HASH_SLOTS);
    else if (health == BACKEND_WELL)
        *c->reason = '\0';
}

static void judge(const struct backend *b, struct backend_state *state) {
    struct cluster *c = cluster_of(b);
    weigh(c);
    *state = (struct backend_state){c->health, *c->reason ? c->reason : NULL, c->since_ms};
}

// --- what nodes tell --------------------------------------------------------------------------

static void on_up(void *owner, struct node *node) {
    struct backend *b = owner;
    struct cluster *c = cluster_of(b);
    struct cluster_node *n = member_of(node);
    b->is_restless = b->is_restless || node->former;
    if (n->slots == 0 && members_has_twin(&c->members, n)) {
        *n->id = '\0';
        n->unlisted = UNLISTED_TABLES; // it goes with the next table
        return;
    }
    if (!c->topology.has_table || n->slots > 0)
        topology_want(&c->topology, n);
    voyages_run(&c->voyages);
}

static void on_lost(void *owner, struct node *node, bool was_up) {
    struct backend *b = owner;
    struct cluster *c = cluster_of(b);
    if (was_up || !c->topology.has_table)
        topology_want(&c->topology, NULL);
    if (members_have_failed(&c->members, SETTLE_FAILURES)) {
        snprintf(c->reason, sizeof(c->reason), "%.*s", (int)sizeof(c->reason) - 1, node->reason);
        backend_settle(b);
    }
}

// Refusals that a voyage follows are no faults.
static void on_fault(void *owner, struct node *node, const struct answer *answer) {
    if (answer->turn == TURN_NONE)
        backend_note_answer(owner, node, answer);
}

static void carry(void *owner, struct node *node, struct slot *slot) {
    struct cluster *c = cluster_of(owner);
    voyage_begin(&c->voyages, member_of(node), slot, c->picked);
}

static const struct node_events node_events = {.on_up = on_up,
                                               .on_lost = on_lost,
                                               .on_fault = on_fault,
                                               .carry = carry,
                                               .introduction = &members_introduction};

// --- what the topology asks and tells ---------------------------------------------------------

// While no node is there, the seeds are asked: their names are looked up anew each time.
static struct cluster_node *choose(void *owner, const struct cluster_node * not ) {
    struct cluster *c = owner;
    struct cluster_node *n = members_choose(&c->members, not, !c->topology.has_table);
    if (!n)
        members_add_seeds(&c->members);
    return n;
}

static struct cluster_node *list(void *owner, const struct cluster_node *from,
                                 const struct slots_range *listed) {
    struct cluster *c = owner;
    return members_list(&c->members, from, listed);
}

// Lets go of nodes that serve no slot any more, and has those followed that do.
static void visit_nodes(struct cluster *c) {
    static const struct prefixes no_prefixes;
    bool is_any_unlisted = false;
    struct cluster_node *n;
    for (unsigned at = 0; (n = cluster_map_next(&c->members.map, &at));) {
        n->unlisted = n->slots > 0 ? 0 : n->unlisted + 1;
        node_track(n->node, n->slots > 0 ? &c->backend->prefixes : &no_prefixes);
        if (n->unlisted >= UNLISTED_TABLES && node_pending(n->node) == 0) {
            log_tell(&c->backend->loop->log, LOG_NODE_LEFT,
                     log_text(FIELD_BACKEND, c->backend->conf->name),
                     log_text(FIELD_NODE, n->node->name));
            remove_node(c, n);
        } else {
            is_any_unlisted = is_any_unlisted || n->unlisted > 0;
        }
    }
    if (is_any_unlisted)
        topology_want(&c->topology, NULL);
}

// While some slots have no node that is up, another may take them over at any time: the topology is
// asked for on and on, and often at first.
static bool is_awaited(struct cluster *c) {
    if (members_slots_up(&c->members) == HASH_SLOTS)
        return false;
    topology_want(&c->topology, NULL);
    return now_of(c) < c->since_ms + HURRY_MS;
}

static bool take(void *owner, const uint16_t *owners) {
    struct cluster *c = owner;
    bool is_new = false;
    for (unsigned i = 0; i < HASH_SLOTS; i++) {
        bool has_node = owners[i] != CLUSTER_NO_NODE;
        if (!cluster_map_give(&c->members.map, i,
                              has_node ? c->members.map.nodes[owners[i]] : NULL))
            continue;
        voyages_turned(&c->voyages, i);
        is_new = true;
    }
    visit_nodes(c);
    weigh(c);
    backend_settle(c->backend);
    return is_awaited(c) || is_new;
}

static void unknown(void *owner, const char *why) {
    struct cluster *c = owner;
    snprintf(c->reason, sizeof(c->reason), "%s", why);
    complain(c, LOG_CLUSTER_UNKNOWN, log_text(FIELD_REASON, why));
    backend_settle(c->backend);
}

static void told_state(void *owner, struct cluster_node *from, bool is_ok, uint64_t asked_ms) {
    (void)owner;
    from->ok_ms = is_ok ? asked_ms : 0;
    if (is_ok)
        from->down_until_ms = 0;
}

static const struct topology_events topology_events = {
    .choose = choose, .list = list, .take = take, .unknown = unknown, .told_state = told_state};

// --- what voyages ask and tell ----------------------------------------------------------------

static struct cluster_node *find(void *owner, struct cluster_node *from,
                                 const struct redirect *to) {
    struct cluster *c = owner;
    return members_find(&c->members, from, to);
}

static void on_down_over(uv_timer_t *timer) { (void)timer; } // waiters look in each turn

static void doubt(void *owner, struct cluster_node *n, enum turn turn) {
    struct cluster *c = owner;
    if (turn == TURN_TRYAGAIN || turn == TURN_LOADING)
        return;
    topology_want(&c->topology, turn == TURN_MOVED ? n : NULL);
    if (turn == TURN_CLUSTERDOWN)
        uv_timer_start(&c->down, on_down_over, DOWN_PAUSE_MS + 1, 0);
}

static void named_itself(void *owner, struct cluster_node *n) {
    (void)owner;
    node_renew(n->node);
}

static void disagreed(void *owner, unsigned hash_slot) {
    complain(owner, LOG_CLUSTER_DISAGREES, log_number(FIELD_NUMBER, hash_slot));
}

static const struct voyage_events voyage_events = {
    .find = find, .doubt = doubt, .named_itself = named_itself, .disagreed = disagreed};

// --- the near cache ---------------------------------------------------------------------------

static void on_pulse(uv_timer_t *timer) {
    struct cluster *c = CONTAINER_OF(timer, struct cluster, pulse);
    struct cluster_node *n;
    for (unsigned at = 0; (n = cluster_map_next(&c->members.map, &at));)
        if (n->slots > 0 && n->node->is_up)
            pulse_ask(n, c->backend->loop);
}

static void tracked(struct backend *b) {
    struct cluster *c = cluster_of(b);
    c->topology.is_quick = b->prefixes.count > 0;
    if (!c->topology.is_quick) {
        uv_timer_stop(&c->pulse);
        return;
    }
    uv_timer_start(&c->pulse, on_pulse, 0, PULSE_MS);
    topology_want(&c->topology, NULL);
}

// A kept answer is as good as the word of the key's node, which must tell of changes, see the
// cluster well, and still have the slot.
static const struct near_source *source(struct backend *b, unsigned hash_slot) {
    struct cluster *c = cluster_of(b);
    const struct cluster_node *n = cluster_map_owner(&c->members.map, hash_slot);
    const struct slot_state *s = &c->members.map.slots[hash_slot];
    if (b->prefixes.count == 0)
        return NULL;
    c->source.epoch = (uint64_t)s->turn << TURN_SHIFT;
    c->source.is_live = false;
    if (!n || !n->node->tracker)
        return &c->source;
    const struct near_source *own = &n->node->tracker->source;
    c->source.epoch += own->epoch;
    c->source.is_live = own->is_live;
    c->source.proven_ms =
        loop_earlier(own->proven_ms, loop_earlier(n->ok_ms, c->topology.proven_ms));
    return &c->source;
}

// --- room -------------------------------------------------------------------------------------

static unsigned hash_slot_of(struct split_key key) { return hash_slot(key.prefix, key.rest); }

static enum backend_room room_at(struct cluster *c, const struct cluster_node *n,
                                 const struct slot_state *s) {
    struct backend *b = c->backend;
    enum backend_room room = node_room(n->node, b->most_output);
    if (room == BACKEND_DOWN) {
        topology_want(&c->topology, NULL);
        return BACKEND_UNSERVED;
    }
    if (s->turnover || n->down_until_ms > now_of(c))
        return BACKEND_TURNING;
    bool is_full = c->voyages.kept >= b->most_output || s->pending >= CLUSTER_MOST_PENDING;
    return is_full ? BACKEND_FULL : room;
}

static struct backend_conn *pick(struct backend *b, unsigned hash_slot, enum backend_room *room) {
    struct cluster *c = cluster_of(b);
    const struct cluster_node *n = cluster_map_owner(&c->members.map, hash_slot);
    c->picked = hash_slot;
    if (!n) {
        *room = !c->topology.has_table && !b->is_settled ? BACKEND_STARTING
                : c->topology.has_table                  ? BACKEND_UNSERVED
                                                         : BACKEND_DOWN;
        topology_want(&c->topology, NULL);
        return NULL;
    }
    *room = b->is_stopping ? BACKEND_DOWN : room_at(c, n, &c->members.map.slots[hash_slot]);
    return backend_room_is_refused(*room) ? NULL : n->node->conn;
}

static void wake(struct backend *b) {
    struct cluster *c = cluster_of(b);
    const struct cluster_node *n;
    b->is_restless = false;
    for (unsigned at = 0; (n = cluster_map_next(&c->members.map, &at));) {
        node_wake(n->node);
        b->is_restless = b->is_restless || n->node->former;
    }
}

// --- life -------------------------------------------------------------------------------------

static void start(struct backend *b, const char *path) {
    struct cluster *c = b->parts = mem_new(sizeof(*c));
    (void)path;
    c->backend = b;
    c->handles = 4; // timers
    c->members.family = &b->family;
    c->source.salt = tracker_salt(b->conf);
    cluster_map_init(&c->members.map);
    voyages_init(&c->voyages, b->loop, b->conf, &c->members.map, &voyage_events, c);
    topology_init(&c->topology, b->loop, &topology_events, c);
    uv_timer_init(&b->loop->uv, &c->pulse);
    uv_timer_init(&b->loop->uv, &c->down);
    members_add_seeds(&c->members);
    weigh(c);
    topology_want(&c->topology, NULL);
}

static void stop(struct backend *b) {
    struct cluster *c = cluster_of(b);
    const struct cluster_node *n;
    c->voyages.is_ending = true;
    topology_end(&c->topology);
    for (unsigned at = 0; (n = cluster_map_next(&c->members.map, &at));)
        node_stop(n->node);
    voyages_end(&c->voyages);
}

static void let_go(struct cluster *c) {
    if (--c->handles > 0)
        return;
    voyages_deinit(&c->voyages);
    cluster_map_deinit(&c->members.map);
    mem_free(c);
}

static void on_pulse_closed(uv_handle_t *timer) {
    let_go(CONTAINER_OF(timer, struct cluster, pulse));
}

static void on_down_closed(uv_handle_t *timer) {
    let_go(CONTAINER_OF(timer, struct cluster, down));
}

static void on_voyages_closed(uv_handle_t *timer) {
    let_go(CONTAINER_OF(timer, struct cluster, voyages.turnovers.timer));
}

static void on_topology_closed(uv_handle_t *timer) {
    let_go(CONTAINER_OF(timer, struct cluster, topology.timer));
}

static void free_parts(struct backend *b) {
    struct cluster *c = cluster_of(b);
    struct cluster_node *n;
    for (unsigned at = 0; (n = cluster_map_next(&c->members.map, &at));)
        remove_node(c, n);
    voyages_close(&c->voyages, on_voyages_closed);
    topology_close(&c->topology, on_topology_closed);
    uv_close((uv_handle_t *)&c->pulse, on_pulse_closed);
    uv_close((uv_handle_t *)&c->down, on_down_closed);
}

// --- reports ----------------------------------------------------------------------------------

static bool is_serving(const struct cluster_node *n) { return n->slots > 0; }

static struct node *node_at(const struct backend *b, unsigned number) {
    const struct cluster_node *n = cluster_of(b)->members.map.nodes[number];
    return n && is_serving(n) ? n->node : NULL;
}

static struct node *node_of(const struct backend *b, unsigned hash_slot) {
    const struct cluster_node *n = cluster_map_owner(&cluster_of(b)->members.map, hash_slot);
    return n ? n->node : NULL;
}

static void count(const struct backend *b, struct route_counters *sum) {
    const struct voyages *v = &cluster_of(b)->voyages;
    sum->moved += v->moved;
    sum->asked += v->asked;
    sum->again += v->again;
    sum->disagreed += v->disagreed;
    sum->refreshes += cluster_of(b)->topology.refreshes;
}

static void append_node(const struct backend *b, const struct cluster_node *n, struct bytes *line) {
    bytes_append_literal(line, "\nnode=");
    uri_append_host(line, n->node->server.host, n->node->server.port);
    bytes_printf(line, " of=%s id=%.8s state=%s slots=%" PRIu32 " pending=%zu failures=%u",
                 b->conf->name, *n->id ? n->id : "unknown",
                 n->node->is_up          ? "up"
                 : n->node->failures > 0 ? "down"
                                         : "connecting",
                 n->slots, node_pending(n->node), n->node->failures);
    if (n->node->tracker)
        bytes_printf(line, " tracking=%s",
                     near_source_is_live(&n->node->tracker->source, loop_now(b->loop)) ? "live"
                                                                                       : "down");
}

static void append_state(const struct backend *b, struct bytes *line) {
    const struct cluster *c = cluster_of(b);
    struct route_counters sum = {0};
    const struct cluster_node *n;
    unsigned nodes = 0, up = 0;
    for (unsigned at = 0; (n = cluster_map_next(&c->members.map, &at));) {
        nodes += is_serving(n);
        up += is_serving(n) && n->node->is_up;
    }
    count(b, &sum);
    bytes_printf(line,
                 " nodes=%u/%u slots=%" PRIu32 " held=%zu parked=%zu moved=%" PRIu64
                 " asked=%" PRIu64 " again=%" PRIu64 " disagreed=%" PRIu64 " refreshes=%" PRIu64
                 " kept=%zu",
                 up, nodes, members_slots_up(&c->members), c->voyages.turnovers.held,
                 c->voyages.turnovers.parked, sum.moved, sum.asked, sum.again, sum.disagreed,
                 sum.refreshes, c->voyages.kept);
    for (unsigned at = 0; (n = cluster_map_next(&c->members.map, &at));)
        if (is_serving(n))
            append_node(b, n, line);
}

static unsigned node_most(const struct backend *b) { return cluster_of(b)->members.map.node_most; }

static uint64_t turns(const struct backend *b) { return cluster_of(b)->members.map.turns; }

const struct route route_cluster = {.events = &node_events,
                                    .start = start,
                                    .stop = stop,
                                    .free = free_parts,
                                    .hash_slot = hash_slot_of,
                                    .pick = pick,
                                    .source = source,
                                    .node_at = node_at,
                                    .node_of = node_of,
                                    .node_most = node_most,
                                    .turns = turns,
                                    .count = count,
                                    .append_state = append_state,
                                    .tracked = tracked,
                                    .judge = judge,
                                    .wake = wake};
