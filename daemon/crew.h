// Crew: the workers of one daemon.
//
//   worker 0: the main thread: listeners, signals, reload, embedded redis-servers, systemd
//      │ hands over clients · settings · "drain" · "end"
//      ▼
//   worker 1 … N-1: a thread and a loop each
//
// Each worker is a whole server, with clients, backend connections and near cache of its own: they
// share nothing that changes but this struct and near_shared.h, and speak by messages (mailbox.h).
// A worker that is alone neither has a mailbox nor takes a lock.
#pragma once

#include <stdatomic.h>
#include <stddef.h>

#include "mailbox.h"
#include "tally.h"

struct guesses;
struct near_shared;
struct request;
struct server;
struct settings;

struct pulse { // goes through all workers
    struct message message;
    size_t next; // the worker to visit
    bool is_out;
    void (*on_back)(void);
};

struct crew {
    struct server **workers; // [0] is the main thread's
    size_t count;
    struct complaints *complaints;    // of backends, by all workers
    struct complaints *about_clients; // apart: these must not crowd out the others
    struct guesses *guesses;          // of tokens
    atomic_size_t clients;            // of all: from being accepted to server_remove_client()
    struct near_shared *near;         // NULL: there is one worker
    // Worker 0's own:
    size_t next;     // whose turn it is to get a client
    size_t running;  // threads
    size_t applying; // workers that have yet to put the last settings in force
    struct pulse pulse;
};

// With worker 0 alone.
struct crew *crew_new(struct server *main);
// Ends what the other workers have left, when all their threads have ended.
void crew_join(struct crew *crew);
void crew_free(struct crew *crew);

// Starts the others, as the settings in force say.
void crew_start(struct crew *crew);

// Gives the settings that worker 0 has put in force to the others; `applying` says how many have
// yet to follow: reload_followed() is called when it is 0.
void crew_apply(struct crew *crew);

// Tells the others to drain, and to end.
void crew_drain(struct crew *crew);
void crew_end(struct crew *crew);

// Calls back when each worker has shown that its loop turns; at once when there is but one. Nothing
// while an earlier call is still on its way.
void crew_pulse(struct crew *crew, void (*on_back)(void));

// Answers the request with what `write` makes of all workers' counters. At once when there is one
// worker; else the tally is carried round.
typedef void tally_write(const struct tally *t, const struct request *r, struct bytes *text);
void crew_report(struct request *r, bool has_clients, tally_write *write);
// Likewise, but the reply is "+STATUS" when `write` makes nothing, else UNAVAILABLE with its text.
void crew_check(struct request *r, const char *status, tally_write *write);
