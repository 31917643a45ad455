// Redirect: the errors by which a Redis server says that a command belongs elsewhere, or has to be
// asked for again later. None of them has applied the command.
#pragma once

#include "protocol/bytes.h"

enum turn {
    TURN_NONE,
    TURN_MOVED,       // the slot belongs to another server
    TURN_ASK,         // this one command belongs to another server, behind ASKING
    TURN_TRYAGAIN,    // the keys of one command are being moved
    TURN_CLUSTERDOWN, // the cluster serves no request, or none of this slot
    TURN_READONLY,    // the server is a replica
    TURN_LOADING,     // the server reads its data from the disk
};

enum { REDIRECT_LONGEST_HOST = 255, REDIRECT_LONGEST = 288 };

struct redirect {
    enum turn turn;
    uint16_t slot; // MOVED, ASK: also the members below
    // A name or a number without brackets; "": the server that has answered; "?": it does not know.
    // Points into the error.
    struct slice host;
    int port;
};

// Reads an error of Redis, without its mark '-'. Returns false, with TURN_NONE, when the error is
// not one of these, or is one of them in a way that no server would write it.
bool redirect_read(struct slice error, struct redirect *to);
