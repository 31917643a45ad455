// Slot: a place in a connection's queue of answers. Whoever wants an answer of a backend embeds
// one.
//
//   backend_conn_begin ─► commands ─► backend_conn_push ─► queued ─► begin ─► answered
//                                                            └─► failed(LOST, UNSENT or UNSERVED)
//
// Exactly one of answered() and failed(LOST, UNSENT or UNSERVED) ends a slot's stay in the queue,
// and the owner may push it again from there. failed(TIMEOUT) may come before, once: the slot stays
// queued until its answer comes, so that no answer is ever taken for another's.
#pragma once

#include "protocol/answer.h"
#include "protocol/command.h"

struct slot;

enum slot_failure {
    SLOT_TIMEOUT, // no answer in time: one may still come, and the slot stays queued
    SLOT_LOST,    // the connection broke after the commands were sent: they may have been applied
    SLOT_UNSENT,  // the connection broke before: they were not applied
    SLOT_UNSERVED // no server took them in time: likewise
};

struct slot_owner {
    // Called when the first bytes of the answer are there. Must call answer_begin(), and set
    // answer->is_failed when nobody wants the answer any more.
    void (*begin)(struct slot *slot, struct answer *answer);
    // Called when only a part of the answer is there, and the loop goes on to other work before the
    // rest comes. Must keep the part where nobody sends it on. NULL: the answer is written to such
    // a place from the beginning.
    void (*half)(struct slot *slot, struct answer *answer);
    // Called when the answer is complete.
    void (*answered)(struct slot *slot, const struct answer *answer);
    void (*failed)(struct slot *slot, enum slot_failure failure);
    // Returns whether the commands change nothing, so that they may be sent again after a loss.
    // NULL: they do.
    bool (*is_read)(const struct slot *slot);
};

// All members but `owner` are zero when the slot is begun.
struct slot {
    const struct slot_owner *owner;
    struct slot *next;      // in the connection's queue
    struct command command; // how many answers to expect
    uint64_t sent_at;       // where the commands begin in the connection's output, in bytes
    uint64_t deadline_ms;   // in the loop's time
    bool is_started;        // begin() has been called
    bool is_over;           // failed(TIMEOUT) has been called; the answer may still come
};
