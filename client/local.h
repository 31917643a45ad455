// Local: a daemon of this command's own, in a private folder, with a private redis-server and the
// namespace `demo`. It ends with the command, however that ends.
#pragma once

#include "protocol/bytes.h"

struct local;

// Starts it. Returns NULL, and appends to *error why, when that fails.
struct local *local_start(struct bytes *error) __attribute__((warn_unused_result));

// Returns the path of its socket. Whether somebody listens there yet is not said: local_is_alive()
// says when nobody will.
const char *local_address(const struct local *local);

// Returns false when the daemon has ended. What its log said was printed to standard error.
bool local_is_alive(struct local *local);

// Prints to standard error what the daemon's log says.
void local_tell(const struct local *local);

// Ends the daemon, and waits until it has gone and its folder is removed. Takes NULL, too.
void local_stop(struct local *local);
