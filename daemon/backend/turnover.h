// Turnover: a hash slot on the move, from the moment when it comes to another node, or when a
// request of it is refused, until all requests under way then are answered (voyage.h says why).
//
// Its requests are at a node, or parked in the order of their numbers.
#pragma once

#include "daemon/backend/cluster_map.h"
#include "daemon/loop/loop.h"

// A request that waits to be sent again. Its owner embeds it.
struct parked {
    struct parked *next;
    uint64_t number;   // in the order in which requests were sent first
    uint64_t due_ms;   // in the loop's time: it may be sent again then
    uint64_t until_ms; // it is not sent again after that
};

struct turnover {
    struct turnover *next; // in turnovers->first
    unsigned hash_slot;
    struct cluster_node *node; // to which requests were sent again, `again` of which are there yet
    size_t again;
    size_t before; // requests at a node that were sent there before the slot was on the move
    struct parked *first, *last;
};

struct turnovers {
    struct loop *loop;
    struct cluster_map *map;
    struct turnover *first; // a list
    uv_timer_t timer;
    uint64_t due_ms; // when the timer runs out, in the loop's time; UINT64_MAX: it does not run
    void (*on_due)(struct turnovers *all);
    size_t held, parked; // slots on the move, and parked requests
};

// `on_due` is called when a parked request is due.
void turnovers_init(struct turnovers *all, struct loop *loop, struct cluster_map *map,
                    void (*on_due)(struct turnovers *all));

// Sets the timer for the next parked request.
void turnovers_arm(struct turnovers *all);
void turnovers_wake_at(struct turnovers *all, uint64_t due_ms);

// Returns the turnover of the slot, which begins unless it is there. `away`: how many of the slot's
// pending requests are at no node.
struct turnover *turnover_begin(struct turnovers *all, unsigned hash_slot, size_t away);

// Ends the turnover, in which nothing may be parked.
void turnover_end(struct turnovers *all, struct turnover *t);

// Parks the request, which comes due after about `pause_ms`.
void turnover_park(struct turnovers *all, struct turnover *t, struct parked *p, uint64_t pause_ms);

// Takes the first parked request, of which there must be one, out.
struct parked *turnover_unpark(struct turnovers *all, struct turnover *t);

// Returns whether requests of the slot are at a node. The parked ones wait for their answers: a
// request that was sent later may be among them, and be applied first.
static inline bool turnover_is_blocked(const struct turnover *t) {
    return t->again > 0 || t->before > 0;
}

// Returns whether a request may be sent to the node without overtaking one that was sent before it.
static inline bool turnover_may_go(const struct turnover *t, const struct cluster_node *n) {
    return !t->first && (t->again == 0 || t->node == n);
}
