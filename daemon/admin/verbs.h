// Verbs: the rows of those that the daemon answers itself; reports and the handshake of Redis's
// clients have rows of their own.
#pragma once

#include "protocol/verb.h"

extern const struct verb admin_verbs[];
extern const size_t admin_verb_count;
