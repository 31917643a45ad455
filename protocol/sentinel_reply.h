// Sentinel reply: reads what a sentinel says of a master: the answer when it is asked, and the news
// of switches that come between.
//
//   SENTINEL GET-MASTER-ADDR-BY-NAME NAME ─► *2 HOST PORT, or nil
//   SUBSCRIBE +switch-master ──────────────► *3 message +switch-master "NAME OLD PORT HOST PORT"
#pragma once

#include "protocol/answer.h"
#include "protocol/bytes.h"

enum { SENTINEL_LONGEST_HOST = 255 };

enum sentinel_said {
    SENTINEL_ANSWER,  // an answer to something else
    SENTINEL_MASTER,  // the answer who the master is
    SENTINEL_UNKNOWN, // likewise: the sentinel knows none of that name
    SENTINEL_SWITCH,  // the news that another server is the master
    SENTINEL_NEWS,    // news of another master
    SENTINEL_WRONG,   // it says what no sentinel says
};

struct sentinel_reply {
    const char *name; // of the master
    enum sentinel_said said;
    // MASTER, SWITCH: where the master is. The host is a name or a number.
    char host[SENTINEL_LONGEST_HOST];
    size_t host_len; // 1 at least
    int port;        // 1 to 65535
};

// `name`, of the master, must outlive the reply.
void sentinel_reply_init(struct sentinel_reply *r, const char *name);

// Takes the next event of what a sentinel says. `is_awaited`: the answer who the master is comes
// next, but for news. With the event that ends it, r->said tells what it was.
void sentinel_reply_event(struct sentinel_reply *r, const struct event *e, bool is_awaited);
