// Listener: a socket where clients connect. The owner is called back for each client.
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
    char *section;                 // its name; NULL: [cachesd]
    const struct dialect *dialect; // that its clients speak
    bool is_started;
    uv_timer_t again;         // for a client that is not accepted yet
    unsigned handles;         // that libuv still holds; 0: the memory may be freed
    uint64_t last_refusal_ms; // when the log was told that a client could not be accepted
    struct address address;   // owned
    dev_t device;             // of the socket file, to remove only our own
    ino_t inode;
};

// Binds a socket, without listening yet. Returns NULL when that fails: *error says why. A stale
// socket file is replaced. The address is copied.
struct listener *listener_new(struct loop *loop, const struct address *address,
                              const struct daemon_conf *conf,
                              void (*on_client)(void *owner, struct listener *l), void *owner,
                              struct bytes *error);

// Has the listener belong to the section; NULL: [cachesd], to which it belongs at first.
void listener_set_section(struct listener *l, const struct listener_conf *conf);

// Accepts clients from now on. Has no effect on a started listener. Returns false when listening
// fails: *error says why.
bool listener_start(struct listener *l, struct bytes *error) __attribute__((warn_unused_result));

// Returns whether clients come over a Unix socket; false: over TCP.
bool listener_is_unix(const struct listener *l);

// Leaves the client that has connected in the system's queue, with those behind it: on_client() is
// called again in a moment.
void listener_wait(struct listener *l);

// Tells the client that was accepted into `stream` why it is turned away, and logs that once in a
// while. The owner then closes the stream.
void listener_turn_away(struct listener *l, uv_stream_t *stream, const char *why);

// Gives the socket file the mode and group of the settings. Returns false when that fails: *error
// says why.
bool listener_set_access(struct listener *l, const struct daemon_conf *conf, struct bytes *error)
    __attribute__((warn_unused_result));

// Appends why the daemon can't listen at an address, and what can be done. `code` is a libuv error.
void listener_append_problem(struct bytes *error, const struct address *address, int code);

// Stops listening and removes the socket file. The memory is freed later.
void listener_free(struct listener *l);
