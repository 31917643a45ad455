// Memo queue: the requests of memo.get that wait for one key, the longest first; and the table of
// all such queues of one loop.
#pragma once

#include <uv.h>

#include "daemon/request/context.h"
#include "protocol/bytes.h"

struct backend;
struct request;

enum { MEMO_SLOTS = 256 };

struct memo_waits {
    struct memo_queue *slots[MEMO_SLOTS]; // by the hash of the real key
    uint64_t seed;                        // of the hashes: clients choose the keys
    uv_timer_t timer;                     // runs while somebody waits
};

struct memo_queue {
    struct memo_queue *next; // in its slot
    struct bytes key;        // the real one
    struct backend *backend;
    uint64_t hash;
    struct request *first, *last; // of those that wait, by r->wait.next
    struct request *asking;       // was the first, and is at the backend
    struct request *asked_to;     // the last that waited when it was sent; NULL: no other did
    uint64_t due_ms;              // when the first is to ask
    uint64_t visit_ms;            // when there may be something to do: that, or the end of a wait
    unsigned asks;                // in vain, so far
    bool is_woken;                // a write was sent behind the question now under way
};

// The queue for the key; NULL: nobody waits for it.
struct memo_queue *memo_queue_find(const struct context *context, const struct backend *backend,
                                   struct slice key);

// The queue for the request's key, which is made if there is none.
struct memo_queue *memo_queue_of(const struct request *r);

void memo_queue_free_if_empty(struct context *context, struct memo_queue *queue);

// Puts the request behind the others; or, `is_first`, before them.
void memo_queue_put(struct memo_queue *queue, struct request *r, bool is_first);

// Takes the first request, of which there must be one, out of the queue.
struct request *memo_queue_take_first(struct memo_queue *queue);
