// Complaint: a fault that may occur a thousand times a second, logged by its cause and with a
// count.
//
//   first ──► "SUBJECT: CAUSE: DETAIL"
//     └─ more of the same ──► "… (312 times in 10 s)" after 10 s, then after 20, 40 … an hour
//          └─ none for 10 s, or complaints_end() ──► "SUBJECT: over: CAUSE (1,312 times in 45 s)"
//
// A cause that comes and goes is not logged at each turn, but counted in the same way. Only a fixed
// number of causes are kept apart; the rest are counted together, so that nobody can fill the log
// with causes.
//
// All workers may call these functions at once: a line counts the faults of the whole daemon.
#pragma once

#include "conf/sections.h"
#include "daemon/loop/log.h"
#include "protocol/bytes.h"

struct complaints;

struct complaints *complaints_new(void);
void complaints_free(struct complaints *all);

// Counts one more occurrence of a fault, and logs it when a line is due. `subject` and `cause`
// together identify the complaint, and are the daemon's own words. `detail` may be anybody's words
// and may differ each time: the line has the latest. `now_ms` is the loop's time.
void complaints_add(struct complaints *all, const struct log *log, enum log_level level,
                    uint64_t now_ms, const char *subject, const char *cause, struct slice detail);

// Ends the complaint. Returns whether the log had told of its beginning; the log then tells of its
// end too, unless `log` is NULL. `cause` NULL: ends all complaints of the subject.
bool complaints_end(struct complaints *all, const struct log *log, uint64_t now_ms,
                    const char *subject, const char *cause);

// Logs the counts that are due. To be called about once a second.
void complaints_sweep(struct complaints *all, const struct log *log, uint64_t now_ms);
