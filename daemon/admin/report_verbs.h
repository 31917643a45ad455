// Report verbs: those that tell of the daemon's state. Most wait until the counters of all workers
// are added up (totals.h).
#pragma once

#include "protocol/verb.h"

extern const struct verb report_verbs[];
extern const size_t report_verb_count;
