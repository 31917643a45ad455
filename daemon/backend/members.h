// Members: the nodes of a cluster that the daemon is connected to, and how they are found.
//
// A node is known by its id, and by its address in either form, as a name and as a number, because
// the nodes of one cluster may use both.
#pragma once

#include "daemon/backend/cluster_map.h"
#include "daemon/backend/conn.h"
#include "daemon/backend/node.h"
#include "protocol/bytes.h"
#include "protocol/redirect.h"
#include "protocol/slots_reply.h"

struct members {
    struct cluster_map map;
    const struct node_family *family;
    unsigned asked; // the number of the node that members_choose() returned last
};

// The question CLUSTER MYID, for struct node_events: each node's id becomes known, and an address
// that has come to another node is not used.
extern const struct introduction members_introduction;

static inline struct cluster_node *member_of(const struct node *node) { return node->tag; }

// Connects to the nodes that the configuration names, unless they are members already.
void members_add_seeds(struct members *m);

// Closes the node's connection, whose requests fail, and forgets the node with its slots.
void members_remove(struct members *m, struct cluster_node *n);

// Returns the node that a table of slots lists, as `from` tells it: a new one when it is not known.
// NULL: there are too many nodes.
struct cluster_node *members_list(struct members *m, const struct cluster_node *from,
                                  const struct slots_range *listed);

// Returns the node that `from` has named in a redirect: a new one when it is not known. NULL: there
// are too many nodes.
struct cluster_node *members_find(struct members *m, const struct cluster_node *from,
                                  const struct redirect *to);

// Returns the next node that has a connection, another than `not` if there is one; NULL: none.
// Nodes without slots are chosen only with `is_any`.
struct cluster_node *members_choose(struct members *m, const struct cluster_node * not,
                                    bool is_any);

// Returns how many slots have a node that is up.
uint32_t members_slots_up(const struct members *m);

// Returns whether each node has failed to connect so many times in a row.
bool members_have_failed(const struct members *m, unsigned failures);

// Returns whether another member has the same id, and slots: then they are one.
bool members_has_twin(const struct members *m, const struct cluster_node *n);
