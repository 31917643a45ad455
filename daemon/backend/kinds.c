#include "daemon/backend/kinds.h"

#include "daemon/backend/cluster.h"
#include "daemon/backend/direct.h"
#include "daemon/backend/sentinel.h"

const struct route *route_of(enum url_kind kind) {
    static const struct route *const routes[] = {
        [URL_TCP] = &route_direct,      [URL_UNIX] = &route_direct,
        [URL_EMBEDDED] = &route_direct, [URL_SENTINEL] = &route_sentinel,
        [URL_CLUSTER] = &route_cluster,
    };
    return routes[kind];
}
