// Voyage: a slot's way through a cluster, until a node answers its commands.
//
//   pushed ─► at a node ──answer─► the slot's owner
//                ▲  └──MOVED, ASK, TRYAGAIN …, or lost before it was applied─┐
//                └───────────────── sent again ◄── parked ◄──────────────────┘
//
// The owner of the slot that was pushed sees none of this: it is called as if one connection had
// answered. A voyage keeps the bytes of its commands until then.
//
// Order. Of two requests of a client for one key, the later must never be applied first. One
// connection keeps their order; a redirect would break it: the first is refused by A and goes on to
// B, and meanwhile the second goes straight to B. So a hash slot that comes to another node while
// requests of it are under way is on the move (turnover.h) until they are answered: new
// requests wait for room (BACKEND_TURNING), and those that are refused are sent again in the order
// in which they were sent first, and only to one node at a time. (The fault, in others:
// github.com/redis/redis/issues/2151, github.com/redis/jedis/issues/1025.)
#pragma once

#include "conf/sections.h"
#include "daemon/backend/cluster_map.h"
#include "daemon/backend/slot.h"
#include "daemon/backend/turnover.h"
#include "daemon/loop/loop.h"
#include "protocol/bytes.h"
#include "protocol/redirect.h"

struct voyage;

// The questions that voyages have for the cluster.
struct voyage_events {
    // Returns the node that `from` has named in a redirect, which is added when it is not known;
    // NULL when nobody can be told.
    struct cluster_node *(*find)(void *owner, struct cluster_node *from, const struct redirect *to);
    // `n` has refused a request, or has lost it: the daemon's map of the cluster may be wrong.
    void (*doubt)(void *owner, struct cluster_node *n, enum turn turn);
    // `n` has said that the right node is itself: its address may mean another server by now.
    void (*named_itself)(void *owner, struct cluster_node *n);
    // The nodes have sent a request to and fro until its time was over.
    void (*disagreed)(void *owner, unsigned hash_slot);
};

struct voyages {
    struct loop *loop;
    const struct backend_conf *conf;
    struct cluster_map *map;
    const struct voyage_events *events;
    void *owner;
    struct voyage *unused; // a list
    struct turnovers turnovers;
    bool is_ending;         // nothing is sent again
    uint64_t number;        // of the last voyage
    size_t kept, most_kept; // bytes of commands that are kept
    uint64_t moved, asked;  // counters: redirects that were followed
    uint64_t again;         // voyages that were sent again for another reason
    uint64_t disagreed;     // voyages that were given up
};

// `most_kept` is 0 until the owner sets it.
void voyages_init(struct voyages *v, struct loop *loop, const struct backend_conf *conf,
                  struct cluster_map *map, const struct voyage_events *events, void *owner);

// Begins the voyage of a slot whose commands have just been written to the node's connection, and
// are the last in its output. If the hash slot is on the move, the commands are taken back.
void voyage_begin(struct voyages *v, struct cluster_node *n, struct slot *slot, unsigned hash_slot);

// To be called when the hash slot has come to another node.
void voyages_turned(struct voyages *v, unsigned hash_slot);

// To be called when a node has a connection again: voyages parked for it go on.
void voyages_run(struct voyages *v);

// Fails all that is parked; whatever fails from now on is not sent again.
void voyages_end(struct voyages *v);
// Closes the timer. `on_closed` is called later; then voyages_deinit() may be.
void voyages_close(struct voyages *v, uv_close_cb on_closed);
void voyages_deinit(struct voyages *v);
