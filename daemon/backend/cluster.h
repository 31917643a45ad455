// Cluster: the route to a Redis Cluster (redis+cluster://), whose nodes share the keys by hash
// slot.
//
// The map (cluster_map.h) tells which node serves a key; the topology (topology.h) keeps the map up
// to date; voyages (voyage.h) follow the redirects of single requests. A node is known by its id,
// and by its address in either form, as a name and as a number, because the nodes of one cluster
// may use both.
#pragma once

#include "daemon/backend/route.h"

extern const struct route route_cluster;
