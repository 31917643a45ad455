// Metric families: the table of all metrics, one row each.
//
// To add a metric, add a row, and its line in docs/METRICS.md; `ctest -R scenario.metrics` fails
// until both agree and something moves it.
#pragma once

#include "daemon/admin/exposition.h"

struct metric_source;

struct metric_family {
    const char *name; // as queries name it: with _total or _info
    enum metric_type type;
    const char *help;
    // Writes the family's samples. A value that a label may have is there from the start, with 0.
    void (*write)(const struct metric_source *source, const struct metric_family *f,
                  struct exposition *x);
    size_t at; // where `write` finds the value, in the struct that it reads
};

extern const struct metric_family metric_families[];
extern const size_t metric_family_count;
