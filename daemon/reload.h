// Reload: reads the configuration again, on another thread, and puts it in force.
#pragma once

#include <uv.h>

#include "problems.h"
#include "settings.h"

struct request;
struct server;

struct reload {
    struct server *server;
    uv_work_t work;
    bool is_running;
    bool is_wanted_again; // asked for while it ran: the file may have changed since it was read
    struct settings *settings; // what was read; NULL: it is bad
    struct problems problems;
    struct request *waiting; // requests that asked for the run now going on
    struct request *later;   // and for the next
};

void reload_init(struct reload *reload, struct server *server);

// The daemon ends: who waits is told, and nothing is put in force any more.
void reload_cancel(struct reload *reload);

// Starts it. `r` is answered when it is done: +OK, or -POLICY and the first problem; NULL: a signal
// asked, and only the log tells.
void reload_start(struct reload *reload, struct request *r);
