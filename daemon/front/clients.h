// Clients: operations on all clients of one loop.
#pragma once

#include "daemon/front/client.h"

struct settings;

// Lets the clients go on whose turn has come. To be called once a turn of the loop, before output
// is written.
void clients_take_turns(struct clients *all);

// Closes the clients that have been idle or stalled for too long, and those that have gone while
// they were not read. To be called a few times a second.
void clients_sweep(struct clients *all, uint64_t now_ms);

// Finds each client's user and limits again, under these settings.
void clients_identify(struct clients *all, const struct settings *settings);

// Closes the client of that id. Returns false when there is none on this loop.
bool clients_kill(struct clients *all, uint64_t id);

// Call client_drain() or client_close() for each client.
void clients_drain(struct clients *all);
void clients_close(struct clients *all);
