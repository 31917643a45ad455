// Scan place: the server of a cluster that a step of `scan` looks at, by the cursor.
//
//   0 ─► the first server … HOST:PORT/5 ─► the same server … HOST:PORT/0 ─► the next … ─► 0
//
// The servers are taken in the order of their addresses, which is the same for all workers, so a
// client may go on at any of them.
#pragma once

#include "daemon/backend/backend.h"
#include "daemon/backend/node.h"
#include "daemon/backend/room.h"
#include "daemon/request/admit.h"
#include "daemon/request/request.h"
#include "protocol/call.h"
#include "protocol/syntax.h"

// Returns whether the request goes to the server that its cursor names.
static inline bool scan_place_is_for(const struct backend *b, const struct admission *a) {
    return b->hash_slot_of && a->entry->signature.has_kinds & 1U << ARG_PLACE;
}

// Returns the server with that number in the order of the addresses; NULL: there are not as many.
struct node *scan_place_at(const struct backend *b, uint64_t number);

// Sends the step, or refuses it: its client does not wait for room. The request may have ended, and
// be freed, when the function returns.
void scan_place_start(struct request *r, const struct call *call);
