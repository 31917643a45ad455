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

#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/command.h"
#include "protocol/reply.h"

enum { PURGES_MOST = 4 }; // of a namespace at a time: each has its share of the backend

struct context;
struct namespace;
struct purge;
struct request;

// A task is what a walk over the keys of a namespace is for, when it is not the verb `purge`.
struct purge_task {
    // Called with each key that was found, its prefix included: some more than once, as SCAN may
    // find them. Returns false to end the walk. NULL: the keys are removed.
    bool (*found)(void *owner, struct slice key);
    // Only keys that are `prefix` and a rest that fits `pattern` are looked for; those of them are
    // found that begin with the namespace's prefix.
    struct slice prefix, pattern;
    // Called at the end. `why` NULL: all keys were found; else it is a text, with the code of the
    // error. `removed` is how many keys were.
    void (*done)(void *owner, uint64_t removed, enum reply_code code, const char *why);
    void *owner;
};

// Begins a walk on behalf of `r`, which must stay until done() is called. The task's slices must
// stay as long.
void purge_walk(struct request *r, struct namespace *namespace, const struct purge_task *task);

// Starts the purge that `r` asks for. When the purge is over, the reply to `r` is the number of
// removed keys.
void purge_start(struct request *r);

// Writes the command of the first step, for `explain`.
void purge_build(struct command *c, const struct call *call);

// To be called when the worker ends: all purges are given up.
void purge_cancel_all(struct context *context);
