// Handshake: the commands that Redis's client libraries send by default when they connect, answered
// so that they go on to send our verbs.
#pragma once

#include "protocol/verb.h"

extern const struct verb handshake_verbs[];
extern const size_t handshake_verb_count;
