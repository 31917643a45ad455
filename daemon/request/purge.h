// Purge: removes all keys of a namespace, in small steps that leave the backend free for others.
//
//   SCAN … MATCH prefix* ──keys──► UNLINK ──► SCAN from the next cursor … until it is 0
//
// Where the keys lie on several servers, each server is scanned in its turn, and each key is
// removed by a command that goes to the key's own server. Such passes over all servers are
// repeated, since keys move from one server to another meanwhile.
//
// A purge is not atomic: a key that is written meanwhile may stay (redis.io/commands/scan). A purge
// goes on when its client leaves, and keeps the settings that it began with.
#pragma once

#include "protocol/call.h"
#include "protocol/command.h"

struct purge;
struct request;
struct context;

// Starts the purge that `r` asks for. When the purge is over, the reply to `r` is the number of
// removed keys.
void purge_start(struct request *r);

// Writes the command of the first step, for `explain`.
void purge_build(struct command *c, const struct call *call);

// To be called when the worker ends: all purges are given up.
void purge_cancel_all(struct context *context);
