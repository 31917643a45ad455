// Listener: a socket where clients connect.
#pragma once

#include <sys/stat.h>
#include <uv.h>

#include "url.h"

struct server;

struct listener {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    struct server *server;
    struct address address; // owned
    dev_t device;           // of the socket file, to remove only our own
    ino_t inode;
};

// Binds, without listening yet. NULL: logged why. A stale socket file is replaced.
struct listener *listener_new(struct server *server, const struct address *address);

// Accepts clients from now on. False: logged why.
bool listener_start(struct listener *l);

// Accepts no more, removes its socket file, and frees itself later.
void listener_free(struct listener *l);
