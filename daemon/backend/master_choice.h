// Master choice: which server is the master, by what several sentinels say.
//
// Sentinels hear of a switch one after another, the last a second and more behind the first, and
// one of them may be wrong for ever. So it counts when a sentinel changes its mind, and not when it
// says again what it said before: the first that names a new master is believed.
//
// That alone could leave the daemon at a server that nobody names any more, where one sentinel was
// wrong for a while, and the others could not be heard. So a majority that goes on naming another
// server prevails in the end.
//
// Pure: no clock, no sockets.
#pragma once

#include "conf/url.h"
#include "protocol/bytes.h"

enum {
    CHOICE_START_MS = 500,  // the longest wait for the first word of a majority
    CHOICE_LEFT_MS = 30000, // so long a master that was left is taken again by a majority alone
    // So long a master that no connection reaches, or that no sentinel names any more, is kept
    // against a majority.
    CHOICE_DOUBT_MS = 3000,
    CHOICE_LEFT_MOST = 8,
};

struct choice_word {
    struct url_host said; // host NULL: it has named no master yet
    bool has_answered;    // since its connection was made
};

struct choice_left {
    struct url_host host; // host NULL: none
    uint64_t left_ms;
};

struct master_choice {
    struct choice_word *words; // of each sentinel, in the order of the configuration
    size_t count;
    struct url_host master; // host NULL: none yet
    uint64_t since_ms;      // since when it is this one, or since when there is none
    uint64_t doubt_ms;      // since when no sentinel names it; 0: not known to be so
    struct choice_left left[CHOICE_LEFT_MOST];
    size_t left_at;    // of the next entry in `left`
    uint64_t switches; // counter; the first master is none
};

// Begins without a master. All times are in the loop's milliseconds.
void master_choice_init(struct master_choice *c, size_t sentinels, uint64_t now_ms);
void master_choice_deinit(struct master_choice *c);

// Takes what a sentinel says. An empty host: it knows no such master. `is_switch`: it tells of a
// switch of its own accord. `is_down`: no connection to the present master serves.
// Returns whether c->master is another one now.
bool master_choice_hear(struct master_choice *c, size_t sentinel, struct slice host, int port,
                        bool is_switch, bool is_down, uint64_t now_ms)
    __attribute__((warn_unused_result));

// The connection to a sentinel was lost: what it has said counts for no majority any more.
void master_choice_lose(struct master_choice *c, size_t sentinel);

// Returns whether no sentinel names the master, and a majority names another.
bool master_choice_is_doubtful(const struct master_choice *c);

// Looks whether time alone decides now. Returns whether c->master is another one now. To be called
// a few times a second while there is no master, or while it is down or doubtful.
bool master_choice_look(struct master_choice *c, bool is_down, uint64_t now_ms)
    __attribute__((warn_unused_result));
