// Purge: removes all keys of a namespace, in small steps that leave the backend free for others.
//
//   SCAN … MATCH prefix* ──keys──► UNLINK ──► SCAN from the next cursor … until it is 0
//
// It is not atomic, and a key that is written meanwhile may stay (redis.io/commands/scan). It goes
// on when the client that asked for it leaves, and under the settings it began with.
#pragma once

#include "protocol/call.h"
#include "protocol/command.h"

struct purge;
struct request;
struct context;

// `r` is answered with the number of keys removed when it is over.
void purge_start(struct request *r);

// The command of its first step, for explain.
void purge_build(struct command *c, const struct call *call);

// The worker ends: no purge goes on.
void purge_cancel_all(struct context *context);
