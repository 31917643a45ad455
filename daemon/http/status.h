// Status: the daemon's state as JSON, for the page and for scripts.
#pragma once

#include "daemon/http/facts.h"
#include "protocol/bytes.h"

// Appends what the facts tell. They must have a view; their slow requests are sorted.
void status_append(struct facts *facts, struct bytes *out);
