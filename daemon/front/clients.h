// Clients: operations on all clients of one loop.
#pragma once

#include "daemon/front/client.h"

// Lets the clients on the list `turns_due`, which is not empty, go on. To be called in each turn of
// the loop, before output is written.
void clients_take_turns(struct clients *all);

// Closes the clients that have been idle or stalled for too long, and those that have gone while
// they were not read. To be called a few times a second.
void clients_sweep(struct clients *all, uint64_t now_ms);

// Finds each client's user, limits and section again, under the settings that have come in force. A
// client whose section is gone, or speaks another dialect now, takes no more requests and ends.
void clients_renew(struct clients *all);

// Closes the client of that id. Returns false when there is none on this loop.
bool clients_kill(struct clients *all, uint64_t id);

// Returns whether a client has connected just now, and has asked nothing yet: its first request is
// probably on its way.
bool clients_have_newcomers(const struct clients *all);

// Call client_drain() or client_close() for each client.
void clients_drain(struct clients *all);
void clients_close(struct clients *all);
