// Tap: which requests of one loop somebody wants to see, and the lines about them that have not
// been fetched yet. What has no room is counted: no request waits for a line.
#pragma once

#include "conf/sections.h"
#include "protocol/bytes.h"
#include "protocol/verb.h"

enum { TAP_MOST_EVENTS = 4096, TAP_LONGEST_KEY = 64 };

struct tap_filter {
    char name[64 + 1];       // of a namespace; "": any
    const struct verb *verb; // NULL: any
    uint64_t sample;         // one request of so many, at random
    uint64_t slow_us;        // only those that took so long at least
};

struct tap {
    struct tap *next; // on the same loop
    struct tap_filter filter;
    unsigned number;     // among the taps of the loop
    struct bytes events; // a line of the reply each
    size_t count;
    uint64_t lost; // had no room
    // Called once a turn of the loop: fetches the events.
    void (*flush)(struct tap *tap);
};

// A request that has ended.
struct tap_event {
    const char *verb;
    const char *name; // of the namespace; NULL: none
    struct slice key; // without its prefix, cut off; no data: none
    bool is_cut;
    const char *result; // "hit", or the code of the error
    uint64_t took_us;
    size_t len;      // of the reply
    uint64_t client; // its id
};

// Returns whether the tap wants a request of that verb and namespace, when it is slow enough. NULL:
// the request has none.
bool tap_wants(const struct tap *tap, const struct verb *verb, const char *name);

// Adds a line, unless the request was too quick for the tap.
void tap_add(struct tap *tap, const struct tap_event *event);
