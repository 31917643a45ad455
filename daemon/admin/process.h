// Process: what the kernel tells of this process.
#pragma once

#include <stdint.h>

// A figure that the kernel does not tell is 0.
struct process {
    uint64_t cpu_us; // of all threads
    uint64_t resident_bytes, virtual_bytes;
    uint64_t open_fds, max_fds;
};

// Any thread may call this. With thousands of descriptors it takes milliseconds: not on a loop.
void process_look(struct process *p);
