// Answer run: the answers of one batch, counted at once.
//
// Requests that were sent in one turn of the loop are mostly answered in one turn, too, and mostly
// are of one verb and namespace: all of them took the same time, as far as the turn's clock says
// (turn_clock.h). So such answers are only counted, and their time goes to the histogram of their
// namespace when the run ends: at the latest with the turn.
#pragma once

#include "daemon/loop/turn_clock.h"
#include "daemon/policy/stats.h"
#include "protocol/verb_table.h"

struct namespace;
struct slow_entry;

struct answer_run {
    uint64_t count;   // answers; 0: no run is under way
    uint64_t sent_us; // 0: likewise
    const struct verb_entry *entry;
    const struct namespace *namespace;
    struct namespace_stats *stats; // of the namespace: a reference
    struct slow_entry *slow;       // of the first answer, if the run is slow; else NULL
};

// Counts one more answer. Returns false when it does not belong to the run: the caller then ends
// the run, and begins another with answer_run_begin().
static inline bool answer_run_goes_on(struct answer_run *run, uint64_t sent_us,
                                      const struct verb_entry *entry,
                                      const struct namespace *namespace) {
    if (run->sent_us != sent_us || run->entry != entry || run->namespace != namespace)
        return false;
    run->count++;
    return true;
}

// Begins a run with one answer, in a struct whose last run has ended.
void answer_run_begin(struct answer_run *run, uint64_t sent_us, const struct verb_entry *entry,
                      const struct namespace *namespace);

// Counts the answers of the run that is under way, which came in the present turn.
void answer_run_count(struct answer_run *run, struct turn_clock *clock);

// Does the same, if a run is under way. To be called at the end of each turn.
static inline void answer_run_end(struct answer_run *run, struct turn_clock *clock) {
    if (run->count > 0)
        answer_run_count(run, clock);
}
