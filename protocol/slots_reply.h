// Slots reply: reads the answer to CLUSTER SLOTS, which tells who serves which slots of a cluster.
//
//   resp.c ──event──► slots_reply_event ──► take (once a range)
#pragma once

#include "protocol/answer.h"
#include "protocol/bytes.h"

enum { SLOTS_LONGEST_HOST = 255, SLOTS_LONGEST_ID = 40 };

// How a server names itself.
enum slots_host {
    SLOTS_HOST_NAMED,   // by `host`
    SLOTS_HOST_ASKED,   // not at all: it is the server that was asked, or another at its host
    SLOTS_HOST_UNKNOWN, // by "?": it has been told to use its hostname, and knows none
};

// A range of slots, and the master that serves them. Texts are valid during the call only.
struct slots_range {
    uint16_t first, last;
    enum slots_host kind;
    struct slice host; // a name or a number; empty unless NAMED
    int port;          // 1 to 65535
    struct slice id;   // of the master; empty: the server does not tell (before Redis 4)
    struct slice ip;   // the number of a host that is named otherwise; empty: not told
};

typedef void slots_take(void *owner, const struct slots_range *range);

struct slots_reply {
    slots_take *take;
    void *owner;
    bool is_wrong;
    uint32_t ranges; // how many were taken
    uint32_t slots;  // that they have in all
    // The range that is being read:
    uint32_t found;   // which of its parts have come
    uint32_t element; // of the range: 2 is its master, the others behind are replicas
    uint32_t field;   // of the master
    bool is_ip;       // the next text of the master's metadata is its number
    struct slots_range range;
    char host[SLOTS_LONGEST_HOST], id[SLOTS_LONGEST_ID], ip[SLOTS_LONGEST_HOST];
};

// Begins to read an answer. `take` is called for each range as soon as it is complete; a range
// whose master has no port of the kind that was asked about (0) is passed over. The slots of all
// ranges are at most HASH_SLOTS: an answer with more is wrong before they are taken.
void slots_reply_begin(struct slots_reply *r, slots_take *take, void *owner);

// Takes the next event of the answer.
void slots_reply_event(struct slots_reply *r, const struct event *e);

// To be called when the answer is complete. Returns false when it was malformed: then the ranges
// that were taken mean nothing.
bool slots_reply_end(struct slots_reply *r) __attribute__((warn_unused_result));
