// Verbs: the rows of the verbs that the daemon answers itself. The verbs of reports and of the
// handshake have tables of their own.
#pragma once

#include "protocol/verb.h"

extern const struct verb admin_verbs[];
extern const size_t admin_verb_count;
