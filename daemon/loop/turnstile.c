#include "daemon/loop/turnstile.h"

void turnstile_init(struct turnstile *t, uv_loop_t *loop) {
    uv_idle_init(loop, &t->idle);
    t->idle.data = t;
    t->first = NULL;
    t->end = &t->first;
}

void turnstile_close(struct turnstile *t) { uv_close((uv_handle_t *)&t->idle, NULL); }

void turnstile_leave(struct turnstile *t, struct turnstile_place *place) {
    if (!place->before)
        return;
    *place->before = place->next;
    if (place->next)
        place->next->before = place->before;
    else
        t->end = place->before;
    place->before = NULL;
    if (!t->first)
        uv_idle_stop(&t->idle);
}

static void on_turn(uv_idle_t *idle) {
    struct turnstile *t = idle->data;
    for (int i = 0; t->first && i < TURNSTILE_AT_ONCE; i++) {
        struct turnstile_place *place = t->first;
        turnstile_leave(t, place);
        place->begin(place);
    }
}

void turnstile_enter(struct turnstile *t, struct turnstile_place *place,
                     void (*begin)(struct turnstile_place *place)) {
    place->begin = begin;
    place->next = NULL;
    place->before = t->end;
    *t->end = place;
    t->end = &place->next;
    uv_idle_start(&t->idle, on_turn);
}
