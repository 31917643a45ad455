// Report: what a measurement of the load generator has found, as a line of JSON.
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "client/bench/cpu.h"
#include "client/bench/histogram.h"
#include "client/bench/load_options.h"
#include "client/bench/replies.h"

struct report {
    uint64_t requests; // answered while it measured
    uint64_t answered; // in all
    double seconds;
    uint64_t own_cpu_ns;
    const struct histogram *latency, *lateness; // ns
    const struct replies_seen *seen;
    const pid_t *watched;
    int watched_count;
    const struct cpu *begin;
    struct cpu end[LOAD_WATCHED];
};

void report_print(const struct report *r);
