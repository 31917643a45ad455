// Kinds: the route of each kind of URL.
#pragma once

#include "conf/url.h"
#include "daemon/backend/route.h"

const struct route *route_of(enum url_kind kind);
