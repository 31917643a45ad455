// Namespace facts: what an export must know of a namespace, as the daemon tells it.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/exit_code.h"
#include "protocol/bytes.h"

struct connection;

struct namespace_facts {
    bool has_key, has_memo, has_dict, has_counter, has_set, has_sorted; // collections it takes
    int64_t stale_ms; // for so long a result is kept when it has expired
};

// Asks the daemon. Returns EXIT_ANSWERED, or complains, and returns another code.
enum exit_code namespace_facts_read(struct namespace_facts *facts, struct connection *c,
                                    struct slice name);
