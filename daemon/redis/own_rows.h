// Own rows: the commands of the Redis dialect that the daemon answers itself, one file a group. To
// add a group, add it here and to CMakeLists.txt.
#pragma once

#include "protocol/redis/row.h"

#define OWN_GROUPS(X)                                                                              \
    X(hello) X(connection) X(client) X(info) X(command) X(config) X(server) X(scan) X(walks)

#define X(group) extern const struct redis_row own_##group[]; // ends with a row without a name
OWN_GROUPS(X)
#undef X

// The version of Redis that clients are told: many of them use what came with this one, and little
// of what came later.
#define REDIS_VERSION "7.0.15"
