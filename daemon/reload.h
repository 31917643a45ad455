// Reload: reads the configuration again, on another thread. The owner puts it in force.
//
//   reload_start(), reload_ask() ──► on_begin ──► another thread reads ──► on_loaded
//     ──► the owner puts the settings in force, then calls reload_conclude()
//     ──► the log and all askers are told ──► on_over ──► again, if one was asked for meanwhile
#pragma once

#include <uv.h>

#include "conf/problems.h"
#include "conf/settings.h"
#include "protocol/bytes.h"

struct loop;

enum reload_outcome {
    RELOAD_DONE,
    RELOAD_REFUSED, // the configuration is bad, or can't be put in force
    RELOAD_ENDING,  // the daemon ends
};

// A wait for a reload. Its owner, the asker, embeds it.
struct reload_ask {
    struct reload_ask *next;
    void (*on_done)(struct reload_ask *ask);
    enum reload_outcome outcome;
    struct bytes problem; // RELOAD_REFUSED: the first problem; the asker frees it
};

struct reload_events {
    void (*on_begin)(void *owner);
    // The owner takes over `settings`; NULL: the configuration is bad. *problems says why, and the
    // owner may add more until reload_conclude().
    void (*on_loaded)(void *owner, struct settings *settings, struct problems *problems);
    // The log and all askers have been told of the outcome. Not called when the daemon ends.
    void (*on_over)(void *owner);
};

struct reload {
    struct loop *loop;
    const char *file; // NULL: built in
    const struct verb_table *verbs;
    const struct reload_events *events;
    void *owner;
    uv_work_t work;
    bool is_running;
    bool is_wanted_again; // asked for while it ran: the file may have changed since it was read
    bool is_ending;
    bool is_last_refused;      // the last that was concluded
    int64_t good_s;            // when settings were last put in force, in seconds since 1970
    bool is_retry;             // the present run: nothing new is expected of it
    struct settings *settings; // that were read; NULL: the configuration is bad
    struct problems problems;
    struct reload_ask *waiting; // askers that wait for the present run
    struct reload_ask *later;   // askers that wait for the next run
    // A client that may reload may do so in a loop: so the log's lines about reloads are bounded.
    uint64_t window_ms; // since when lines are counted
    unsigned lines;
    unsigned untold;  // reloads that the log has not been told of
    uint64_t refusal; // a hash of the problems that were told of last; 0: that reload was good
};

// `file` and `verbs` must outlive the struct.
void reload_init(struct reload *reload, struct loop *loop, const char *file,
                 const struct verb_table *verbs, const struct reload_events *events, void *owner);

// Starts a reload that nobody waits for, after a signal: only the log tells of the outcome.
void reload_start(struct reload *reload);

// Starts a reload if none is under way. A refusal that the log was told of last is not told again.
void reload_retry(struct reload *reload);

// Starts a reload. `ask` is told when the owner has concluded it.
void reload_ask(struct reload *reload, struct reload_ask *ask);

// To be called when the settings that on_loaded() gave are in force, or, with `is_good` false,
// could not be put in force: *problems says why. Has no effect when no reload is under way.
void reload_conclude(struct reload *reload, bool is_good);

// To be called when the daemon begins to end: settings that are being read are not put in force any
// more, and later askers are refused.
void reload_end(struct reload *reload);

// Does the same as reload_end(), and refuses the askers that wait.
void reload_cancel(struct reload *reload);

// Logs how many reloads had no line of their own. To be called about once a second.
void reload_sweep(struct reload *reload);
