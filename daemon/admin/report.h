// Report: the state of the daemon as text, for `namespaces`, `backends`, `clients` and `stats`.
#pragma once

#include "protocol/bytes.h"

struct identity;
struct request;
struct context;
struct totals;

// Appends one report to `text`: about all workers (totals.h), as far as the client of `r` may see.
typedef void report_write(const struct totals *t, const struct request *r, struct bytes *text);

// Appends a line of name=value pairs for each namespace, as Redis's CLIENT LIST does for clients.
// Only namespaces that the identity may use are shown.
void report_namespaces(const struct context *context, const struct identity *identity,
                       struct bytes *text);

// A line of name=value pairs for each backend or client.
report_write report_backends;
report_write report_clients;
// The backends that do not serve, and why, as the text of an error. Appends nothing when all serve.
report_write report_unready;
// name:value lines under "# heading" lines, as Redis's INFO.
report_write report_stats;
report_write report_namespace_stats; // only about the request's namespace
