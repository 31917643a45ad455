#include "daemon/loop/turn_clock.h"

#include <time.h>

uint64_t turn_clock_look(struct turn_clock *clock) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return clock->us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}
