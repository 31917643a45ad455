// Direct: the route to a backend of one server, whose address is in its URL, or which the daemon
// itself runs (embedded).
#pragma once

#include "daemon/backend/route.h"

extern const struct route route_direct;
