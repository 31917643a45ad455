// Builder: the commands of a verb that is one command of Redis's.
//
//   read, or VERB_NO_TTL   NAME key argument …
//   any other write        the same, together with the key's new ttl
//   of several keys        NAME key key …
//   write with a number    NAME key argument number: 1 where the request leaves it out
//   iteration              NAME key cursor, and COUNT n where the request has the option
#pragma once

#include "protocol/syntax.h"
#include "protocol/verb.h"

// The function that writes the verb's commands, its row's own or the one for the shape that follows
// from the row; NULL: the verb has none, the daemon answers.
verb_build *builder_of(const struct verb *verb, const struct signature *signature);
