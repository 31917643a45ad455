// Named: what the arguments of the daemon's own verbs name, or the error that there is no such
// thing.
#pragma once

#include "daemon/policy/policy.h"
#include "daemon/request/request.h"
#include "protocol/bytes.h"

// Replies the error for a verb that does not exist.
void named_fail_verb(struct request *r, struct slice name);

// Returns the namespace of that name; NULL when it is refused: then the request has its error.
struct namespace *named_namespace(struct request *r, struct slice name);
