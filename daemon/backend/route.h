// Route: the table of calls by which a kind of backend finds its servers.
//
// Requests to a backend of one server, while that is up, need none of these calls: backend_pick()
// and backend_source() find all they need in struct backend.
#pragma once

#include "daemon/backend/conn.h"
#include "daemon/backend/node.h"
#include "daemon/backend/room.h"
#include "daemon/near/source.h"
#include "daemon/near/tracker.h"
#include "protocol/bytes.h"
#include "protocol/call.h"

struct backend;
struct backend_state;

struct route {
    const struct node_events *events; // whose owner is the backend
    // Makes the nodes, and begins to connect. `path` as for backend_new().
    void (*start)(struct backend *b, const char *path);
    // Fails all requests under way, and takes no more.
    void (*stop)(struct backend *b);
    // Called once, after stop(): closes and frees what start() made.
    void (*free)(struct backend *b);
    // Returns the hash slot of a key. NULL: one server has all keys, and each key's slot is 0.
    unsigned (*hash_slot)(struct split_key key);
    // As backend_pick(), for all cases.
    struct backend_conn *(*pick)(struct backend *b, unsigned hash_slot, enum backend_room *room);
    // As backend_source(), for all cases.
    const struct near_source *(*source)(struct backend *b, unsigned hash_slot);
    // Calls `visit` for each server that has keys of its own.
    void (*each_node)(const struct backend *b, void (*visit)(struct node *node, void *context),
                      void *context);
    // The nodes have new trackers, or none any more.
    void (*tracked)(struct backend *b);
    // Fills in state->health , reason and time by the nodes.
    void (*judge)(const struct backend *b, struct backend_state *state);
    // To be called once a turn of the loop.
    void (*wake)(struct backend *b);
    // Appends further name=value pairs for the verb `backends`; NULL: there are none.
    void (*append_state)(const struct backend *b, struct bytes *line);
};
