#include "daemon/admin/metric_source.h"

#include "conf/sections.h"
#include "conf/settings.h"

typedef const struct metric_source source;

struct slice source_namespace_name(source *s, size_t i) {
    const struct namespace_conf *n = &s->totals->settings->namespaces[i];
    return (struct slice){n->name, n->name_len};
}

struct slice source_backend_name(source *s, size_t i) {
    return slice_of(s->totals->settings->backends[i].name);
}

bool source_next_namespace(source *s, size_t *i) {
    while (*i < s->totals->settings->namespace_count && !s->totals->sees_namespace[*i])
        (*i)++;
    return *i < s->totals->settings->namespace_count;
}

bool source_next_backend(source *s, size_t *i) {
    while (*i < s->totals->settings->backend_count && !s->totals->sees_backend[*i])
        (*i)++;
    return *i < s->totals->settings->backend_count;
}

// --- samples ----------------------------------------------------------------------------------

void sample_alone(struct exposition *x, uint64_t value) {
    exposition_sample(x, NO_SUFFIX);
    exposition_value(x, value);
}

void sample_begin(struct exposition *x, struct slice label, struct slice value) {
    exposition_sample(x, NO_SUFFIX);
    exposition_label(x, label, value);
}

void sample_begin_namespace(source *s, size_t i, struct exposition *x) {
    sample_begin(x, SLICE("namespace"), source_namespace_name(s, i));
}

void sample_begin_backend(source *s, size_t i, struct exposition *x) {
    sample_begin(x, SLICE("backend"), source_backend_name(s, i));
}

void sample_end(struct exposition *x, struct slice label, const char *value, uint64_t count) {
    exposition_label(x, label, slice_of(value));
    exposition_value(x, count);
}

// --- histograms -------------------------------------------------------------------------------

// The bounds are powers of two of microseconds: of the inner buckets, four of which share each.
enum { FIRST_POWER = 6, LAST_POWER = 22 };

static void begin_with(struct exposition *x, struct slice suffix, const struct labels *labels) {
    exposition_sample(x, suffix);
    for (size_t i = 0; i < labels->count; i++)
        exposition_label(x, labels->names[i], labels->values[i]);
}

static struct slice bound_text(unsigned power) {
    static const char *const texts[] = {"0.000064", "0.000128", "0.000256", "0.000512", "0.001024",
                                        "0.002048", "0.004096", "0.008192", "0.016384", "0.032768",
                                        "0.065536", "0.131072", "0.262144", "0.524288", "1.048576",
                                        "2.097152", "4.194304"};
    return slice_of(texts[power - FIRST_POWER]);
}

void sample_histogram(struct exposition *x, const struct labels *labels,
                      const struct histogram *h) {
    uint64_t count = histogram_count(h);
    for (unsigned power = FIRST_POWER; power <= LAST_POWER; power++) {
        begin_with(x, SLICE("_bucket"), labels);
        exposition_label(x, SLICE("le"), bound_text(power));
        exposition_value(x, histogram_below(h, power));
    }
    begin_with(x, SLICE("_bucket"), labels);
    exposition_label(x, SLICE("le"), SLICE("+Inf"));
    exposition_value(x, count);
    begin_with(x, SLICE("_sum"), labels);
    exposition_seconds(x, h->sum_us);
    begin_with(x, SLICE("_count"), labels);
    exposition_value(x, count);
}
