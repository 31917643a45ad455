#include "daemon/request/answer_run.h"

#include "daemon/loop/histogram.h"
#include "daemon/policy/policy.h"
#include "daemon/request/slow_log.h"
#include "protocol/verb.h"

void answer_run_begin(struct answer_run *run, uint64_t sent_us, const struct verb_entry *entry,
                      const struct namespace *namespace) {
    run->count = 1;
    run->sent_us = sent_us;
    run->entry = entry;
    run->namespace = namespace;
    run->slow = NULL;
    run->stats = namespace_stats_ref(namespace->stats);
}

void answer_run_count(struct answer_run *run, struct turn_clock *clock) {
    struct namespace_stats *stats = run->stats;
    bool is_write = run->entry->verb->flags & VERB_WRITE;
    histogram_add(is_write ? &stats->write_times : &stats->read_times,
                  turn_clock_us(clock) - run->sent_us, run->count);
    if (run->slow)
        run->slow->count = run->count;
    run->count = run->sent_us = 0;
    namespace_stats_unref(stats);
}
