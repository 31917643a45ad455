// Waits: the further steps of memo.get, and who waits for a result that somebody else computes.
//
//   memo.get ── GET ──► HIT, NULL: the reply
//                └────► else ASK: one script decides, and may give the lease
//                          ├──► HIT, STALE, NULL, MISS with a lease: the reply
//                          └──► MISS without one: waits, if it may
//   a line waits for a key: its first asks again and again, and at once when a write to the key is
//   sent. What that tells, tells all who waited when it was sent: who came later might have seen a
//   newer state already.
#pragma once

#include <uv.h>

#include "memo.h"
#include "policy.h"
#include "verb_table.h"

struct wait_line; // those who wait for one key
struct request;
struct context;

enum { WAIT_SLOTS = 256 };

struct waits {
    struct wait_line *slots[WAIT_SLOTS]; // by the hash of the real key
    uint64_t seed;                       // of the hashes: clients choose the keys
    size_t lines;
    uv_timer_t timer; // runs while somebody waits
};

// The part of a request that belongs to its wait.
struct wait_part {
    struct wait_line *line;          // it waits in, or asks for; NULL: none
    struct request *next;            // in that line
    uint64_t wait_until_ms;          // in the loop's time
    char token[MEMO_TOKEN_SIZE + 1]; // of the lease it asks for; "": it must not take one
    bool is_asking;                  // the script is at the backend
    bool may_lease;                  // its caller may write
};

// Sets context->steps, too.
void waits_init(struct waits *waits, struct context *context);

// The daemon ends: who waits is answered.
void waits_end(struct context *context);
void waits_close(struct waits *waits);
