// Waiting room: those who wait for room at a backend, in the order in which they came, each until a
// deadline of its own.
#pragma once

#include "daemon/loop/loop.h"

struct waiting_room;

// Somebody who waits. The owner embeds it.
struct waiter {
    struct waiter *next;
    struct waiting_room *room; // NULL: not waiting
    uint64_t deadline_ms;      // in the loop's time
    // There may be room again; or, `is_late`, the deadline has passed.
    void (*on_room)(struct waiter *waiter, bool is_late);
};

struct waiting_room {
    struct loop *loop;
    uv_timer_t timer;    // until the first deadline
    uint64_t timeout_ms; // of each wait
    struct waiter *first, *last;
    uint64_t waits;      // counters: waits that have ended
    uint64_t wait_ms;    // the time that all of them took
    uint64_t late_waits; // those that ended by their deadline
};

void waiting_room_init(struct waiting_room *room, struct loop *loop, uint64_t timeout_ms);

// Nobody may wait any more. `on_closed` is called later, with the timer; the memory may go then.
void waiting_room_close(struct waiting_room *room, uv_close_cb on_closed);

void waiting_room_enter(struct waiting_room *room, struct waiter *waiter);
// Does nothing when it does not wait.
void waiting_room_leave(struct waiter *waiter);

// The first goes on; there must be one.
void waiting_room_call_first(struct waiting_room *room, bool is_late);
