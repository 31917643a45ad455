// Lookout: looks now and then whether the files that the settings in force were made of have
// changed, such as certificates, and says when the settings are to be read again.
//
//   a timer ──► another thread looks at the files ──► some have changed
//     ──and no INI file──► on_due()
//     ──and an INI file, too──► a warning: an edit that may be half done is not put in force
//
// The lookout compares with the settings in force: as long as a file that has changed is not good,
// each look ends in on_due(). The log is told of a change once.
#pragma once

#include <stdint.h>
#include <uv.h>

#include "conf/origins.h"
#include "conf/settings.h"

struct loop;

struct lookout {
    struct loop *loop;
    void (*on_due)(void *owner, bool is_told);
    void *owner;
    struct settings *settings; // in force; NULL: none yet
    uv_timer_t timer;
    uv_work_t work;
    struct settings *looked_at;   // by the thread, which has a reference; NULL: there is none
    struct origins_change change; // as found by the thread
    uint64_t told;                // the look of the change that the log was told of last; 0: none
    bool is_ini_told;             // that it was told of an INI file, too
};

// on_due() is called on the loop's thread; with `is_told` if the log has been told of this change
// just now, without if the change was told of earlier, and reading it did not help then.
void lookout_init(struct lookout *l, struct loop *loop, uint64_t period_ms,
                  void (*on_due)(void *owner, bool is_told), void *owner);

// To be called when these settings are in force.
void lookout_follow(struct lookout *l, struct settings *settings);

// Looks soon, and not only when the period is over.
void lookout_look(struct lookout *l);

// The struct must stay until the loop has ended.
void lookout_close(struct lookout *l);
