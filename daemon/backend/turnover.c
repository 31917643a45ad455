#include "daemon/backend/turnover.h"

#include <assert.h>

#include "daemon/loop/backoff.h"
#include "protocol/mem.h"

static void on_timer(uv_timer_t *timer) {
    struct turnovers *all = CONTAINER_OF(timer, struct turnovers, timer);
    all->on_due(all);
}

void turnovers_init(struct turnovers *all, struct loop *loop, struct cluster_map *map,
                    void (*on_due)(struct turnovers *all)) {
    all->loop = loop;
    all->map = map;
    all->on_due = on_due;
    all->due_ms = UINT64_MAX;
    uv_timer_init(&loop->uv, &all->timer);
}

void turnovers_wake_at(struct turnovers *all, uint64_t due_ms) {
    uint64_t now = loop_now(all->loop);
    if (due_ms >= all->due_ms)
        return;
    all->due_ms = due_ms;
    uv_timer_start(&all->timer, on_timer, due_ms > now ? due_ms - now : 1, 0);
}

void turnovers_arm(struct turnovers *all) {
    all->due_ms = UINT64_MAX;
    uv_timer_stop(&all->timer);
    for (const struct turnover *t = all->first; t; t = t->next)
        if (t->first)
            turnovers_wake_at(all, turnover_is_blocked(t) ? t->first->until_ms : t->first->due_ms);
}

struct turnover *turnover_begin(struct turnovers *all, unsigned hash_slot, size_t away) {
    struct slot_state *s = &all->map->slots[hash_slot];
    if (s->turnover)
        return s->turnover;
    struct turnover *t = s->turnover = mem_new(sizeof(*t));
    t->hash_slot = hash_slot;
    t->before = s->pending - away;
    t->next = all->first;
    all->first = t;
    all->held++;
    return t;
}

void turnover_end(struct turnovers *all, struct turnover *t) {
    struct turnover **at = &all->first;
    assert(!t->first);
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    all->map->slots[t->hash_slot].turnover = NULL;
    all->held--;
    mem_free(t);
}

// Most requests are refused in the order of their numbers, and come last.
void turnover_park(struct turnovers *all, struct turnover *t, struct parked *p, uint64_t pause_ms) {
    struct parked **at = &t->first;
    p->due_ms = loop_now(all->loop) + backoff_jittered(pause_ms, &all->loop->random);
    all->parked++;
    if (t->last && t->last->number < p->number)
        at = &t->last->next;
    while (*at && (*at)->number < p->number)
        at = &(*at)->next;
    p->next = *at;
    *at = p;
    if (!p->next)
        t->last = p;
    if (t->first == p)
        turnovers_wake_at(all, p->due_ms);
}

struct parked *turnover_unpark(struct turnovers *all, struct turnover *t) {
    struct parked *p = t->first;
    t->first = p->next;
    if (!t->first)
        t->last = NULL;
    p->next = NULL;
    all->parked--;
    return p;
}
