#include "daemon/admin/backend_metrics.h"

#include "daemon/admin/exposition.h"
#include "daemon/admin/metric_source.h"
#include "daemon/admin/totals.h"
#include "daemon/backend/backend.h"
#include "daemon/backend/route.h"
#include "protocol/bytes.h"

typedef const struct metric_source source;
typedef const struct metric_family family;

// A gauge for each state, in either format: OpenMetrics's stateset would have another label than
// the text format, and queries would fit one format alone.
void metric_write_states(source *s, family *f, struct exposition *x) {
    (void)f;
    for (size_t i = 0; source_next_backend(s, &i); i++) {
        const char *state = totals_state(source_backend(s, i));
        for (int health = BACKEND_WELL; health <= BACKEND_LOST; health++) {
            if (health == BACKEND_TROUBLED)
                continue; // it is up, too
            sample_begin_backend(s, i, x);
            sample_end(x, SLICE("state"), totals_states[health],
                       strcmp(totals_states[health], state) == 0);
        }
    }
}

void metric_write_live(source *s, family *f, struct exposition *x) {
    (void)f;
    for (size_t i = 0; source_next_backend(s, &i); i++) {
        const struct backend_totals *b = source_backend(s, i);
        sample_begin_backend(s, i, x);
        exposition_value(x, b->tracking > 0 && b->live == b->tracking);
    }
}

void metric_write_redirects(source *s, family *f, struct exposition *x) {
    (void)f;
    for (size_t i = 0; source_next_backend(s, &i); i++) {
        const struct route_counters *routes = &source_backend(s, i)->routes;
        sample_begin_backend(s, i, x);
        sample_end(x, SLICE("kind"), "moved", routes->moved);
        sample_begin_backend(s, i, x);
        sample_end(x, SLICE("kind"), "asked", routes->asked);
    }
}

void metric_write_waits(source *s, family *f, struct exposition *x) {
    (void)f;
    for (size_t i = 0; source_next_backend(s, &i); i++) {
        const struct labels labels = {
            .names = {SLICE("backend")}, .values = {source_backend_name(s, i)}, .count = 1};
        sample_histogram(x, &labels, &source_backend(s, i)->wait_times);
    }
}
