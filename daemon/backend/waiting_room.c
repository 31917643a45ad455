#include "daemon/backend/waiting_room.h"

#include "daemon/loop/turn_clock.h"
#include "protocol/mem.h"

static void on_timer(uv_timer_t *timer);

void waiting_room_init(struct waiting_room *room, struct loop *loop, uint64_t timeout_ms) {
    room->loop = loop;
    room->timeout_ms = timeout_ms;
    uv_timer_init(&loop->uv, &room->timer);
}

void waiting_room_close(struct waiting_room *room, uv_close_cb on_closed) {
    uv_close((uv_handle_t *)&room->timer, on_closed);
}

static uint64_t now_of(const struct waiting_room *room) { return loop_now(room->loop); }

// All waits have the same timeout, so the first waiter has the earliest deadline.
static void arm(struct waiting_room *room) {
    uint64_t now = now_of(room);
    if (!room->first)
        return;
    uint64_t deadline = room->first->deadline_ms;
    uv_timer_start(&room->timer, on_timer, deadline > now ? deadline - now : 0, 0);
}

static void on_timer(uv_timer_t *timer) {
    struct waiting_room *room = CONTAINER_OF(timer, struct waiting_room, timer);
    while (room->first && room->first->deadline_ms <= now_of(room)) {
        room->late_waits++;
        waiting_room_call_first(room, true);
    }
    arm(room);
}

void waiting_room_enter(struct waiting_room *room, struct waiter *waiter) {
    waiter->next = NULL;
    waiter->room = room;
    waiter->deadline_ms = now_of(room) + room->timeout_ms;
    waiter->waited_us = 0;
    waiter->began_us = turn_clock_us(&room->loop->flusher.clock);
    if (room->last)
        room->last->next = waiter;
    else
        room->first = waiter;
    room->last = waiter;
    if (!uv_is_active((uv_handle_t *)&room->timer))
        arm(room);
}

void waiting_room_leave(struct waiter *waiter) {
    struct waiting_room *room = waiter->room;
    struct waiter *before = NULL, *at = room ? room->first : NULL;
    while (at && at != waiter) {
        before = at;
        at = at->next;
    }
    waiter->room = NULL;
    if (!at)
        return;
    if (before)
        before->next = waiter->next;
    else
        room->first = waiter->next;
    if (room->last == waiter)
        room->last = before;
    room->leaves++;
}

static void call(struct waiting_room *room, struct waiter *waiter, bool is_late) {
    waiter->waited_us = turn_clock_us(&room->loop->flusher.clock) - waiter->began_us;
    room->waits++;
    histogram_add(&room->times, waiter->waited_us, 1);
    waiting_room_leave(waiter);
    waiter->on_room(waiter, is_late);
}

void waiting_room_call_first(struct waiting_room *room, bool is_late) {
    call(room, room->first, is_late);
}

// Waiters who wait again stand behind `last`. If a waiter is called and others leave by that, the
// next one may be among them: the rest has its chance in the next turn.
void waiting_room_call_ready(struct waiting_room *room, waiting_room_test *has_room,
                             const void *context) {
    struct waiter *last = room->last, *next = room->first;
    while (next) {
        struct waiter *waiter = next;
        unsigned leaves = room->leaves;
        next = waiter == last ? NULL : waiter->next;
        if (!has_room(context, waiter->hash_slot))
            continue;
        call(room, waiter, false);
        if (room->leaves != leaves + 1)
            break;
    }
}
