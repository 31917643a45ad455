// Metrics: the counters of all workers as Prometheus reads them, for the verb `metrics` and for
// HTTP. docs/METRICS.md describes each family; the table of families is in metric_families.c.
#pragma once

#include "daemon/admin/exposition.h"
#include "protocol/bytes.h"

struct totals;
struct verb_table;

// Appends all families, as far as the reader of the totals may see them. Any thread may call this;
// it reads files in /proc, and takes milliseconds for many namespaces, so it must not be called on
// a loop.
void metrics_append(const struct totals *t, const struct verb_table *verbs,
                    enum exposition_format format, struct bytes *out);
