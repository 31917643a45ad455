// Backend metrics: the samples of families that tell of backends.
#pragma once

struct exposition;
struct metric_family;
struct metric_source;

// Each writes the samples of one family (metric_families.h).
void metric_write_states(const struct metric_source *s, const struct metric_family *f,
                         struct exposition *x);
void metric_write_live(const struct metric_source *s, const struct metric_family *f,
                       struct exposition *x);
void metric_write_redirects(const struct metric_source *s, const struct metric_family *f,
                            struct exposition *x);
void metric_write_waits(const struct metric_source *s, const struct metric_family *f,
                        struct exposition *x);
