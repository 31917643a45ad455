// Dispatch: takes the words of a client's request, and sends the request on its way.
//
//   words ─► admit ─┬─► the daemon's own verb: run
//                   ├─► near: the kept reply
//                   ├─► room? ─► the backend's connection … answer ─► request.c
//                   └─► refused: the error
#pragma once

#include "daemon/request/session.h"
#include "protocol/bytes.h"
#include "protocol/reply.h"

// The order matters: from PROGRESS_WAIT_TURN on the request was not taken, and dispatch() is to be
// called again for it later.
enum progress {
    PROGRESS_DONE,        // taken, and perhaps replied to
    PROGRESS_BARRIER,     // taken; further requests wait until all so far are replied to
    PROGRESS_CLOSE,       // taken; no further request is
    PROGRESS_WAIT_TURN,   // to be started again when the client's earlier requests are replied to
    PROGRESS_WAIT_OUTPUT, // likewise when the client has read its replies
    PROGRESS_WAIT_ROOM,   // likewise when session->full_backend has room
    PROGRESS_WAIT_CHECK,  // likewise when session->check, which is to be started, is done
    PROGRESS_WAIT_TOKEN,  // likewise at session->auth_at_ms
};

// Takes a request of `count` words (at least one), which have `size` bytes in all. The words are
// only read during the call, and may be moved among each other. `may_wait` false: refuses with
// OVERLOADED instead of waiting for replies or room.
enum progress dispatch(struct session *session, struct slice *words, size_t count, size_t size,
                       bool may_wait);

// Replies an error without a request: for errors in the byte stream.
void dispatch_refuse(struct session *session, enum reply_code code, const char *message);
