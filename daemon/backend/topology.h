// Topology: asks the nodes of a cluster who serves which slots, and whether the cluster is well.
//
// This is the only place that decides when to ask and whom: one question is under way at a time,
// none begins sooner than 100 ms after the last, and later where the last ones brought nothing new.
// So neither a thousand redirects nor a dead node makes a storm of questions.
#pragma once

#include "conf/sections.h"
#include "daemon/backend/cluster_map.h"
#include "daemon/backend/slot.h"
#include "daemon/loop/loop.h"
#include "protocol/bytes.h"
#include "protocol/cluster_info.h"
#include "protocol/slots_reply.h"

struct topology_events {
    // Returns a node that has a connection and may be asked, other than `not`; NULL: none.
    struct cluster_node *(*choose)(void *owner, const struct cluster_node * not );
    // Returns the node that a range of a table lists, which is added when it is not known; NULL
    // when it cannot be added. `from` is the node that was asked.
    struct cluster_node *(*list)(void *owner, const struct cluster_node *from,
                                 const struct slots_range *listed);
    // The table is accepted: owners[slot] is the number of a node, or CLUSTER_NO_NODE. Returns
    // whether it brings anything new.
    bool (*take)(void *owner, const uint16_t *owners);
    // A node gives no table, for this reason.
    void (*unknown)(void *owner, const char *why);
    // The node has told the state of the cluster, as it sees it.
    void (*told_state)(void *owner, struct cluster_node *from, bool is_ok, uint64_t asked_ms);
};

struct topology {
    struct loop *loop;
    const struct topology_events *events;
    void *owner;
    uv_timer_t timer;
    struct topology_question *question; // under way; NULL: none
    struct cluster_node *whom;          // to be asked next; NULL: any
    const struct cluster_node * not ;   // was asked last, and did not help
    bool is_wanted;                     // an answer is needed before the period is over
    bool is_quick;                      // the near cache needs an answer each second
    bool is_ending;
    uint64_t began_ms;  // when the last question began, in the loop's time
    uint64_t proven_ms; // when the last question began whose table was accepted
    unsigned idle;      // how many tables in a row brought nothing new
    uint64_t epoch;     // of the last table that was accepted
    unsigned olds;      // how many tables in a row were older than that
    bool has_table;
    size_t served;      // hash slots that have a node in that table
    uint64_t gap_ms;    // when a table first had fewer, in the loop's time; 0: the last one has not
    uint64_t refreshes; // counter: questions
};

void topology_init(struct topology *t, struct loop *loop, const struct topology_events *events,
                   void *owner);

// Asks as soon as the policy allows, and `whom` if that node has a connection then; NULL: any.
void topology_want(struct topology *t, struct cluster_node *whom);

// To be called when a node is about to be removed.
void topology_forget(struct topology *t, const struct cluster_node *n);

void topology_end(struct topology *t);
// Closes the timer; `on_closed` is called later.
void topology_close(struct topology *t, uv_close_cb on_closed);
