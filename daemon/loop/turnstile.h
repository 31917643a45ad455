// Turnstile: lets a few of those who wait begin in each turn of the loop, so that what takes long
// to begin holds nobody else up.
//
// Whoever waits embeds a place. The loop does not sleep while somebody waits.
#pragma once

#include <uv.h>

enum { TURNSTILE_AT_ONCE = 4 };

struct turnstile_place {
    void (*begin)(struct turnstile_place *place);
    struct turnstile_place *next, **before; // `before` NULL: does not wait
};

struct turnstile {
    uv_idle_t idle;
    struct turnstile_place *first, **end;
};

// The turnstile must stay where it is, and its last user must have left before it is closed.
void turnstile_init(struct turnstile *t, uv_loop_t *loop);
void turnstile_close(struct turnstile *t);

// Calls `begin` in one of the next turns of the loop, those of others who came before first.
void turnstile_enter(struct turnstile *t, struct turnstile_place *place,
                     void (*begin)(struct turnstile_place *place));

// Gives up the place. Has no effect when the place does not wait.
void turnstile_leave(struct turnstile *t, struct turnstile_place *place);
