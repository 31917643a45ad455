// Cluster info: reads the answer to CLUSTER INFO, in which a server tells how it sees its cluster.
#pragma once

#include "protocol/bytes.h"

struct cluster_info {
    bool is_ok;     // the server serves its slots
    uint64_t epoch; // grows with each change of the cluster; 0: the server does not tell
};

// Reads the text of the answer, whose lines are NAME:VALUE. Returns false when it does not tell the
// state.
bool cluster_info_read(struct slice text, struct cluster_info *info)
    __attribute__((warn_unused_result));
