// Complaint: an event that may occur a thousand times a second, logged by its cause and with a
// count.
//
//   first ──► "SUBJECT: TEXT: DETAIL"
//     └─ more of the same ──► "… (312 times in 10 s)" after 10 s, then after 20, 40 … an hour
//          └─ none for 10 s, or complaints_end() ──► "SUBJECT: over: TEXT (1,312 times in 45 s)"
//
// A cause that comes and goes is not logged at each turn, but counted in the same way. Only a fixed
// number of causes are kept apart; the rest are counted together, so that nobody can fill the log
// with causes.
//
// All workers may call these functions at once: a line counts the faults of the whole daemon.
#pragma once

#include "daemon/loop/log.h"
#include "daemon/loop/log_event.h"

struct complaints;

struct complaints *complaints_new(void);
void complaints_free(struct complaints *all);

// Counts one more occurrence of a fault, and logs the event when a line is due. The complaint is
// identified by the event and by those of its values that stand in its subject and text
// (log_event.h). The other values may be anybody's words, and may differ each time: the line has
// the latest. `now_ms` is the loop's time.
void complaints_add(struct complaints *all, const struct log *log, uint64_t now_ms,
                    enum log_event event, const struct log_values *values);

// Ends the complaint, of which `values` need only have those that identify it. Returns whether the
// log had told of its beginning; the log then tells of its end too, unless `log` is NULL.
bool complaints_end(struct complaints *all, const struct log *log, uint64_t now_ms,
                    enum log_event event, const struct log_values *values);

// Logs the counts that are due. To be called about once a second.
void complaints_sweep(struct complaints *all, const struct log *log, uint64_t now_ms);
