// Report: the state of the daemon as text, for `namespaces`, `backends`, `clients` and `stats`.
#pragma once

#include "crew.h"

struct caller;
struct context;

// A line each of name=value pairs, as Redis's CLIENT LIST. A caller sees only namespaces that it
// may use.
void report_namespaces(const struct context *context, const struct caller *caller,
                       struct bytes *text);

// Of all workers (crew.h), for the request that asks.
tally_write report_backends;
tally_write report_clients;
// The backends that do not serve, and why, as the words of an error; nothing: all do.
tally_write report_unready;
// name:value lines under "# heading" lines, as Redis's INFO.
tally_write report_stats;
tally_write report_space_stats; // of the request's namespace
