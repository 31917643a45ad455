// Dial: opens the socket of a connection to the daemon.
#pragma once

#include "conf/address.h"
#include "protocol/bytes.h"

// Connects to the address: ADDRESS_UNIX, or ADDRESS_TCP by its host's name, each number of which is
// tried. Returns the descriptor, which does not block, or -1: then a text that says why is appended
// to *error. `timeout_ms` is how long each attempt may take.
int dial(const struct address *address, int64_t timeout_ms, struct bytes *error);
