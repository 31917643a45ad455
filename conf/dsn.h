// Dsn: backends from the environment: CACHES_DSN, CACHES_DSN_1, CACHES_DSN_2, …
#pragma once

#include "settings.h"

// Adds a backend for each; its name is the URL's fragment, "default" without one.
void dsn_read(const char *const *environment, struct settings *settings, struct problems *problems);

// Of settings.c: a backend with the defaults. `line` 0: not in the file.
struct backend_conf *settings_add_backend(struct settings *settings, struct slice name, int line);
