// Look: asks the daemon for a reading of its counters, again and again, and connects again when it
// went away.
#pragma once

#include "client/exit_code.h"
#include "client/reading.h"
#include "protocol/bytes.h"

struct connection;

struct look {
    struct connection *connection;
    const char *namespace; // NULL: all
    // Connects again; NULL: connection_renew() does.
    bool (*renew)(void *owner, struct bytes *error);
    void *owner;
    // Is called again and again while replies are waited for. Returns true to give up. NULL: nobody
    // gives up.
    bool (*is_enough)(void *waiter);
    void *waiter;
    struct reading before, now; // the last two
    bool has_one, has_two;
    struct bytes trouble; // why the last look saw nothing; empty: it saw something
    enum exit_code code;  // what the trouble stands for
};

void look_deinit(struct look *l);

// Takes the next reading. Returns false when there is none: `trouble` says why.
bool look_again(struct look *l) __attribute__((warn_unused_result));

// Returns the reading to compare the last one with.
const struct reading *look_before(const struct look *l);
