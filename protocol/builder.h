// Builder: writes the commands of a verb that is one command of Redis.
//
//   read, or VERB_NO_TTL   NAME key argument …
//   any other write        the same, together with the key's new ttl
//   of several keys        NAME key key …
//   write with a number    NAME key argument number: 1 where the request leaves it out
//   iteration              NAME key cursor, and COUNT n where the request has the option
#pragma once

#include "protocol/syntax.h"
#include "protocol/verb.h"

// Returns the function that writes the verb's commands: the row's own, or the function for the
// shape that follows from the row. Returns NULL when the daemon itself answers the verb.
verb_build *builder_of(const struct verb *verb, const struct signature *signature);
