#include "daemon/request/reply_queue.h"

enum { LARGE_REPLY = 16 * 1024 }; // from this size on a buffer is handed on rather than copied

static void swap(struct bytes *a, struct bytes *b) {
    struct bytes spare = *a;
    *a = *b;
    *b = spare;
}

static void settle(struct reply_queue *q) {
    struct bytes *out = stream_out(q->stream);
    while (q->first && q->first->is_done) {
        struct reply_slot *slot = q->first;
        q->first = slot->next;
        q->last = q->first ? q->last : NULL;
        q->count--;
        q->queued_bytes -= slot->queued_bytes;
        if (out->len == 0 && slot->reply.len >= LARGE_REPLY)
            swap(out, &slot->reply);
        else
            bytes_append_slice(out, bytes_slice(&slot->reply));
        q->on_left(slot);
    }
    if (q->on_settled)
        q->on_settled(q);
}

void reply_queue_done(struct reply_queue *q, struct reply_slot *slot, size_t cost) {
    slot->is_done = true;
    if (q->first == slot) {
        settle(q);
        return;
    }
    slot->queued_bytes = cost + slot->reply.cap;
    q->queued_bytes += slot->queued_bytes;
}

void reply_queue_drop(struct reply_queue *q) {
    while (q->first) {
        struct reply_slot *slot = q->first;
        q->first = slot->next;
        q->on_left(slot);
    }
    q->last = NULL;
    q->count = 0;
    q->queued_bytes = 0;
}
