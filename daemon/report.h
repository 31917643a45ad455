// Report: the state of the daemon as text, for `namespaces`, `backends`, `clients` and `stats`.
#pragma once

#include "bytes.h"
#include "policy.h"

struct caller;
struct server;

// A line each of name=value pairs, as Redis's CLIENT LIST. A caller sees only namespaces that it
// may use.
void report_namespaces(const struct server *server, const struct caller *caller,
                       struct bytes *text);
void report_backends(const struct server *server, struct bytes *text);
void report_clients(const struct server *server, struct bytes *text);

// name:value lines under "# heading" lines, as Redis's INFO.
void report_stats(const struct server *server, const struct caller *caller, struct bytes *text);
void report_space_stats(const struct space *space, struct bytes *text);
