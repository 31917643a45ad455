// Dsn: backends from the environment: CACHES_DSN, CACHES_DSN_1, CACHES_DSN_2, …
#pragma once

#include "settings.h"

// Adds a backend for each; its name is the URL's fragment, "default" without one.
void dsn_read(const char *const *environment, struct settings *settings, struct problems *problems);
