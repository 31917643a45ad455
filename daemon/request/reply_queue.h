// Reply queue: the replies of one client, in the order of its requests.
//
//   reply_queue_push ─► … older replies … ─► first: written straight to the stream ─► left
//
// A reply whose turn has not come is kept in its slot. A request embeds the slot for its reply.
#pragma once

#include "daemon/loop/stream.h"
#include "protocol/bytes.h"

struct reply_slot {
    struct bytes reply; // used while older replies are not complete; keeps small memory for reuse
    struct reply_slot *next;
    size_t queued_bytes; // memory that the complete reply takes until its turn comes
    bool is_done;        // the reply is complete
};

struct reply_queue {
    struct stream *stream;           // of the client
    struct reply_slot *first, *last; // the first may be writing its reply
    size_t count;
    size_t queued_bytes; // of complete replies whose turn has not come
    size_t usual_size;   // bytes of the longest reply of a backend, of late; 0: there was none
    bool is_over;        // too much output: the client is not read again until all is written
    // The slot's reply has left, or the client has gone: the queue does not hold the slot any more.
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

// Returns the buffer to write the slot's reply to now: the stream's own if the slot's turn has
// come.
static inline struct bytes *reply_queue_out(struct reply_queue *q, struct reply_slot *slot) {
    return q->first == slot ? stream_out(q->stream) : &slot->reply;
}

// To be called when the slot's reply is complete: the reply leaves when its turn comes. `cost` is
// the memory, in bytes, that the slot's owner keeps until then beside the reply.
void reply_queue_done(struct reply_queue *q, struct reply_slot *slot, size_t cost);

// To be called when the client has gone: lets go of all slots.
void reply_queue_drop(struct reply_queue *q);

// Returns how many bytes the client has not read yet, and those of replies whose turn has not come.
static inline size_t reply_queue_unread(const struct reply_queue *q) {
    return stream_unread(q->stream) + q->queued_bytes;
}

// Remembers the length of a backend's reply. A reply longer than usual_size counts at once, and is
// forgotten over some hundred shorter replies.
static inline void reply_queue_learn(struct reply_queue *q, size_t len) {
    size_t faded = q->usual_size - q->usual_size / 64;
    q->usual_size = len > faded ? len : faded;
}
