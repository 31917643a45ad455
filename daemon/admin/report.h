// Report: the state of the daemon as text, for `namespaces`, `backends`, `clients` and `stats`.
#pragma once

#include "protocol/bytes.h"

struct identity;
struct request;
struct context;
struct totals;

// Writes what the request asks for.
typedef void report_write(const struct totals *t, const struct request *r, struct bytes *text);

// A line each of name=value pairs, as Redis's CLIENT LIST. A caller sees only namespaces that it
// may use.
void report_namespaces(const struct context *context, const struct identity *identity,
                       struct bytes *text);

// Of all workers (totals.h), for the request that asks.
report_write report_backends;
report_write report_clients;
// The backends that do not serve, and why, as the words of an error; nothing: all do.
report_write report_unready;
// name:value lines under "# heading" lines, as Redis's INFO.
report_write report_stats;
report_write report_namespace_stats; // of the request's namespace
