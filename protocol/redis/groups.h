// Groups: the files of rows of the Redis dialect. To add a group, add it here and to
// CMakeLists.txt.
#pragma once

#include "protocol/redis/row.h"

#define REDIS_GROUPS(X)                                                                            \
    X(strings)                                                                                     \
    X(hashes)                                                                                      \
    X(lists)                                                                                       \
    X(sets)                                                                                        \
    X(sorted_sets)                                                                                 \
    X(many_sorted_sets)                                                                            \
    X(any_key)                                                                                     \
    X(bits)                                                                                        \
    X(geo)                                                                                         \
    X(refused)

#define X(group) extern const struct redis_row redis_##group[]; // ends with a row without a name
REDIS_GROUPS(X)
#undef X
