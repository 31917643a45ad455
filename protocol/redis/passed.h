// Passed: a command of the Redis dialect that is sent as the client wrote it, with its keys mapped,
// in one transaction with the repairs of the keys that it may have created:
//
//   PEXPIRE key D NX   gives the namespace's ttl D to a key that has none
//   PEXPIRE key M LT   cuts a ttl that is longer than max_ttl M; it takes no ttl as longer than any
//
// A repair never makes a ttl longer, so a client's own is never undone. Both need Redis 7.0
// (redis.io/commands/pexpire).
#pragma once

#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/command.h"

// Writes the whole: for a row without a builder of its own, or with one and keys to repair. For a
// renderer, the answer's `limit` is the length of the keys' prefix.
void passed_build(struct command *c, const struct call *call);

answer_render render_popped; // a key, and what was removed of it; or nil

// Writes a value so that it is not taken for a memo (memo.h).
void passed_value(struct command *c, struct slice value);

// For the commands of a client's MULTI: writes the command alone, by its own builder if it has one
// …
void passed_write(struct command *c, const struct call *call);
// … and what behind all of them repairs its keys' ttls, if anything.
void passed_repair(struct command *c, const struct call *call);
