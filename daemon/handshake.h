// Handshake: the commands that Redis's client libraries send by default when they connect, answered
// so that they go on to send our verbs.
#pragma once

#include "bytes.h"
#include "call.h"
#include "verb.h"
#include "verb_table.h"

// The user and the token of a call of hello; NULL: it has none.
const struct slice *handshake_credentials(const struct call *call);

extern const struct verb handshake_verbs[];
extern const size_t handshake_verb_count;
