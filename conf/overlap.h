// Overlap: finds namespaces that would share keys, since the prefix of one begins with the prefix
// of the other.
#pragma once

#include "conf/problems.h"
#include "conf/settings.h"

// Reports an error for two such namespaces in the same server and database, and a warning when two
// backends only seem to be the same. Each namespace's backend and prefix must be known.
void overlap_check(const struct settings *settings, struct problems *problems);
