// Listener: a socket where clients connect. The owner is called back for each of them.
#pragma once

#include <sys/stat.h>
#include <uv.h>

#include "conf/address.h"
#include "conf/sections.h"
#include "daemon/loop/loop.h"
#include "protocol/bytes.h"

struct dialect;

struct listener {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    struct loop *loop;
    // A client has connected: the owner accepts it from uv.stream, into a stream of the same kind.
    void (*on_client)(void *owner, struct listener *l);
    void *owner;
    const struct dialect *dialect; // that its clients speak
    bool is_started;
    uint64_t last_refusal_ms; // when the log was told that a client could not be accepted
    struct address address;   // owned
    dev_t device;             // of the socket file, to remove only our own
    ino_t inode;
};

// Binds, without listening yet. Returns NULL when it can't: *error says why. A stale socket file is
// replaced. The address is copied.
struct listener *listener_new(struct loop *loop, const struct address *address,
                              const struct daemon_conf *conf,
                              void (*on_client)(void *owner, struct listener *l), void *owner,
                              struct bytes *error);

// Accepts clients from now on, if it does not yet. Returns false when it can't: *error says why.
bool listener_start(struct listener *l, struct bytes *error) __attribute__((warn_unused_result));

// Whether its clients come over a Unix socket, or over TCP.
bool listener_is_unix(const struct listener *l);

// Tells the client that was accepted into `stream` that there are too many and why, and the log
// once in a while. The owner closes the stream then.
void listener_turn_away(struct listener *l, uv_stream_t *stream, const char *why);

// Gives its socket file the mode and group of the settings. Returns false when it can't: *error
// says why.
bool listener_set_access(struct listener *l, const struct daemon_conf *conf, struct bytes *error)
    __attribute__((warn_unused_result));

// Accepts no more, removes its socket file, and frees itself later.
void listener_free(struct listener *l);
