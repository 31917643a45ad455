// Words: how errors are told to clients that speak Redis's own protocol.
//
// Client libraries act on the first word of an error, and often on the whole text. So a refusal is
// written as Redis would tell it where Redis has a text for it, and otherwise under a first word
// that no library takes for a reason to reconnect, or to do a write again that may be done.
#pragma once

#include "protocol/dialect.h"

// Its requests are not read here, since a command's row reads its own words: `read` is NULL.
extern const struct dialect redis_dialect;
