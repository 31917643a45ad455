// Multi: a client's MULTI, from its first command to its EXEC or DISCARD.
//
//   MULTI ─► +OK   command ─► admitted ─► kept ─► +QUEUED   …   EXEC ─► all of them, as one block:
//                      └─► refused: EXEC will be, too           MULTI, the commands, repairs, EXEC
//
// The commands are admitted again when EXEC comes, since the settings may have changed meanwhile.
// The repairs of their keys' ttls (protocol/redis/passed.h) follow the last command, so that the
// commands find the ttls that the client knows of.
#pragma once

#include "daemon/request/admit.h"
#include "daemon/request/context.h"
#include "daemon/request/session.h"
#include "protocol/bytes.h"
#include "protocol/redis/row.h"
#include "protocol/refusal.h"

extern const struct redis_row multi_rows[]; // ends with a row without a name

// Sets context->block_steps.
void multi_init(struct context *context);

// For a session with a MULTI: returns whether it still goes on. An EXEC that has been taken ends it
// here.
bool multi_goes_on(struct session *session);

// Does for a session with a MULTI what redis_admit() does for others: the admission of a command
// that is kept is one of the answer +QUEUED.
bool multi_admit(struct session *session, struct slice *words, size_t count, struct admission *a,
                 struct refusal *refusal);

// The client has gone, or has said DISCARD or RESET: frees its MULTI, if it has one.
void multi_forget(struct session *session);
