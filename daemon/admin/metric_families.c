#include "daemon/admin/metric_families.h"

#include <uv.h>

#include "conf/settings.h"
#include "daemon/admin/backend_metrics.h"
#include "daemon/admin/metric_source.h"
#include "daemon/admin/namespace_metrics.h"
#include "daemon/admin/process.h"
#include "daemon/admin/totals.h"
#include "daemon/backend/route.h"
#include "daemon/policy/stats.h"
#include "protocol/bytes.h"
#include "protocol/number.h"

typedef const struct metric_source source;
typedef const struct metric_family family;

static uint64_t value_at(const void *figures, size_t at) {
    return *(const uint64_t *)((const char *)figures + at);
}

// --- rows of one kind -------------------------------------------------------------------------

// A figure of struct totals.
static void of_totals(source *s, family *f, struct exposition *x) {
    sample_alone(x, value_at(s->totals, f->at));
}

static void of_process(source *s, family *f, struct exposition *x) {
    sample_alone(x, value_at(s->process, f->at));
}

// A figure of struct namespace_stats for each namespace.
static void of_namespaces(source *s, family *f, struct exposition *x) {
    for (size_t i = 0; source_next_namespace(s, &i); i++) {
        sample_begin_namespace(s, i, x);
        exposition_value(x, value_at(source_stats(s, i), f->at));
    }
}

// A figure of struct backend_totals for each backend.
static void of_backends(source *s, family *f, struct exposition *x) {
    for (size_t i = 0; source_next_backend(s, &i); i++) {
        sample_begin_backend(s, i, x);
        exposition_value(x, value_at(source_backend(s, i), f->at));
    }
}

// --- the daemon -------------------------------------------------------------------------------

static void write_build(source *s, family *f, struct exposition *x) {
    (void)s;
    (void)f;
    sample_begin(x, SLICE("version"), SLICE(CACHESD_VERSION));
    sample_end(x, SLICE("libuv"), uv_version_string(), 1);
}

static void write_cpu(source *s, family *f, struct exposition *x) {
    (void)f;
    exposition_sample(x, NO_SUFFIX);
    exposition_seconds(x, s->process->cpu_us);
}

static void write_reload(source *s, family *f, struct exposition *x) {
    (void)f;
    sample_alone(x, s->totals->process.is_reload_good);
}

static void write_busy(source *s, family *f, struct exposition *x) {
    (void)f;
    for (size_t i = 0; i < s->totals->workers; i++) {
        char number[NUMBER_MOST_DIGITS];
        const struct worker_totals *worker = &s->totals->by_worker[i];
        size_t len = (size_t)(number_write(number, worker->number) - number);
        sample_begin(x, SLICE("worker"), (struct slice){number, len});
        exposition_seconds(x, worker->busy_us);
    }
}

static void write_rejected(source *s, family *f, struct exposition *x) {
    (void)f;
    exposition_sample(x, NO_SUFFIX);
    sample_end(x, SLICE("reason"), "max_clients", s->totals->stats.turned_away);
}

static void write_near_limit(source *s, family *f, struct exposition *x) {
    (void)f;
    sample_alone(x, (uint64_t)s->totals->settings->daemon.near_memory);
}

static void write_closed(source *s, family *f, struct exposition *x) {
    static const char *const reasons[] = {
#define X(name, text) #text,
        CLOSE_REASONS(X)
#undef X
    };
    (void)f;
    for (int reason = 0; reason < CLOSED_REASONS; reason++) {
        exposition_sample(x, NO_SUFFIX);
        sample_end(x, SLICE("reason"), reasons[reason], s->totals->stats.closed[reason]);
    }
}

// --- the table --------------------------------------------------------------------------------

// The place of a figure, all of which are read as 64 bits: the compiler refuses another size.
#define FIGURE(type, member)                                                                       \
    (offsetof(type, member) +                                                                      \
     0 * sizeof(char[sizeof(((type *)0)->member) == sizeof(uint64_t) ? 1 : -1]))
#define TOTAL(member)     of_totals, FIGURE(struct totals, member)
#define PROCESS(member)   of_process, FIGURE(struct process, member)
#define NAMESPACE(member) of_namespaces, FIGURE(struct namespace_stats, member)
#define BACKEND(member)   of_backends, FIGURE(struct backend_totals, member)

const struct metric_family metric_families[] = {
    {"cachesd_build_info", METRIC_INFO, "The daemon's version, and libuv's.", write_build, 0},
    {"cachesd_start_time_seconds", METRIC_GAUGE, "When the daemon began, since 1970.",
     TOTAL(process.started_s)},
    {"process_start_time_seconds", METRIC_GAUGE, "The same, under the name that all programs use.",
     TOTAL(process.started_s)},
    {"process_cpu_seconds_total", METRIC_COUNTER, "Time of processors, user's and system's.",
     write_cpu, 0},
    {"process_resident_memory_bytes", METRIC_GAUGE, "Memory in use.", PROCESS(resident_bytes)},
    {"process_virtual_memory_bytes", METRIC_GAUGE, "Addresses in use.", PROCESS(virtual_bytes)},
    {"process_open_fds", METRIC_GAUGE, "Open file descriptors.", PROCESS(open_fds)},
    {"process_max_fds", METRIC_GAUGE, "The most that may be open.", PROCESS(max_fds)},
    {"cachesd_config_last_reload_successful", METRIC_GAUGE,
     "1: the last reload was put in force, or there was none.", write_reload, 0},
    {"cachesd_config_last_reload_success_timestamp_seconds", METRIC_GAUGE,
     "When the settings were put in force, since 1970.", TOTAL(process.settings_s)},
    {"cachesd_worker_busy_seconds_total", METRIC_COUNTER,
     "Time that the worker's thread was at work.", write_busy, 0},

    {"cachesd_clients", METRIC_GAUGE, "Connected clients.", TOTAL(clients)},
    {"cachesd_clients_limit", METRIC_GAUGE, "The most that may be connected.",
     TOTAL(stats.max_clients)},
    {"cachesd_clients_accepted_total", METRIC_COUNTER, "Clients that were let in.",
     TOTAL(stats.accepted)},
    {"cachesd_clients_rejected_total", METRIC_COUNTER, "Clients that were turned away.",
     write_rejected, 0},
    {"cachesd_clients_closed_total", METRIC_COUNTER, "Clients that were let in and have gone.",
     write_closed, 0},

    {"cachesd_namespace_info", METRIC_INFO, "The namespace's settings.", metric_write_info, 0},
    {"cachesd_requests_total", METRIC_COUNTER,
     "Requests, by the verbs that were used. Without a namespace: those that name none.",
     metric_write_requests, 0},
    {"cachesd_reads_total", METRIC_COUNTER,
     "Answered reads. near_hit: from the daemon's memory, also when it knew that nothing is there.",
     metric_write_reads, 0},
    {"cachesd_writes_total", METRIC_COUNTER, "Answered writes.", NAMESPACE(writes)},
    {"cachesd_errors_total", METRIC_COUNTER,
     "Error replies. Without a namespace: before one was known.", metric_write_errors, 0},
    {"cachesd_refusals_total", METRIC_COUNTER, "Requests that the namespace's policy refused.",
     metric_write_refusals, 0},
    {"cachesd_clamped_ttls_total", METRIC_COUNTER, "Writes whose ttl= was shortened to max_ttl.",
     NAMESPACE(clamped)},
    {"cachesd_request_bytes_total", METRIC_COUNTER, "Bytes of requests' words.",
     NAMESPACE(bytes_in)},
    {"cachesd_reply_bytes_total", METRIC_COUNTER, "Bytes of replies.", NAMESPACE(bytes_out)},
    {"cachesd_purges", METRIC_GAUGE, "Purges under way.", NAMESPACE(purging)},
    {"cachesd_purged_keys_total", METRIC_COUNTER, "Keys that purges removed.",
     NAMESPACE(purge_removed)},

    {"cachesd_memo_replies_total", METRIC_COUNTER, "Replies of memo.get.", metric_write_memo, 0},
    {"cachesd_memo_leases_total", METRIC_COUNTER,
     "Leases given; results that came too late; leases that ended while others waited.",
     metric_write_leases, 0},
    {"cachesd_memo_waits_total", METRIC_COUNTER, "Requests that waited for another's result.",
     NAMESPACE(memo_waits)},
    {"cachesd_memo_computations_saved_total", METRIC_COUNTER,
     "Waits that ended with another client's result.", NAMESPACE(computations_saved)},
    {"cachesd_memo_waiting", METRIC_GAUGE, "Requests that wait for another's result now.",
     NAMESPACE(memo_waiting)},

    {"cachesd_backend_duration_seconds", METRIC_HISTOGRAM,
     "From sending a request to the backend's answer, or its failure.", metric_write_durations, 0},
    {"cachesd_backend_wait_seconds", METRIC_HISTOGRAM, "Waits of requests for room at the backend.",
     metric_write_waits, 0},
    {"cachesd_backend_state", METRIC_GAUGE, "1 for the state that the backend is in.",
     metric_write_states, 0},
    {"cachesd_backend_pending", METRIC_GAUGE, "Requests that the backend has yet to answer.",
     BACKEND(pending)},
    {"cachesd_backend_failures", METRIC_GAUGE, "Failed attempts to connect, in a row.",
     BACKEND(most_failures)},
    {"cachesd_backend_requests_total", METRIC_COUNTER, "Requests sent to the backend.",
     BACKEND(conns.requests)},
    {"cachesd_backend_answers_total", METRIC_COUNTER, "Answers of the backend.",
     BACKEND(conns.answers)},
    {"cachesd_backend_timeouts_total", METRIC_COUNTER, "Requests not answered in time.",
     BACKEND(conns.timeouts)},
    {"cachesd_backend_connects_total", METRIC_COUNTER, "Connections made.", BACKEND(connects)},
    {"cachesd_backend_overloads_total", METRIC_COUNTER,
     "Requests that waited too long for room at the backend.", BACKEND(late_waits)},
    {"cachesd_backend_switches_total", METRIC_COUNTER, "Times that another master was gone to.",
     BACKEND(routes.switches)},
    {"cachesd_backend_redirects_total", METRIC_COUNTER,
     "Requests that a cluster's node redirected to another.", metric_write_redirects, 0},
    {"cachesd_backend_repeats_total", METRIC_COUNTER,
     "Requests sent again for another reason than a redirect.", BACKEND(routes.again)},
    {"cachesd_backend_disagreements_total", METRIC_COUNTER,
     "Requests given up, because a cluster's nodes did not agree.", BACKEND(routes.disagreed)},
    {"cachesd_backend_refreshes_total", METRIC_COUNTER, "Questions about a cluster's nodes.",
     BACKEND(routes.refreshes)},

    {"cachesd_near_live", METRIC_GAUGE, "1: the daemon hears of changes at the backend.",
     metric_write_live, 0},
    {"cachesd_near_invalidations_total", METRIC_COUNTER, "Keys that the backend said had changed.",
     BACKEND(invalidations)},
    {"cachesd_near_flushes_total", METRIC_COUNTER, "Times that it said all keys had.",
     BACKEND(flushes)},
    {"cachesd_near_losses_total", METRIC_COUNTER,
     "Times that the daemon ceased to hear of changes.", BACKEND(losses)},
    {"cachesd_near_entries", METRIC_GAUGE, "Answers kept in the daemon's memory.",
     TOTAL(near.entries)},
    {"cachesd_near_size_bytes", METRIC_GAUGE, "Memory that they take.", TOTAL(near.bytes)},
    {"cachesd_near_limit_bytes", METRIC_GAUGE, "The most that they may take.", write_near_limit, 0},
    {"cachesd_near_kept_total", METRIC_COUNTER, "Answers taken into memory.", TOTAL(near.kept)},
    {"cachesd_near_evictions_total", METRIC_COUNTER, "Answers that had to leave for others.",
     TOTAL(near.evicted)},
    {"cachesd_near_voided_total", METRIC_COUNTER, "Answers that were void before they came.",
     TOTAL(near.late)},
    {"cachesd_near_too_large_total", METRIC_COUNTER, "Answers too large to keep.",
     TOTAL(near.large)},
};
const size_t metric_family_count = sizeof(metric_families) / sizeof(*metric_families);
