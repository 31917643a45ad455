// Exposition: writes metrics as Prometheus reads them: the text format 0.0.4 or OpenMetrics 1.0.
//
//   exposition_family ─► for each sample: exposition_sample ─► exposition_label … ─► a value
//     ─► … ─► exposition_end
#pragma once

#include "protocol/bytes.h"

enum exposition_format { EXPOSITION_TEXT, EXPOSITION_OPENMETRICS };

enum metric_type {
    METRIC_COUNTER, // its name ends with _total
    METRIC_GAUGE,
    METRIC_INFO, // its name ends with _info, its value is 1
    METRIC_HISTOGRAM,
};

struct exposition {
    enum exposition_format format;
    struct bytes *out;
    struct slice name; // of the family
    bool has_label;    // the sample being written
};

// Begins a family. The texts must be valid until the next family; `help` is one line.
void exposition_family(struct exposition *x, const char *name, enum metric_type type,
                       const char *help);

// Begins a sample of the family, whose name is the family's with `suffix`.
void exposition_sample(struct exposition *x, struct slice suffix);
// The name of a label must be of letters, digits and underlines; its value may be any bytes.
void exposition_label(struct exposition *x, struct slice name, struct slice value);

// End a sample with its value.
void exposition_value(struct exposition *x, uint64_t value);
void exposition_seconds(struct exposition *x, uint64_t us); // written in seconds

// Ends the whole.
void exposition_end(struct exposition *x);
