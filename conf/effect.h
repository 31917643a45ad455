// Effect: warns of options and sections in a configuration that have no effect.
#pragma once

#include "conf/problems.h"
#include "conf/settings.h"

// Checks settings that have no errors. An option that is given its default causes no warning.
void effect_check(const struct settings *settings, const struct verb_table *verbs,
                  struct problems *problems);
