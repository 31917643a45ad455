// Listener: a socket where clients connect.
#pragma once

#include <sys/stat.h>
#include <uv.h>

#include "settings.h"

struct server;

struct listener {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    struct server *server;
    bool is_started;
    uint64_t last_refusal_ms; // when the log was told that a client could not be accepted
    struct address address;   // owned
    dev_t device;             // of the socket file, to remove only our own
    ino_t inode;
};

// Binds, without listening yet. NULL: *error says why. A stale socket file is replaced.
struct listener *listener_new(struct server *server, const struct address *address,
                              const struct daemon_conf *conf, struct bytes *error);

// Accepts clients from now on, if it does not yet. False: *error says why.
bool listener_start(struct listener *l, struct bytes *error);

// When there are too many clients, the one just accepted included, or too few file descriptors:
// tells the client so. It is to be closed then.
bool listener_turns_away(struct listener *l, uv_stream_t *accepted);

// Gives its socket file the mode and group of the settings.
bool listener_set_access(struct listener *l, const struct daemon_conf *conf, struct bytes *error);

// Accepts no more, removes its socket file, and frees itself later.
void listener_free(struct listener *l);
