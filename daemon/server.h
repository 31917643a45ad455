// Server: owns what lives as long as the daemon, and the settings in force.
//
//   server ─owns─► listeners, clients, backends, policy (a reference), verbs, free requests
//
// There is one for each worker (workers.h): what only the first has is said below.
#pragma once

#include "backend.h"
#include "client.h"
#include "context.h"
#include "hangup.h"
#include "listener.h"
#include "reload.h"
#include "systemd.h"
#include "workers.h"

enum { SERVER_SIGNALS = 2 };

struct server {
    struct context context;
    struct clients clients;
    struct workers *crew;
    size_t number;            // of the worker; 0: the main thread's
    struct mailbox mailbox;   // open while there are several workers
    uv_thread_t thread;       // not worker 0's
    size_t away;              // messages of which it awaits the return
    const char *file;         // the configuration; NULL: built in
    int verbosity;            // more log than the settings say
    struct backend *backends; // all that live: a list
    size_t settled_count;     // how many have settled while it started
    struct reload reload;     // worker 0's
    struct broadcast pulse;   // likewise: whether all loops turn
    bool is_pulse_out;
    struct systemd systemd;      // likewise
    struct listener **listeners; // worker 0's, for all
    size_t listener_count;
    uv_signal_t signals[SERVER_SIGNALS]; // worker 0's
    struct hangup hangup;                // likewise
    uv_timer_t sweep;
    uv_timer_t deadline; // of starting, then of draining
    uv_timer_t last;     // of ending
    uint64_t started_ms;
    bool is_accepting;
    bool is_closed; // everything that it owned on the loop is being closed
    bool is_mailbox_closed;
    int exit_code;
};

// Runs until a signal ends it; returns the process's exit code. `settings` is taken over;
// `verbosity` is added to its log_level, and to those of later settings.
int server_run(struct settings *settings, const struct verb_table *verbs, const char *file,
               int verbosity);

// A worker beside the first: its loop does not run yet, and it has no settings.
struct server *server_new(struct workers *workers, size_t number);
// Runs its loop until it is closed.
void server_loop(struct server *server);
void server_free(struct server *server);

// No new requests; closes when its clients have gone. At once.
void server_drain(struct server *server);
void server_close(struct server *server);

// A message of its own has come back.
void server_came_home(struct server *server);
// Another worker has ended.
void server_crew_ended(struct server *server);

// Begins to connect; the backend lives until no policy refers to it. `path` as in backend.h.
struct backend *server_new_backend(struct server *server, struct settings *settings,
                                   const struct backend_conf *conf, const char *path);

// The worker that the context belongs to.
static inline struct server *server_of(struct context *context) {
    return (struct server *)context; // its first member
}
