// Verb: one row of the table of all verbs. The row says everything about the verb; arity, options,
// checks, help and documents follow from its `syntax`.
//
// To add a verb to a collection, add a row to its file (dict.c, …); `ctest -R every_verb` says
// which tests and documents it needs besides.
#pragma once

#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/command.h"

enum verb_flags {
    VERB_READ = 1 << 0,       // needs `read`
    VERB_WRITE = 1 << 1,      // needs `write`
    VERB_ADMIN = 1 << 2,      // needs `admin`
    VERB_NO_AUTH = 1 << 3,    // may be used before auth
    VERB_IN_TURN = 1 << 4,    // waits for the client's earlier requests: its reply tells of them
    VERB_BARRIER = 1 << 5,    // the client's later requests wait until all so far are answered
    VERB_REMOVES = 1 << 6,    // leaves no key
    VERB_OWN_TTL = 1 << 7,    // a write with a ttl of the verb's own
    VERB_NEW_TTL = 1 << 8,    // replaces the value, or restarts the ttl: a new ttl in any ttl_mode
    VERB_NEAR = 1 << 9,       // a read whose answer depends only on what one key holds: the near
                              // cache may keep the answer
    VERB_UNCUT = 1 << 10,     // a write whose reply holds what was stored: it must not be cut
    VERB_TWO_STEPS = 1 << 11, // the answer may need a further step (the daemon's memo_wait.h)
    VERB_MEMO = 1 << 12,      // needs the namespace's options for memos
    VERB_CLOSE = 1 << 13,     // no request follows: the connection is closed after the reply
    VERB_LONG = 1 << 14,      // takes time that grows with what the key holds
    VERB_EACH_KEY = 1 << 15,  // of several keys, each may be asked for by a command of its own
    VERB_DIALECT = 1 << 16,   // a command of the Redis dialect (redis/row.h), spoken there alone
    VERB_BLOCK = 1 << 18,     // its commands are those of a client's MULTI
    VERB_SCRIPT = 1 << 17,    // its commands are a client's script (the daemon's redis/scripts.h)
    VERB_FLAGS_END = 1 << 19,
    VERB_NO_TTL = VERB_REMOVES | VERB_OWN_TTL, // writes for which the policy decides no ttl
};

_Static_assert(VERB_READ + VERB_WRITE + VERB_ADMIN + VERB_NO_AUTH + VERB_IN_TURN + VERB_BARRIER +
                       VERB_CLOSE + VERB_REMOVES + VERB_OWN_TTL + VERB_NEW_TTL + VERB_NEAR +
                       VERB_UNCUT + VERB_TWO_STEPS + VERB_MEMO + VERB_LONG + VERB_EACH_KEY +
                       VERB_DIALECT + VERB_SCRIPT + VERB_BLOCK ==
                   VERB_FLAGS_END - 1,
               "each flag has a bit of its own");

// The reply of a read whose key does not exist. The daemon can write that reply without a backend.
enum miss {
    MISS_NONE,   // no read, or one that has no such reply: it fails when its backend does
    MISS_NIL,    // $-1
    MISS_ZERO,   // :0
    MISS_NO_KEY, // :-2
    MISS_EMPTY,  // *0
    MISS_NILS,   // a nil for each argument that repeats
    MISS_RANDOM, // nil, or *0 when a count is asked for
    MISS_SCAN,   // the iteration is over: cursor 0, *0
    MISS_MEMO,   // MISS, nil, nil
    MISS_BLANK,  // $0
    MISS_ZEROS,  // a zero for each argument that repeats
    MISS_TYPE,   // +none: what TYPE says
};

struct request; // opaque here: defined by the daemon

// Writes the Redis commands of a call.
typedef void verb_build(struct command *c, const struct call *call);

// The name of a Redis command, for a row.
#define REDIS(name)                                                                                \
    { "" name, sizeof(name) - 1 }

struct verb {
    const char *name;
    unsigned flags;
    const char *syntax;  // "[ttl=] N K F V [F V ...]": options, then arguments
    const char *summary; // one line, as help prints it
    // The name of the collection; NULL: the verb's name begins with it.
    const char *collection;
    // The verb is this one command of Redis, with the key and the arguments unchanged (builder.h).
    // For other verbs `build` writes the commands.
    struct slice redis;
    verb_build *build;
    // For VERB_TWO_STEPS: writes the commands of each later step about the call's key, with samples
    // as arguments, so that rights.c learns which commands these are.
    verb_build *build_later;
    answer_render *render;
    enum miss miss;
    // For a verb that brings a token: returns the user and the token in the call; NULL when the
    // call has none.
    const struct slice *(*credentials)(const struct call *call);
    // For the daemon's own verbs: answers the request, instead of a backend.
    void (*run)(struct request *request, const struct call *call);
};
