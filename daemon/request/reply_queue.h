// Reply queue: the replies of one client, in the order of its requests.
//
//   reply_queue_push ─► … older replies … ─► first: written straight to the stream ─► left
//
// The reply of a request whose turn has not come is kept in its slot. Whoever wants to reply embeds
// a slot.
#pragma once

#include "daemon/loop/stream.h"
#include "protocol/bytes.h"

struct reply_slot {
    struct bytes reply; // as long as older replies are not complete; keeps small memory for reuse
    struct reply_slot *next;
    size_t queued_bytes; // the memory that it takes while its turn has not come
    bool is_done;        // the reply is complete
};

struct reply_queue {
    struct stream *stream;           // of the client
    struct reply_slot *first, *last; // the first may be writing its reply
    size_t count;
    size_t queued_bytes; // of complete replies whose turn has not come
    size_t usual_size;   // bytes of the longest reply of a backend, of late; 0: there was none
    bool is_over;        // too much output: nothing more is read of the client until all is written
    // The slot's reply has left, or its client has: the queue does not hold it any more.
    void (*on_left)(struct reply_slot *slot);
    void (*on_settled)(struct reply_queue *q); // replies have left; NULL: nobody waits for that
};

// Puts a slot, whose reply is empty, behind the others.
static inline void reply_queue_push(struct reply_queue *q, struct reply_slot *slot) {
    slot->next = NULL;
    slot->queued_bytes = 0;
    slot->is_done = false;
    if (q->last)
        q->last->next = slot;
    else
        q->first = slot;
    q->last = slot;
    q->count++;
}

// The buffer to write the slot's reply to now: the stream's own if its turn has come.
static inline struct bytes *reply_queue_out(struct reply_queue *q, struct reply_slot *slot) {
    return q->first == slot ? stream_out(q->stream) : &slot->reply;
}

// The slot's reply is complete: it leaves when its turn comes. `cost` is the memory, in bytes, that
// its owner keeps for it until then, beside the reply.
void reply_queue_done(struct reply_queue *q, struct reply_slot *slot, size_t cost);

// The client has gone: lets go of all slots.
void reply_queue_drop(struct reply_queue *q);

// Bytes that the client was sent and has not read, and those of replies whose turn has not come.
static inline size_t reply_queue_unread(const struct reply_queue *q) {
    return stream_unread(q->stream) + q->queued_bytes;
}

// Remembers how long a reply of a backend was. A longer one counts at once, and is forgotten over
// some hundred shorter ones.
static inline void reply_queue_learn(struct reply_queue *q, size_t len) {
    size_t faded = q->usual_size - q->usual_size / 64;
    q->usual_size = len > faded ? len : faded;
}
