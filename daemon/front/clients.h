// Clients: what is done to all clients of one loop.
#pragma once

#include "daemon/front/client.h"

struct settings;

// Lets those go on whose turn has come: to be called once a turn of the loop, before output is
// written.
void clients_take_turns(struct clients *all);

// Closes those that have been idle or stalled for too long, and those that have gone while they
// were not read: to be called a few times a second.
void clients_sweep(struct clients *all, uint64_t now_ms);

// Finds out who each of them is under the settings, and what its limits are.
void clients_identify(struct clients *all, const struct settings *settings);

// As client_drain() and client_close(), of each.
void clients_drain(struct clients *all);
void clients_close(struct clients *all);
