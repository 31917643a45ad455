// Dsn: reads URLs of backends from the environment: CACHES_DSN, CACHES_DSN_1, CACHES_DSN_2, …
#pragma once

#include "protocol/bytes.h"

typedef void dsn_on_url(void *owner, struct slice variable, struct slice url);

// Calls on_url() for each such variable of `environment` that is not empty. `environment` is
// "NAME=value" …, NULL-terminated; NULL: there is none.
void dsn_read(const char *const *environment, dsn_on_url *on_url, void *owner);
