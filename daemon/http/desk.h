// Desk: where the threads of HTTP and the main thread meet.
//
//   a thread of HTTP: desk_wait() ──► the connection is suspended
//     ──► desk_finish() on any thread, or its time is over, or its door is shut ──► it goes on
//
// The threads of HTTP never wait for another thread; the main thread waits for none of them.
#pragma once

#include <uv.h>

#include "conf/settings.h"
#include "daemon/loop/log.h"
#include "daemon/loop/mailbox.h"

struct daemon;
struct facts;
struct history;
struct MHD_Connection;

enum wait_end {
    WAIT_FINISHED,
    WAIT_TIME_OVER,
    WAIT_DOOR_SHUT, // the address is no longer served
};

// A place where connections come in. Its owner embeds it.
struct door {
    bool is_shut; // under the desk's lock
};

// A wait. The request that waits embeds it.
struct guest {
    struct guest *next;
    uint64_t id; // of this wait: no other ever has the same
    struct MHD_Connection *connection;
    const struct door *door;
    uint64_t until_ms;
    enum wait_end end;
    struct facts *facts; // WAIT_FINISHED: what was waited for, if anything; the guest owns it
};

struct desk {
    struct daemon *daemon;
    uv_timer_t turn; // the main thread's, for the next wait whose time is over
    bool is_open;
    uv_mutex_t history_lock;
    struct history *history;   // under that lock; NULL: none is kept
    uv_mutex_t lock;           // of all below
    struct settings *settings; // in force; NULL: none yet
    struct log log;
    struct guest *waiting; // a list
    size_t waiting_count;
    uint64_t last_id;
};

void desk_init(struct desk *desk);
void desk_deinit(struct desk *desk);

// --- for the main thread ----------------------------------------------------------------------

// Prepares the desk to be used by other threads. May be called again.
void desk_open(struct desk *desk, struct daemon *daemon);
// To be called when all doors are shut, and the main thread's loop is ending.
void desk_close(struct desk *desk);

// Puts settings in force, on which a reference is taken.
void desk_put(struct desk *desk, struct settings *settings, const struct log *log);

// Ends the waits whose time is over, and sees to it that the next is ended in time.
void desk_look(struct desk *desk);

// --- for any thread ---------------------------------------------------------------------------

// Returns the time, as the loops count it.
uint64_t desk_now(void);

// Returns a reference on the settings in force; NULL: there are none yet.
struct settings *desk_settings(struct desk *desk);
// Returns a copy of the log's settings.
struct log desk_log(struct desk *desk);

// Suspends the connection until the wait ends. To be called by its handler, which then returns: it
// is called again. Returns false when the door is shut, or too many wait already.
bool desk_wait(struct desk *desk, struct guest *guest, uint64_t until_ms)
    __attribute__((warn_unused_result));

// Ends a wait. Returns false when it has ended already: the caller still owns `facts`.
bool desk_finish(struct desk *desk, uint64_t id, struct facts *facts)
    __attribute__((warn_unused_result));
bool desk_is_waiting(struct desk *desk, uint64_t id);

// Ends all waits of the door, and lets no more begin.
void desk_shut(struct desk *desk, struct door *door);

// Has the message run on the main thread. Returns false when that thread takes no more: the caller
// still owns the message.
bool desk_post(struct desk *desk, struct message *message) __attribute__((warn_unused_result));
