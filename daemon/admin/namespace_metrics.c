#include "daemon/admin/namespace_metrics.h"

#include "conf/sections.h"
#include "conf/settings.h"
#include "daemon/admin/exposition.h"
#include "daemon/admin/metric_source.h"
#include "daemon/admin/totals.h"
#include "daemon/policy/stats.h"
#include "protocol/bytes.h"
#include "protocol/number.h"
#include "protocol/refusal.h"
#include "protocol/reply.h"
#include "protocol/verb_table.h"

typedef const struct metric_source source;
typedef const struct metric_family family;

void metric_write_info(source *s, family *f, struct exposition *x) {
    (void)f;
    for (size_t i = 0; source_next_namespace(s, &i); i++) {
        const struct namespace_conf *n = &s->totals->settings->namespaces[i];
        struct bytes ttl = {0};
        number_append_duration(&ttl, n->ttl_ms);
        sample_begin_namespace(s, i, x);
        exposition_label(x, SLICE("backend"), source_backend_name(s, n->backend));
        exposition_label(x, SLICE("prefix"), (struct slice){n->prefix, n->prefix_len});
        exposition_label(x, SLICE("ttl"), bytes_slice(&ttl));
        sample_end(x, SLICE("near"), n->is_near ? "yes" : "no", 1);
        bytes_deinit(&ttl);
    }
}

// Only verbs that were used: there are many.
static void write_verbs(source *s, struct slice namespace, const uint64_t *by_verb,
                        struct exposition *x) {
    const struct verb_entry *entry;
    for (size_t id = 0; (entry = verb_at(s->verbs, id)); id++) {
        if (by_verb[id] == 0)
            continue;
        sample_begin(x, SLICE("namespace"), namespace);
        exposition_label(x, SLICE("verb"), entry->name);
        exposition_value(x, by_verb[id]);
    }
}

// metrics_by_verb = no: a sum for each namespace.
static void write_sums(source *s, struct exposition *x) {
    for (size_t i = 0; source_next_namespace(s, &i); i++) {
        sample_begin_namespace(s, i, x);
        exposition_value(x, totals_requests(source_stats(s, i)));
    }
}

void metric_write_requests(source *s, family *f, struct exposition *x) {
    (void)f;
    if (!s->totals->settings->daemon.has_verb_metrics) {
        write_sums(s, x);
        return;
    }
    write_verbs(s, SLICE(""), s->totals->stats.stray_by_verb, x);
    sample_begin(x, SLICE("namespace"), SLICE(""));
    sample_end(x, SLICE("verb"), "unknown", s->totals->stats.unknown_verbs);
    for (size_t i = 0; source_next_namespace(s, &i); i++)
        write_verbs(s, source_namespace_name(s, i), source_stats(s, i)->by_verb, x);
}

void metric_write_reads(source *s, family *f, struct exposition *x) {
    (void)f;
    for (size_t i = 0; source_next_namespace(s, &i); i++) {
        const struct namespace_stats *n = source_stats(s, i);
        const struct {
            const char *name;
            uint64_t count;
        } results[] = {{"near_hit", n->near[false] + n->near[true]},
                       {"hit", n->hits - n->memo_stale},
                       {"stale", n->memo_stale},
                       {"miss", n->misses}};
        for (size_t j = 0; j < sizeof(results) / sizeof(*results); j++) {
            sample_begin_namespace(s, i, x);
            sample_end(x, SLICE("result"), results[j].name, results[j].count);
        }
    }
}

static void write_errors_of(struct slice namespace, const uint64_t *errors, struct exposition *x) {
    for (int code = 0; code < REPLY_CODE_COUNT; code++) {
        sample_begin(x, SLICE("namespace"), namespace);
        sample_end(x, SLICE("code"), reply_code_name((enum reply_code)code), errors[code]);
    }
}

void metric_write_errors(source *s, family *f, struct exposition *x) {
    (void)f;
    write_errors_of(SLICE(""), s->totals->stats.stray_errors, x);
    for (size_t i = 0; source_next_namespace(s, &i); i++)
        write_errors_of(source_namespace_name(s, i), source_stats(s, i)->errors, x);
}

void metric_write_refusals(source *s, family *f, struct exposition *x) {
    static const char *const rules[] = {
#define X(name, text) #text,
        REFUSAL_REASONS(X)
#undef X
    };
    (void)f;
    for (size_t i = 0; source_next_namespace(s, &i); i++) {
        for (int rule = 0; rule < REFUSALS; rule++) {
            sample_begin_namespace(s, i, x);
            sample_end(x, SLICE("rule"), rules[rule], source_stats(s, i)->refused[rule]);
        }
    }
}

void metric_write_memo(source *s, family *f, struct exposition *x) {
    (void)f;
    for (size_t i = 0; source_next_namespace(s, &i); i++) {
        const struct namespace_stats *n = source_stats(s, i);
        const char *const states[] = {"hit", "stale", "null", "miss"};
        const uint64_t counts[] = {n->memo_hits, n->memo_stale, n->memo_nulls, n->memo_misses};
        for (size_t j = 0; j < sizeof(states) / sizeof(*states); j++) {
            sample_begin_namespace(s, i, x);
            sample_end(x, SLICE("state"), states[j], counts[j]);
        }
    }
}

void metric_write_leases(source *s, family *f, struct exposition *x) {
    (void)f;
    for (size_t i = 0; source_next_namespace(s, &i); i++) {
        const struct namespace_stats *n = source_stats(s, i);
        const char *const outcomes[] = {"given", "refused", "expired"};
        const uint64_t counts[] = {n->leases_given, n->leases_refused, n->leases_expired};
        for (size_t j = 0; j < sizeof(outcomes) / sizeof(*outcomes); j++) {
            sample_begin_namespace(s, i, x);
            sample_end(x, SLICE("outcome"), outcomes[j], counts[j]);
        }
    }
}

void metric_write_durations(source *s, family *f, struct exposition *x) {
    (void)f;
    for (size_t i = 0; source_next_namespace(s, &i); i++) {
        size_t backend = s->totals->settings->namespaces[i].backend;
        struct labels labels = {
            .names = {SLICE("namespace"), SLICE("backend"), SLICE("kind")},
            .values = {source_namespace_name(s, i), source_backend_name(s, backend), SLICE("read")},
            .count = 3};
        sample_histogram(x, &labels, &source_stats(s, i)->read_times);
        labels.values[2] = SLICE("write");
        sample_histogram(x, &labels, &source_stats(s, i)->write_times);
    }
}
