// Load options: the command line of `caches bench`.
#pragma once

#include "client/bench/requests.h"
#include "client/exit_code.h"

#include <sys/types.h>

enum {
    LOAD_WATCHED = 4,
};

struct load_options {
    unsigned clients;
    unsigned depth;              // requests in a batch
    double seconds;              // 0: `count` says when it is done
    uint64_t count;              // 0: `seconds` does
    double warm_up;              // seconds before anything counts
    double rate;                 // requests per second of the open loop; 0: closed loop
    bool has_no_ring;            // each read and write is a call of its own
    pid_t watched[LOAD_WATCHED]; // processes whose CPU time is reported
    int watched_count;
    struct requests_options requests;
    char refusal[96]; // why they are wrong; empty: they are right
};

extern const char load_usage[]; // what help prints

// Returns EXIT_ANSWERED; or EXIT_USAGE when something is wrong, which was told.
enum exit_code load_options_parse(struct load_options *o, int argc, char **argv);
