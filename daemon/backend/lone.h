// Lone: the part that the routes of one server at a time have in common.
//
// `parts` of a backend with such a route begins with a struct lone. These functions are those of
// struct route of the same names, unless they say otherwise.
#pragma once

#include "daemon/backend/backend.h"
#include "daemon/backend/conn.h"
#include "daemon/backend/node.h"
#include "daemon/backend/room.h"
#include "daemon/near/source.h"

struct lone {
    struct node *node; // NULL: the server is not known yet
};

// For on_up() and on_lost() of struct node_events.
void lone_note_up(struct backend *b, struct node *node);
void lone_note_lost(struct backend *b, struct node *node);

struct backend_conn *lone_pick(struct backend *b, unsigned hash_slot, enum backend_room *room);
const struct near_source *lone_source(struct backend *b, unsigned hash_slot);
struct node *lone_node_at(const struct backend *b, unsigned number);
struct node *lone_node_of(const struct backend *b, unsigned hash_slot);
unsigned lone_node_most(const struct backend *b);
void lone_tracked(struct backend *b);
void lone_judge(const struct backend *b, struct backend_state *state);
void lone_wake(struct backend *b);
