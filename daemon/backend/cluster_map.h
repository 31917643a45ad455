// Cluster map: which node of a cluster serves which hash slot, as far as the daemon knows.
//
// Each node has a number, which it keeps as long as it is in the map. The map holds no connection
// and asks nobody.
#pragma once

#include "protocol/bytes.h"
#include "protocol/hash_slot.h"

struct node;
struct pulse;
struct turnover;

enum { CLUSTER_NO_NODE = UINT16_MAX, CLUSTER_MOST_PENDING = 1 << 23, CLUSTER_ID_SIZE = 41 };

struct cluster_node {
    struct node *node;
    uint16_t number;
    char id[CLUSTER_ID_SIZE]; // ""; not known yet
    char *ip;                 // another form of its host; NULL: none
    uint32_t slots;           // that it serves
    unsigned unlisted;        // in how many tables in a row it had no slot
    struct pulse *pulse;      // the question to it whether the cluster is well; NULL: none
    uint64_t ok_ms;         // when the last one was asked to which it said yes, in the loop's time
    uint64_t down_until_ms; // it has said that the cluster is down, and is left alone until then
};

struct slot_state {
    struct turnover *turnover; // the slot is on the move; NULL: new requests may be sent
    uint64_t node : 16;        // the number of its node, or CLUSTER_NO_NODE
    uint64_t pending : 24;     // requests under way
    uint64_t turn : 24;        // how often the slot has come to another node
};

struct cluster_map {
    struct slot_state slots[HASH_SLOTS];
    struct cluster_node **nodes; // by number; NULL: none has that number
    unsigned node_most;          // numbers below it may be in use
    uint64_t turns;              // of all slots
};

void cluster_map_init(struct cluster_map *m);
// Frees the memory of the map, in which there must be no nodes any more.
void cluster_map_deinit(struct cluster_map *m);

// Puts a node into the map. `ip` may be NULL, or is copied. Returns NULL when there are too many.
struct cluster_node *cluster_map_add(struct cluster_map *m, struct node *node, const char *ip);
// Takes a node out of the map, with all its slots.
void cluster_map_remove(struct cluster_map *m, struct cluster_node *n);

// Returns the node with the id; or, when none has it, the one at the address, in either form, whose
// id is not known or not asked for (`id` is empty). NULL: none. The texts may be empty.
struct cluster_node *cluster_map_find(const struct cluster_map *m, struct slice id,
                                      struct slice host, struct slice ip, int port);

// Returns the node at the address, whatever its id; NULL: none.
struct cluster_node *cluster_map_find_at(const struct cluster_map *m, struct slice host, int port);

// Returns whether the node's address is this one, in either form.
bool cluster_map_is_at(const struct cluster_node *n, struct slice host, struct slice ip, int port);

// Gives the slot to a node; NULL: to none. Returns whether the slot had another one.
bool cluster_map_give(struct cluster_map *m, unsigned hash_slot, struct cluster_node *n);

static inline struct cluster_node *cluster_map_owner(const struct cluster_map *m,
                                                     unsigned hash_slot) {
    uint16_t number = m->slots[hash_slot].node;
    return number == CLUSTER_NO_NODE ? NULL : m->nodes[number];
}

// Returns the node with the least number from *at on, and puts the number behind it into *at; NULL:
// there is none. The node that was returned last may be taken out of the map meanwhile.
static inline struct cluster_node *cluster_map_next(const struct cluster_map *m, unsigned *at) {
    while (*at < m->node_most) {
        struct cluster_node *n = m->nodes[(*at)++];
        if (n)
            return n;
    }
    return NULL;
}
