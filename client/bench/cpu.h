// CPU time of another process, from /proc.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct cpu {
    uint64_t total_ns;     // of all its threads, from schedstat: exact
    uint64_t user_ticks;   // from stat, in sysconf(_SC_CLK_TCK) a second:
    uint64_t system_ticks; // only good for their ratio
};

// False when there is no such process.
bool cpu_read(pid_t pid, struct cpu *cpu) __attribute__((warn_unused_result));
