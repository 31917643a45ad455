// Annex: something that the process has beside its workers, and that follows the same settings: the
// HTTP server (daemon/http/), which this room does not know. main.c hands it over.
//
// All functions are called on the main thread.
#pragma once

#include "conf/problems.h"
#include "conf/settings.h"

struct daemon;

struct annex {
    struct daemon *daemon; // filled in by daemon_run()
    // Opens what these settings ask for, and changes nothing else. Returns false when that fails:
    // *problems says why.
    bool (*prepare)(struct annex *annex, struct settings *settings, struct problems *problems);
    // Ends a change that was prepared: puts it in force, which can't fail, or takes it back.
    void (*conclude)(struct annex *annex, bool is_good);
    // The daemon ends: everything on the main thread's loop is to be closed.
    void (*close)(struct annex *annex);
};
