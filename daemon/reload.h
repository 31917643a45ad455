// Reload: reads the configuration again, on another thread, and puts it in force.
#pragma once

#include <uv.h>

#include "mailbox.h"

#include "problems.h"
#include "reply.h"
#include "settings.h"

struct request;
struct server;

// Somebody who waits for a reload: a request at any worker.
struct reload_ask {
    struct message message;
    struct reload_ask *next;
    struct request *request;
    struct bytes problem; // why it was refused; empty: it was not
    enum reply_code code; // of that
};

struct reload {
    struct server *server;
    uv_work_t work;
    bool is_running;
    bool is_wanted_again; // asked for while it ran: the file may have changed since it was read
    struct settings *settings; // what was read; NULL: it is bad
    struct problems problems;
    bool is_good;
    struct reload_ask *waiting; // for the run now going on
    struct reload_ask *later;   // and for the next
    // Whoever may reload may do so in a loop: the log takes only so many lines of that.
    uint64_t window_ms; // since when lines are counted
    unsigned lines;
    unsigned untold; // reloads that the log has not been told of
};

void reload_init(struct reload *reload, struct server *server);

// The daemon ends: who waits is told, and nothing is put in force any more.
void reload_cancel(struct reload *reload);

// Starts it: a signal asks, and only the log tells.
void reload_start(struct reload *reload);

// Starts it for a request, at any worker, which is answered when all workers have followed: +OK, or
// -POLICY and the first problem.
void reload_ask(struct request *r);

// Tells the log how many reloads it has not been told of; to be called about once a second.
void reload_sweep(struct reload *reload);

// All workers have put the new settings in force.
void reload_followed(struct reload *reload);
