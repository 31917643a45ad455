// Overlap: namespaces that would share keys, since one's prefix begins with the other's.
#pragma once

#include "conf/problems.h"
#include "conf/settings.h"

// Of one server and database that is an error; a warning where two backends only seem to be the
// same. Each namespace's backend and prefix must be known.
void overlap_check(const struct settings *settings, struct problems *problems);
