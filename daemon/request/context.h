// Context: everything that the requests of one loop share. Each worker owns one, and nothing below
// the worker sees more of the worker than this.
#pragma once

#include "daemon/loop/loop.h"
#include "daemon/policy/policy.h"
#include "daemon/policy/stats.h"
#include "protocol/bytes.h"
#include "protocol/refusal.h"
#include "protocol/verb.h"

struct guesses;
struct purge;
struct request;
struct request_steps;
struct memo_waits;

struct context {
    struct loop loop;
    const struct verb_table *verbs;
    struct policy *policy; // in force
    struct daemon_stats stats;
    const struct request_steps *steps; // of VERB_TWO_STEPS
    struct memo_waits *memo_waits;     // of memo.get
    size_t awaited_keys;               // how many keys requests wait for there
    struct purge *purges;              // under way: a list
    struct guesses *guesses;           // of tokens; the process's, shared by all workers
    struct complaints *about_clients;  // likewise; apart from those about backends, which must not
                                       // be crowded out of the log
    struct request *free_requests;     // a list
    size_t free_count;
    struct slice *words; // of the request being started
    size_t words_cap;
    size_t compared;        // names with what a client may have meant, in this turn of the loop
    struct refusal refusal; // of the request being started
    struct bytes question;  // for its question to the near cache
    bool is_draining;       // no new request is taken to a backend
};

// Room for that many words of the request being started. They are valid until the next call.
struct slice *context_words(struct context *context, size_t count);

// Gives back the memory that the context itself holds, and its reference on the policy; its
// requests and purges have ended.
void context_deinit(struct context *context);
