// Fanout: a request of several keys at a backend whose keys lie on several servers.
//
//   request ─┬─► part: a command about its first key alone ──► answer ─┐
//            ├─► part: …                                               ├─► join ─► reply
//            └─► part: a command about its last key alone ──► answer ──┘
//
// The parts are not atomic together. A part has ended when its answer has come, when its time is
// over, or when its connection broke; the reply is made when all have ended. The answer to a part
// whose time is over may come later still: until then the part stays in its connection's queue, and
// holds the request.
#pragma once

#include "daemon/backend/backend.h"
#include "daemon/backend/room.h"
#include "daemon/request/admit.h"
#include "daemon/request/request.h"
#include "protocol/call.h"
#include "protocol/syntax.h"
#include "protocol/verb.h"

// Returns whether the request must be sent as one command for each key.
static inline bool fanout_is_for(const struct backend *b, const struct admission *a) {
    return b->hash_slot_of && a->call.argc > 1 && a->entry->verb->flags & VERB_EACH_KEY;
}

// Returns the part of the call that is about its key at `index`, from 0 on.
static inline struct call fanout_part(const struct call *call, size_t index) {
    struct call part = *call;
    part.prefix = call_prefix(call, index);
    part.parts = NULL;
    part.args += index;
    part.argc = 1;
    return part;
}

// Returns BACKEND_ROOM when there is room for each key of the call. When room may come
// (backend_room_may_come()), *hash_slot is that of the key that lacks it; otherwise some keys have
// no server, and all others have room.
enum backend_room fanout_room(struct backend *b, const struct call *call, unsigned *hash_slot);

// Sends the request, all its parts at once; those whose keys have no server fail. The request may
// have ended, and be freed, when the function returns.
void fanout_start(struct request *r, const struct call *call);
