// Daemon: the process. The struct holds the things that exist once, on the main thread, however
// many workers there are.
//
//   daemon ─owns─► workers, listeners, signals, reload, lookout, systemd's watchdog
//
//   starting ──backends have settled, or START_MS──► accepting ──a signal──► draining
//     ──no client is left at any worker──► closing ──► ended, or overdue
#pragma once

#include <stdatomic.h>

#include "conf/settings.h"
#include "daemon/hangup.h"
#include "daemon/listeners.h"
#include "daemon/lookout.h"
#include "daemon/reload.h"
#include "daemon/request/context.h"
#include "daemon/systemd.h"
#include "daemon/workers.h"

struct annex;

enum { DAEMON_SIGNALS = 2 };

enum daemon_phase { DAEMON_STARTING, DAEMON_ACCEPTING, DAEMON_ENDING };

struct daemon {
    struct workers workers; // worker 0 is the main thread's
    struct listeners listeners;
    struct reload reload;
    struct lookout lookout;
    struct systemd systemd;
    struct broadcast pulse; // finds out whether all loops turn
    struct hangup hangup;
    uv_signal_t signals[DAEMON_SIGNALS];
    uv_timer_t start;    // the longest wait for backends
    uv_timer_t overdue;  // the longest wait for the end, once everything is closed
    const char *file;    // the configuration; NULL: built in
    struct annex *annex; // NULL: none
    atomic_int phase;    // enum daemon_phase, for any thread
    bool is_pulse_out;
    bool is_accepting;
    int exit_code;
};

// Runs the daemon until a signal ends it. Returns the process's exit code. Takes over `settings`.
// `verbosity` is added to the log_level of these settings and of all later ones. `file` is the
// configuration that a reload reads; NULL: built in. `annex` may be NULL.
int daemon_run(struct settings *settings, const struct verb_table *verbs, const char *file,
               int verbosity, struct annex *annex);

// Reloads the configuration. `ask` is told when it is in force at all workers. To be called on the
// main thread.
void daemon_reload(struct daemon *daemon, struct reload_ask *ask);

// Returns the daemon of which the context is a part: the context of worker 0.
struct daemon *daemon_of(struct context *context);
