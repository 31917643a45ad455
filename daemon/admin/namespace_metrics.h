// Namespace metrics: the samples of families that tell of namespaces.
#pragma once

struct exposition;
struct metric_family;
struct metric_source;

// Each writes the samples of one family (metric_families.h).
void metric_write_info(const struct metric_source *s, const struct metric_family *f,
                       struct exposition *x);
void metric_write_requests(const struct metric_source *s, const struct metric_family *f,
                           struct exposition *x);
void metric_write_reads(const struct metric_source *s, const struct metric_family *f,
                        struct exposition *x);
void metric_write_errors(const struct metric_source *s, const struct metric_family *f,
                         struct exposition *x);
void metric_write_refusals(const struct metric_source *s, const struct metric_family *f,
                           struct exposition *x);
void metric_write_memo(const struct metric_source *s, const struct metric_family *f,
                       struct exposition *x);
void metric_write_leases(const struct metric_source *s, const struct metric_family *f,
                         struct exposition *x);
void metric_write_durations(const struct metric_source *s, const struct metric_family *f,
                            struct exposition *x);
