// Sampler: adds up the counters of all workers each few seconds, for the history.
#pragma once

#include <stdbool.h>

struct desk;
struct sample;

struct sampler {
    struct desk *desk;
    unsigned seconds;         // since the last sample
    struct sample *under_way; // NULL: none
};

// Begins a history, which desk->history then is. Has no effect when there is one.
void sampler_start(struct sampler *s, struct desk *desk);
// Ends it, and forgets it.
void sampler_stop(struct sampler *s);
// To be called once a second, while there is a history.
void sampler_tick(struct sampler *s);
