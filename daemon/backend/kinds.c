#include "daemon/backend/kinds.h"

#include "daemon/backend/direct.h"

const struct route *route_of(enum url_kind kind) {
    static const struct route *const routes[] = {
        [URL_TCP] = &route_direct,
        [URL_UNIX] = &route_direct,
        [URL_EMBEDDED] = &route_direct,
    };
    return routes[kind];
}
