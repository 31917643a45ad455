// Room: whether a backend takes a request about a key now.
#pragma once

#include <stdbool.h>

enum backend_room {
    BACKEND_ROOM,
    BACKEND_FULL,     // too many requests or bytes are under way: wait
    BACKEND_STARTING, // its server is about to run: wait
    BACKEND_TURNING,  // the key's slot moves from one node to another: wait
    BACKEND_UNSERVED, // no node serves the key: the request is refused
    BACKEND_DOWN,     // no server is there: likewise
};

// Returns whether it is worth waiting.
static inline bool backend_room_may_come(enum backend_room room) {
    return room > BACKEND_ROOM && room < BACKEND_UNSERVED;
}

static inline bool backend_room_is_refused(enum backend_room room) {
    return room >= BACKEND_UNSERVED;
}
