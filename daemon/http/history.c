#include "daemon/http/history.h"

#include "conf/sections.h"
#include "conf/settings.h"
#include "daemon/backend/backend.h"
#include "daemon/http/desk.h"
#include "daemon/http/tracks.h"
#include "daemon/loop/histogram.h"
#include "daemon/near/store.h"
#include "daemon/policy/stats.h"
#include "protocol/mem.h"

enum {
    MINUTE = 60 / HISTORY_STEP_S,
    MARKS = MINUTE + 1, // both ends of a minute
};

const char *const history_kind_names[KINDS] = {"near", "hit", "stale", "miss", "write", "error"};

struct namespace_track {
    struct track track;
    uint64_t last[KINDS];                    // cumulative, at the last sample
    uint32_t counts[HISTORY_SAMPLES][KINDS]; // a ring
    uint64_t window[KINDS];                  // the sums of that ring
    struct history_faults marks[MARKS];      // a ring: cumulative, at each sample of a minute
    struct histogram before[2]; // cumulative, one to two minutes ago, and up to one minute ago
    float p50_us, p99_us;       // of answers since before[0]
};

enum backend_count { COUNT_TIMEOUTS, COUNT_WAITS, COUNT_CONNECTS, COUNT_LOSSES, BACKEND_COUNTS };

struct backend_track {
    struct track track;
    uint64_t last_requests;
    history_line line; // a ring
    uint64_t marks[MARKS][BACKEND_COUNTS];
    struct histogram times; // of answers to its namespaces, likewise
    float p50_us, p99_us;
};

struct history {
    uint64_t added; // samples
    uint64_t last_ms;
    struct tracks namespaces, backends; // in the order of the settings at the last sample
    uint64_t last_stray;
    struct history_faults stray[MARKS];
    struct histogram times;      // cumulative, at the last sample, of all namespaces
    history_line by_kind[KINDS]; // rings, as all below
    history_line p50_us, p99_us, clients, near_bytes;
    uint64_t busy_us[WORKERS_MOST]; // cumulative, by the worker's number
    float busy[WORKERS_MOST];
};

struct history *history_new(void) {
    return mem_new(sizeof(struct history));
}

void history_free(struct history *h) {
    if (!h)
        return;
    tracks_free(&h->namespaces);
    tracks_free(&h->backends);
    mem_free(h);
}

// --- counters ---------------------------------------------------------------------------------

// Counters begin anew when a section goes by a reload, and comes back by another.
static uint64_t added(uint64_t now, uint64_t before) { return now >= before ? now - before : now; }

static uint64_t sum_errors(const uint64_t *errors) {
    uint64_t sum = 0;
    for (int code = 0; code < REPLY_CODE_COUNT; code++)
        sum += errors[code];
    return sum;
}

static void count_kinds(const struct namespace_stats *s, uint64_t *kinds) {
    kinds[KIND_NEAR] = s->near[false];
    kinds[KIND_STALE] = s->memo_stale;
    kinds[KIND_HIT] = s->hits - s->memo_stale;
    kinds[KIND_MISS] = s->misses + s->near[true];
    kinds[KIND_WRITE] = s->writes;
    kinds[KIND_ERROR] = sum_errors(s->errors);
}

static struct history_faults faults_of(const struct namespace_stats *s) {
    struct history_faults faults;
    memcpy(faults.errors, s->errors, sizeof(faults.errors));
    memcpy(faults.refused, s->refused, sizeof(faults.refused));
    return faults;
}

static struct history_faults stray_faults(const struct totals *t) {
    struct history_faults faults = {0};
    memcpy(faults.errors, t->stats.stray_errors, sizeof(faults.errors));
    return faults;
}

static struct history_faults faults_since(struct history_faults now,
                                          const struct history_faults *before) {
    for (int i = 0; i < REPLY_CODE_COUNT; i++)
        now.errors[i] = added(now.errors[i], before->errors[i]);
    for (int i = 0; i < REFUSALS; i++)
        now.refused[i] = added(now.refused[i], before->refused[i]);
    return now;
}

// All members are counters of 64 bits.
static void add_times(struct histogram *sum, const struct histogram *more) {
    for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
        sum->counts[i] += more->counts[i];
    sum->sum_us += more->sum_us;
}

static struct histogram times_of(const struct namespace_stats *s) {
    struct histogram sum = s->read_times;
    add_times(&sum, &s->write_times);
    return sum;
}

static struct histogram times_since(struct histogram now, const struct histogram *before) {
    for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
        now.counts[i] = added(now.counts[i], before->counts[i]);
    now.sum_us = added(now.sum_us, before->sum_us);
    return now;
}

static void count_backend(const struct backend_totals *b, uint64_t *counts) {
    counts[COUNT_TIMEOUTS] = b->conns.timeouts;
    counts[COUNT_WAITS] = b->waits;
    counts[COUNT_CONNECTS] = b->connects;
    counts[COUNT_LOSSES] = b->losses;
}

// --- a sample ---------------------------------------------------------------------------------

static void track_namespace(struct history *h, struct tracks *former, const struct totals *t,
                            size_t i) {
    const char *name = t->settings->namespaces[i].name;
    struct namespace_track *track;
    if (tracks_keep(&h->namespaces, former, name))
        return;
    track = tracks_add(&h->namespaces, name, sizeof(*track));
    count_kinds(&t->namespaces[i], track->last);
    track->before[0] = track->before[1] = times_of(&t->namespaces[i]);
    for (int m = 0; m < MARKS; m++)
        track->marks[m] = faults_of(&t->namespaces[i]);
}

static void track_backend(struct history *h, struct tracks *former, const struct totals *t,
                          size_t i) {
    const char *name = t->settings->backends[i].name;
    struct backend_track *track;
    if (tracks_keep(&h->backends, former, name))
        return;
    track = tracks_add(&h->backends, name, sizeof(*track));
    track->last_requests = t->backends[i].conns.requests;
    for (int m = 0; m < MARKS; m++)
        count_backend(&t->backends[i], track->marks[m]);
}

static void track_all(struct history *h, const struct totals *t) {
    struct tracks namespaces = tracks_renew(&h->namespaces);
    struct tracks backends = tracks_renew(&h->backends);
    for (size_t i = 0; i < t->settings->namespace_count; i++)
        track_namespace(h, &namespaces, t, i);
    for (size_t i = 0; i < t->settings->backend_count; i++)
        track_backend(h, &backends, t, i);
    tracks_free(&namespaces);
    tracks_free(&backends);
}

static void add_namespace_times(struct history *h, const struct totals *t, size_t i,
                                struct histogram *all) {
    struct namespace_track *track = (struct namespace_track *)h->namespaces.items[i];
    struct backend_track *backend =
        (struct backend_track *)h->backends.items[t->settings->namespaces[i].backend];
    struct histogram now = times_of(&t->namespaces[i]);
    struct histogram lately = times_since(now, &track->before[0]);
    add_times(all, &now);
    add_times(&backend->times, &lately);
    track->p50_us = (float)histogram_quantile(&lately, 0.5);
    track->p99_us = (float)histogram_quantile(&lately, 0.99);
    if (h->added % MINUTE != 0)
        return;
    track->before[0] = track->before[1];
    track->before[1] = now;
}

static void add_all_times(struct history *h, const struct totals *t) {
    struct histogram all = {0};
    for (size_t i = 0; i < t->settings->backend_count; i++)
        ((struct backend_track *)h->backends.items[i])->times = (struct histogram){0};
    for (size_t i = 0; i < t->settings->namespace_count; i++)
        add_namespace_times(h, t, i, &all);
    for (size_t i = 0; i < t->settings->backend_count; i++) {
        struct backend_track *track = (struct backend_track *)h->backends.items[i];
        track->p50_us = (float)histogram_quantile(&track->times, 0.5);
        track->p99_us = (float)histogram_quantile(&track->times, 0.99);
    }
    struct histogram step = times_since(all, &h->times);
    h->p50_us[h->added % HISTORY_SAMPLES] =
        h->added > 0 ? (float)histogram_quantile(&step, 0.5) : 0;
    h->p99_us[h->added % HISTORY_SAMPLES] =
        h->added > 0 ? (float)histogram_quantile(&step, 0.99) : 0;
    h->times = all;
}

static void add_namespace(struct history *h, const struct totals *t, size_t i, double seconds) {
    struct namespace_track *track = (struct namespace_track *)h->namespaces.items[i];
    size_t at = h->added % HISTORY_SAMPLES;
    uint64_t now[KINDS];
    count_kinds(&t->namespaces[i], now);
    for (int kind = 0; kind < KINDS; kind++) {
        uint32_t *place = &track->counts[at][kind];
        uint64_t more = added(now[kind], track->last[kind]);
        track->window[kind] += more - *place;
        *place = (uint32_t)more;
        track->last[kind] = now[kind];
        h->by_kind[kind][at] += (float)((double)more / seconds);
    }
    track->marks[h->added % MARKS] = faults_of(&t->namespaces[i]);
}

static void add_backend(struct history *h, const struct totals *t, size_t i, double seconds) {
    struct backend_track *track = (struct backend_track *)h->backends.items[i];
    uint64_t requests = t->backends[i].conns.requests;
    uint64_t more = added(requests, track->last_requests);
    track->line[h->added % HISTORY_SAMPLES] = (float)((double)more / seconds);
    track->last_requests = requests;
    count_backend(&t->backends[i], track->marks[h->added % MARKS]);
}

static void add_workers(struct history *h, const struct totals *t, double seconds) {
    for (size_t i = 0; i < t->workers; i++) {
        const struct worker_totals *w = &t->by_worker[i];
        double share = (double)added(w->busy_us, h->busy_us[w->number]) / 1e6 / seconds;
        h->busy[w->number] = (float)(h->added == 0 ? 0 : share < 1 ? share : 1);
        h->busy_us[w->number] = w->busy_us;
    }
}

static void add_stray(struct history *h, const struct totals *t, double seconds) {
    uint64_t stray = sum_errors(t->stats.stray_errors);
    if (h->added > 0)
        h->by_kind[KIND_ERROR][h->added % HISTORY_SAMPLES] +=
            (float)((double)added(stray, h->last_stray) / seconds);
    for (int m = 0; m < MARKS && h->added == 0; m++)
        h->stray[m] = stray_faults(t);
    h->stray[h->added % MARKS] = stray_faults(t);
    h->last_stray = stray;
}

void history_add(struct history *h, const struct totals *t) {
    uint64_t now_ms = desk_now();
    double seconds = h->last_ms ? (double)(now_ms - h->last_ms) / 1000 : HISTORY_STEP_S;
    size_t at = h->added % HISTORY_SAMPLES;
    seconds = seconds < 0.001 ? 0.001 : seconds;
    track_all(h, t);
    for (int kind = 0; kind < KINDS; kind++)
        h->by_kind[kind][at] = 0;
    for (size_t i = 0; i < t->settings->namespace_count; i++)
        add_namespace(h, t, i, seconds);
    for (size_t i = 0; i < t->settings->backend_count; i++)
        add_backend(h, t, i, seconds);
    add_all_times(h, t);
    add_workers(h, t, seconds);
    add_stray(h, t, seconds);
    h->clients[at] = (float)t->clients;
    h->near_bytes[at] = (float)t->near.bytes;
    h->last_ms = now_ms;
    h->added++;
}

// --- a view -----------------------------------------------------------------------------------

// Returns where the ring holds the sample that stands at `i` in the order of time; the oldest
// samples come first, those that are not there yet before all.
static size_t place(const struct history *h, size_t i) { return (h->added + i) % HISTORY_SAMPLES; }

static void unroll(const struct history *h, float *to, const float *ring) {
    for (size_t i = 0; i < HISTORY_SAMPLES; i++)
        to[i] = ring[place(h, i)];
}

static float rate_at(const struct namespace_track *track, size_t at) {
    uint64_t sum = 0;
    for (int kind = 0; kind < KINDS; kind++)
        sum += track->counts[at][kind];
    return (float)sum / HISTORY_STEP_S;
}

static void view_namespace(const struct history *h, const struct totals *t, size_t i,
                           struct namespace_view *view) {
    const struct namespace_track *track = (const struct namespace_track *)tracks_find(
        &h->namespaces, i, t->settings->namespaces[i].name);
    if (!track)
        return;
    memcpy(view->by_kind, track->window, sizeof(view->by_kind));
    view->rate = rate_at(track, place(h, HISTORY_SAMPLES - 1));
    view->p50_us = track->p50_us;
    view->p99_us = track->p99_us;
    view->last = faults_since(faults_of(&t->namespaces[i]), &track->marks[h->added % MARKS]);
}

static void add_line(const struct history *h, const struct totals *t, size_t i,
                     struct namespace_view *view) {
    const struct namespace_track *track = (const struct namespace_track *)tracks_find(
        &h->namespaces, i, t->settings->namespaces[i].name);
    view->line = mem_new(sizeof(*view->line));
    for (size_t at = 0; track && at < HISTORY_SAMPLES; at++)
        (*view->line)[at] = rate_at(track, place(h, at));
}

// Gives lines to the busiest of the last ten minutes.
static void add_lines(const struct history *h, const struct totals *t, struct history_view *view) {
    for (size_t given = 0; given < HISTORY_SERIES; given++) {
        size_t best = t->settings->namespace_count;
        uint64_t most = 0;
        for (size_t i = 0; i < t->settings->namespace_count; i++) {
            const struct namespace_view *n = &view->namespaces[i];
            uint64_t sum = 1;
            for (int kind = 0; kind < KINDS; kind++)
                sum += n->by_kind[kind];
            if (t->sees_namespace[i] && !n->line && sum > most) {
                most = sum;
                best = i;
            }
        }
        if (best == t->settings->namespace_count)
            return;
        add_line(h, t, best, &view->namespaces[best]);
    }
}

static void view_backend(const struct history *h, const struct totals *t, size_t i,
                         struct backend_view *view) {
    const struct backend_track *track =
        (const struct backend_track *)tracks_find(&h->backends, i, t->settings->backends[i].name);
    uint64_t now[BACKEND_COUNTS];
    if (!track)
        return;
    const uint64_t *before = track->marks[h->added % MARKS];
    count_backend(&t->backends[i], now);
    unroll(h, view->line, track->line);
    view->rate = view->line[HISTORY_SAMPLES - 1];
    view->p50_us = track->p50_us;
    view->p99_us = track->p99_us;
    view->timeouts = added(now[COUNT_TIMEOUTS], before[COUNT_TIMEOUTS]);
    view->waits = added(now[COUNT_WAITS], before[COUNT_WAITS]);
    view->connects = added(now[COUNT_CONNECTS], before[COUNT_CONNECTS]);
    view->losses = added(now[COUNT_LOSSES], before[COUNT_LOSSES]);
}

// For a reader who does not see all: the sums of what is seen.
static void sum_kinds(const struct history *h, const struct totals *t, struct history_view *view) {
    for (size_t i = 0; i < t->settings->namespace_count; i++) {
        const struct namespace_track *track = (const struct namespace_track *)tracks_find(
            &h->namespaces, i, t->settings->namespaces[i].name);
        for (size_t at = 0; track && t->sees_namespace[i] && at < HISTORY_SAMPLES; at++)
            for (int kind = 0; kind < KINDS; kind++)
                view->by_kind[kind][at] +=
                    (float)track->counts[place(h, at)][kind] / HISTORY_STEP_S;
    }
}

static void view_all(const struct history *h, const struct totals *t, struct history_view *view) {
    for (int kind = 0; kind < KINDS; kind++)
        unroll(h, view->by_kind[kind], h->by_kind[kind]);
    view->stray = faults_since(stray_faults(t), &h->stray[h->added % MARKS]);
}

static void view_workers(const struct history *h, const struct totals *t,
                         struct history_view *view) {
    view->workers = t->workers;
    view->busy = mem_new(t->workers * sizeof(*view->busy));
    for (size_t i = 0; i < t->workers; i++)
        if (t->by_worker[i].number < t->workers)
            view->busy[t->by_worker[i].number] = h->busy[t->by_worker[i].number];
}

void history_view(const struct history *h, const struct totals *t, bool sees_all,
                  struct history_view *view) {
    *view = (struct history_view){
        .samples = (unsigned)(h->added < HISTORY_SAMPLES ? h->added : HISTORY_SAMPLES),
        .namespaces = mem_new(t->settings->namespace_count * sizeof(*view->namespaces)),
        .backends = mem_new(t->settings->backend_count * sizeof(*view->backends)),
    };
    for (size_t i = 0; i < t->settings->namespace_count; i++)
        if (t->sees_namespace[i])
            view_namespace(h, t, i, &view->namespaces[i]);
    for (size_t i = 0; i < t->settings->backend_count; i++)
        if (t->sees_backend[i])
            view_backend(h, t, i, &view->backends[i]);
    add_lines(h, t, view);
    if (sees_all)
        view_all(h, t, view);
    else
        sum_kinds(h, t, view);
    unroll(h, view->p50_us, h->p50_us);
    unroll(h, view->p99_us, h->p99_us);
    unroll(h, view->clients, h->clients);
    unroll(h, view->near_bytes, h->near_bytes);
    view_workers(h, t, view);
}

void history_sum_errors(const struct history_view *view, const struct totals *t, uint64_t *sums) {
    memcpy(sums, view->stray.errors, sizeof(view->stray.errors));
    for (size_t i = 0; i < t->settings->namespace_count; i++)
        for (int code = 0; code < REPLY_CODE_COUNT && t->sees_namespace[i]; code++)
            sums[code] += view->namespaces[i].last.errors[code];
}

void history_view_deinit(struct history_view *view, size_t namespaces) {
    for (size_t i = 0; view->namespaces && i < namespaces; i++)
        mem_free(view->namespaces[i].line);
    mem_free(view->namespaces);
    mem_free(view->backends);
    mem_free(view->busy);
    *view = (struct history_view){0};
}
