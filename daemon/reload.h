// Reload: reads the configuration again, on another thread. The owner puts it in force.
//
//   reload_start(), reload_ask() ──► on_begin ──► another thread reads ──► on_loaded
//     ──► the owner puts the settings in force, then calls reload_conclude()
//     ──► the log is told, and whoever asked ──► on_over ──► again, if it was asked for meanwhile
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

// Somebody who waits for a reload, and embeds this.
struct reload_ask {
    struct reload_ask *next;
    void (*on_done)(struct reload_ask *ask);
    enum reload_outcome outcome;
    struct bytes problem; // RELOAD_REFUSED: the first one; the asker's to free
};

struct reload_events {
    void (*on_begin)(void *owner);
    // `settings` is the owner's now; NULL: the configuration is bad. *problems says why, and may
    // get more until reload_conclude().
    void (*on_loaded)(void *owner, struct settings *settings, struct problems *problems);
    // Everybody has been told of the outcome. Not called when the daemon ends.
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
    struct settings *settings; // that were read; NULL: they are bad
    struct problems problems;
    struct reload_ask *waiting; // for the run now going on
    struct reload_ask *later;   // and for the next
    // A caller who may reload may do so in a loop: the log takes only so many lines of that.
    uint64_t window_ms; // since when lines are counted
    unsigned lines;
    unsigned untold; // reloads that the log has not been told of
};

// `file` and `verbs` live as long as the struct.
void reload_init(struct reload *reload, struct loop *loop, const char *file,
                 const struct verb_table *verbs, const struct reload_events *events, void *owner);

// Starts it: a signal asks, and only the log tells.
void reload_start(struct reload *reload);

// Starts it for somebody, who is told when the owner has concluded it.
void reload_ask(struct reload *reload, struct reload_ask *ask);

// The settings that on_loaded() gave are in force, or are not: *problems says why. Nothing happens
// when no reload is under way.
void reload_conclude(struct reload *reload, bool is_good);

// The daemon begins to end: settings that are being read are not put in force any more, and whoever
// asks from now on is refused.
void reload_end(struct reload *reload);

// As reload_end(); and whoever waits is refused now.
void reload_cancel(struct reload *reload);

// Tells the log how many reloads it has not been told of; to be called about once a second.
void reload_sweep(struct reload *reload);
