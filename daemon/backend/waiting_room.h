// Waiting room: the clients that wait for room at a backend, in the order in which they came, each
// until a deadline of its own.
#pragma once

#include "daemon/loop/histogram.h"
#include "daemon/loop/loop.h"

struct waiting_room;

// A place in the waiting room. Its owner, who waits, embeds it.
struct waiter {
    struct waiter *next;
    struct waiting_room *room; // NULL: the owner does not wait
    uint64_t deadline_ms;      // in the loop's time
    uint64_t began_us;         // as turn_clock.h tells the time
    uint64_t waited_us;        // how long the last wait took
    unsigned hash_slot;        // of the key that room is needed for; the owner sets it
    // Called when there may be room again, or, with `is_late`, when the deadline has passed.
    void (*on_room)(struct waiter *waiter, bool is_late);
};

struct waiting_room {
    struct loop *loop;
    uv_timer_t timer;    // until the first deadline
    uint64_t timeout_ms; // the longest that anybody waits
    struct waiter *first, *last;
    unsigned leaves;        // how many waiters have left
    uint64_t waits;         // counters: waits that have ended
    struct histogram times; // that they took
    uint64_t late_waits;    // those that ended by their deadline
};

void waiting_room_init(struct waiting_room *room, struct loop *loop, uint64_t timeout_ms);

// Closes the room, in which nobody may wait any more. `on_closed` is called later, with the timer;
// then the memory may be freed.
void waiting_room_close(struct waiting_room *room, uv_close_cb on_closed);

void waiting_room_enter(struct waiting_room *room, struct waiter *waiter);
// Has no effect on a waiter that does not wait.
void waiting_room_leave(struct waiter *waiter);

// Takes the first waiter, of which there must be one, out of the room, and calls its on_room().
void waiting_room_call_first(struct waiting_room *room, bool is_late);

// Does the same with each waiter for whose hash slot there is room, at most once; the others keep
// their places.
typedef bool waiting_room_test(const void *context, unsigned hash_slot);
void waiting_room_call_ready(struct waiting_room *room, waiting_room_test *has_room,
                             const void *context);
