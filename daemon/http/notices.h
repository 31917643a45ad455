// Notices: what is wrong now, and why requests fail, in sentences for whoever has to mend it.
#pragma once

#include "daemon/http/facts.h"
#include "protocol/bytes.h"

enum notice_kind {
    NOTICE_NOTE, // clients make mistakes: nothing of the daemon's fails
    NOTICE_WARN, // something is not as it should be
    NOTICE_BAD,  // requests fail
};

struct notice {
    enum notice_kind kind;
    struct bytes what; // "main is down."
    struct bytes text; // why, what that does to requests, and what can be done
    uint64_t since_ms; // in the loops' time; 0: not known
};

struct notices {
    struct notice *items; // the worst first
    size_t count;
};

// Fills in what the facts tell. The facts must have a view.
void notices_find(struct notices *all, const struct facts *facts);
void notices_deinit(struct notices *all);

// Returns the kind of the worst; NOTICE_NOTE when there is none.
enum notice_kind notices_worst(const struct notices *all);
