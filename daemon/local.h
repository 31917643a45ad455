// Local: the verbs that the daemon answers itself.
#pragma once

#include "verb.h"
#include "verb_table.h"

extern const struct verb local_verbs[];
extern const size_t local_verb_count;
