// Report verbs: the verbs that tell of the daemon's state. Most of them wait until the counters of
// all workers are added up (totals.h).
#pragma once

#include "protocol/verb.h"

extern const struct verb report_verbs[];
extern const size_t report_verb_count;
