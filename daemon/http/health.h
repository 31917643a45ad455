// Health: whether the daemon lives, and whether it takes clients.
#pragma once

#include "protocol/bytes.h"

struct daemon;
struct totals;

// Appends a sentence, and returns whether the loops of all workers turn. Any thread may call this.
bool health_lives(struct daemon *daemon, struct bytes *text);

// Appends a sentence, and returns whether the daemon takes clients. `totals` tell which backends do
// not serve; NULL: that is not known.
bool health_is_ready(struct daemon *daemon, const struct totals *totals, struct bytes *text);
