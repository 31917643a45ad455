// Context: everything that the requests of one loop share. Each worker owns one, and nothing below
// the worker sees more of the worker than this.
#pragma once

#include <stdatomic.h>

#include "daemon/loop/loop.h"
#include "daemon/policy/policy.h"
#include "daemon/policy/stats.h"
#include "daemon/request/answer_run.h"
#include "daemon/request/slow_log.h"
#include "protocol/bytes.h"
#include "protocol/refusal.h"
#include "protocol/verb.h"

struct call_key_part;
struct guesses;
struct purge;
struct request;
struct request_steps;
struct memo_waits;
struct watch;

struct context {
    struct loop loop;
    const struct verb_table *verbs;
    struct policy *policy; // in force
    size_t client_output;  // of its settings: each near hit looks at it
    struct daemon_stats stats;
    const uint64_t *started_ms;   // of the daemon, in the loop's time
    const atomic_size_t *clients; // how many there are now, of all workers
    struct slow_log slow;
    struct answer_run run;                    // of the answers that come now
    const struct request_steps *steps;        // of VERB_TWO_STEPS: memo.get's, and …
    const struct request_steps *script_steps; // … those of VERB_SCRIPT, and …
    const struct request_steps *block_steps;  // … those of VERB_BLOCK
    struct memo_waits *memo_waits;            // of memo.get
    size_t awaited_keys;                      // how many keys have a memo queue
    struct purge *purges;                     // under way: a list
    struct guesses *guesses;          // of tokens; owned by the process, shared by all workers
    struct complaints *about_clients; // likewise; apart from loop.complaints, so that clients
                                      // cannot crowd those about backends out of the log
    struct complaints *about_policy;  // likewise: refusals, by namespace and rule
    struct request *free_requests;    // a list
    size_t free_count;
    struct slice *words; // of the request being started
    size_t words_cap;
    struct call_key_part *parts; // likewise: its keys, where they are of several namespaces
    size_t parts_cap;
    size_t compared;        // names compared with wrong ones in this turn of the loop
    struct refusal refusal; // of the request being started
    struct bytes question;  // to the near cache, of the request being started
    bool is_draining;       // no new request is sent to a backend
    uint64_t unwatched;     // requests until the next that is watched (watch.h); 0: none is
    struct watch *watch;    // NULL: none has been watched yet
};

// Returns room for `count` words of the request being started, valid until the next call.
struct slice *context_words(struct context *context, size_t count);

// Likewise, for its `count` keys.
struct call_key_part *context_parts(struct context *context, size_t count);

// Frees the memory that the context itself holds, and drops its reference on the policy. All its
// requests and purges must have ended.
void context_deinit(struct context *context);
