// Handshake: answers the commands that Redis's client libraries send by default when they connect,
// so that the libraries go on and can send the daemon's verbs.
#pragma once

#include "protocol/verb.h"

extern const struct verb handshake_verbs[];
extern const size_t handshake_verb_count;
