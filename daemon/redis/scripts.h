// Scripts: EVAL, EVALSHA, SCRIPT and their like.
//
//   EVAL script ──► store ──► EVALSHA wrapped ──► the reply
//   EVALSHA sha ──► store ──►     └─ NOSCRIPT: Redis has lost it ──► EVAL wrapped ──► the reply
//
// Redis knows a script only in its namespace's wrapper (daemon/policy/scripting.h), by the SHA-1 of
// both. The client's SHA-1 is that of the script alone, which the store knows (script_store.h).
#pragma once

#include "daemon/request/context.h"
#include "protocol/call.h"
#include "protocol/redis/row.h"

struct namespace;

extern const struct redis_row scripts_rows[]; // ends with a row without a name

// Makes the store of all scripts, which the process has once; and ends it.
void scripts_start(void);
void scripts_end(void);

// Sets context->script_steps.
void scripts_init(struct context *context);

// Returns whether the script of the call is known; EVAL's always is.
bool scripts_know(const struct call *call);

// To be called for each admitted call of a VERB_SCRIPT: fills in call->scripting, which its builder
// needs.
void scripts_admit(struct context *context, struct namespace *namespace, struct call *call);
