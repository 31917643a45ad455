// Stats: what is counted, by namespace and for the whole daemon.
#pragma once

#include "reply.h"

struct space_stats {
    uint64_t requests;
    uint64_t hits;   // reads that found something
    uint64_t misses; // reads that did not
    uint64_t writes;
    uint64_t errors[REPLY_CODE_COUNT]; // error replies, by code
    uint64_t clamped;                  // ttl= above max_ttl, shortened
    uint64_t bytes_in;                 // of requests' words
    uint64_t bytes_out;                // of replies
};

struct server_stats {
    uint64_t accepted;    // clients
    uint64_t turned_away; // clients over max_clients
    uint64_t requests;
    uint64_t errors[REPLY_CODE_COUNT];
};
