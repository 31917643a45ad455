// Status sections: backends and namespaces as JSON.
#pragma once

#include "daemon/http/facts.h"
#include "daemon/http/json.h"

void status_backends(struct json *j, const struct facts *f);
void status_namespaces(struct json *j, const struct facts *f);

// An object of those counters that are not 0, by their names.
void status_errors(struct json *j, const char *name, const uint64_t *errors);
// Writes a moment of the loops' time, which is now `now_ms`, in seconds since 1970.
void status_moment(struct json *j, const char *name, uint64_t moment_ms, uint64_t now_ms);
