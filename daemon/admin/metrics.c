#include "daemon/admin/metrics.h"

#include "daemon/admin/metric_families.h"
#include "daemon/admin/metric_source.h"
#include "daemon/admin/process.h"

void metrics_append(const struct totals *t, const struct verb_table *verbs,
                    enum exposition_format format, struct bytes *out) {
    struct process process;
    struct exposition x = {.format = format, .out = out};
    struct metric_source source = {.totals = t, .verbs = verbs, .process = &process};
    process_look(&process);
    for (size_t i = 0; i < metric_family_count; i++) {
        const struct metric_family *f = &metric_families[i];
        exposition_family(&x, f->name, f->type, f->help);
        f->write(&source, f, &x);
    }
    exposition_end(&x);
}
