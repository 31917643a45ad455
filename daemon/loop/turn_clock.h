// Turn clock: the time of the present turn of a loop in microseconds. The clock is read once a
// turn, by whoever asks first: for many requests the reading costs next to nothing.
#pragma once

#include <stdint.h>

struct turn_clock {
    uint64_t us; // since some moment of the past; 0: nobody has asked in this turn
};

uint64_t turn_clock_look(struct turn_clock *clock);

static inline uint64_t turn_clock_us(struct turn_clock *clock) {
    return clock->us ? clock->us : turn_clock_look(clock);
}

static inline void turn_clock_end(struct turn_clock *clock) { clock->us = 0; }
