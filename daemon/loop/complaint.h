// Complaint: a fault that may come a thousand times a second, told by its cause and with a count.
//
//   first ──► "SUBJECT: CAUSE: DETAIL"
//     └─ more of the same ──► "… (312 times in 10 s)" after 10 s, then after 20, 40 … an hour
//          └─ none for 10 s, or complaints_end() ──► "SUBJECT: over: CAUSE (1,312 times in 45 s)"
//
// A cause that comes and goes is not told at each turn, but counted in the same way. Only so many
// are kept apart; the rest are counted together, so that nobody can fill the log with causes.
//
// Safe to use from all workers at once: one line tells of the whole daemon's.
#pragma once

#include "conf/sections.h"
#include "daemon/loop/log.h"
#include "protocol/bytes.h"

struct complaints;

struct complaints *complaints_new(void);
void complaints_free(struct complaints *all);

// Once more. `subject` and `cause` tell one from another and are ours; `detail` may be anybody's
// words, and may differ each time: the line has the latest. `now_ms` is the loop's time.
void complaints_add(struct complaints *all, const struct log *log, enum log_level level,
                    uint64_t now_ms, const char *subject, const char *cause, struct slice detail);

// The cause is over: the log says so, if it said that it began; returns whether it did. `log` NULL:
// it says nothing. `cause` NULL: all causes of the subject.
bool complaints_end(struct complaints *all, const struct log *log, uint64_t now_ms,
                    const char *subject, const char *cause);

// Tells the counts that are due; to be called about once a second.
void complaints_sweep(struct complaints *all, const struct log *log, uint64_t now_ms);
