// Effect: warnings of what stands in a configuration and cannot do anything.
#pragma once

#include "conf/problems.h"
#include "conf/settings.h"

// Looks at settings in which nothing is wrong. An option that is given its default is no matter.
void effect_check(const struct settings *settings, const struct verb_table *verbs,
                  struct problems *problems);
