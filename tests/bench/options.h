// Options of the load generator's command line.
#pragma once

#include "requests.h"

#include <sys/types.h>

enum {
    OPTIONS_WATCHED = 4,
};

struct options {
    const char *address;
    unsigned clients;
    unsigned depth;                 // requests in a batch
    double seconds;                 // 0: `count` says when it is done
    uint64_t count;                 // 0: `seconds` does
    double warm_up;                 // seconds before anything counts
    double rate;                    // requests per second of the open loop; 0: closed loop
    pid_t watched[OPTIONS_WATCHED]; // processes whose CPU time is reported
    int watched_count;
    struct requests_options requests;
};

// Exits with 2 and a usage message when they are wrong.
void options_parse(struct options *o, int argc, char **argv);
