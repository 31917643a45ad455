// Pulse: asks a node of a cluster whether it sees the cluster well.
//
// A master that is cut off from the others goes on to answer PING, and to tell of changes of keys
// that nobody changes any more; only CLUSTER INFO says so.
#pragma once

#include "daemon/backend/cluster_map.h"
#include "daemon/loop/loop.h"

// Sends the question to the node, which must have a connection, unless the last one is unanswered.
// `n->ok_ms` becomes the moment of the question, or 0 when the node does not say that all is well.
void pulse_ask(struct cluster_node *n, struct loop *loop);

// To be called when the node is removed: an answer that is still to come changes nothing any more.
void pulse_forget(struct cluster_node *n);
