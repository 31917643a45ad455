// Memo queue: the requests of memo.get that wait for one key, in the order in which they came; and
// the table of all such queues of one loop.
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
    struct bytes key;        // the real key
    struct backend *backend;
    uint64_t hash;
    struct request *first, *last; // the waiting requests, linked by r->wait.next
    struct request *asking;       // was taken from the queue, and is at the backend; or NULL
    struct request *asked_to;     // the last in the queue when `asking` was sent; NULL: was empty
    uint64_t due_ms;              // when the next request of the queue is to ask
    uint64_t visit_ms;            // when there is work: at due_ms, or at the end of a wait
    unsigned asks;                // how many questions so far were in vain
    bool is_woken;                // a write was sent after the question now under way
};

// Returns the queue for the key; NULL when no request waits for the key.
struct memo_queue *memo_queue_find(const struct context *context, const struct backend *backend,
                                   struct slice key);

// Returns the queue for the request's key, and makes it if there is none.
struct memo_queue *memo_queue_of(const struct request *r);

void memo_queue_free_if_empty(struct context *context, struct memo_queue *queue);

// Puts the request behind the others, or, with `is_first`, before them.
void memo_queue_put(struct memo_queue *queue, struct request *r, bool is_first);

// Takes the first request, of which there must be one, out of the queue.
struct request *memo_queue_take_first(struct memo_queue *queue);
