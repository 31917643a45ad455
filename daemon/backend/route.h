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

// The counters of all backends that `stats` shows; nothing but counters of 64 bits.
struct route_counters {
    uint64_t switches;         // how often another server has become the master
    uint64_t moved, asked;     // requests that a redirect has sent to another node
    uint64_t again, disagreed; // sent again for another reason, and given up
    uint64_t refreshes;        // questions about the nodes of a cluster
};

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
    // Returns one of the servers that have keys of their own, by its number from 0 to node_most -
    // 1; NULL: none has that number now. A server keeps its number as long as it is there.
    struct node *(*node_at)(const struct backend *b, unsigned number);
    unsigned (*node_most)(const struct backend *b);
    // Returns the server that has the keys of the hash slot; NULL: none.
    struct node *(*node_of)(const struct backend *b, unsigned hash_slot);
    // Returns how often a hash slot has come to another node; NULL: never.
    uint64_t (*turns)(const struct backend *b);
    // The nodes have new trackers, or none any more.
    void (*tracked)(struct backend *b);
    // Fills in state->health , reason and time by the nodes.
    void (*judge)(const struct backend *b, struct backend_state *state);
    // To be called once a turn of the loop.
    void (*wake)(struct backend *b);
    // Adds its counters; NULL: it has none.
    void (*count)(const struct backend *b, struct route_counters *sum);
    // Appends further name=value pairs for the verb `backends`, as this worker sees them, each
    // behind a space; NULL: there are none.
    void (*append_state)(const struct backend *b, struct bytes *line);
};
