// Server: owns what lives as long as the daemon, and the settings in force.
//
//   server ─owns─► listeners, clients, backends, policy (a reference), verbs, free requests
#pragma once

#include "backend.h"
#include "client.h"
#include "listener.h"
#include "reactor.h"
#include "reload.h"
#include "supervisor.h"

enum { SERVER_SIGNALS = 3 };

struct server {
    struct reactor reactor;
    const struct verb_table *verbs;
    const char *file;         // the configuration; NULL: built in
    int verbosity;            // more log than the settings say
    struct policy *policy;    // in force
    struct backend *backends; // all that live: a list
    size_t settled_count;     // how many have settled while it started
    struct reload reload;
    struct supervisor supervisor;
    struct purge *purges; // going on: a list
    struct server_stats stats;
    struct listener **listeners;
    size_t listener_count;
    struct client *clients; // a list
    size_t client_count;
    struct client *turn_waiters; // a list: see client_wait_turn()
    int64_t max_clients;         // what the open-files limit leaves of the setting
    uint64_t next_client_id;
    struct request *free_requests;
    size_t free_count;
    struct slice *words; // of the request being started
    size_t words_cap;
    struct bytes scratch;  // for the error of the request being started
    struct bytes question; // for what it asks the near cache
    uv_signal_t signals[SERVER_SIGNALS];
    uv_timer_t sweep;
    uv_timer_t deadline; // of starting, then of draining
    uv_timer_t last;     // of ending
    uint64_t started_ms;
    bool is_accepting;
    bool is_draining;
    bool is_closed; // everything that it owned on the loop is being closed
    int exit_code;
};

// Runs until a signal ends it; returns the process's exit code. `settings` is taken over;
// `verbosity` is added to its log_level, and to those of later settings.
int server_run(struct settings *settings, const struct verb_table *verbs, const char *file,
               int verbosity);

// Begins to connect; the backend lives until no policy refers to it.
struct backend *server_new_backend(struct server *server, struct settings *settings,
                                   const struct backend_conf *conf);

struct slice *server_words(struct server *server, size_t count);
void server_add_client(struct server *server, struct client *client);
void server_remove_client(struct server *server, struct client *client);
