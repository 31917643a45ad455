// Dial: reaches a backend's server: resolves its name without blocking, then connects, then makes
// the connection one with TLS, where the endpoint says so.
//
// The owner embeds the dial beside its stream, and keeps both until on_done() has been called.
// After dial_start() has returned 0 on_done() is called exactly once, also when the stream is
// closed meanwhile.
#pragma once

#include "conf/url.h"
#include "daemon/loop/endpoint.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/stream.h"
#include "protocol/bytes.h"
#include "protocol/command.h"

struct dial;

// `status` is 0, or a libuv error: UV_ECANCELED when the stream was closed. `what` names the step
// that failed, for example "can't connect"; dial_tell() makes a reason of both.
typedef void dial_done(struct dial *dial, int status, const char *what);

struct dial {
    uv_getaddrinfo_t resolve;
    uv_connect_t connect;
    struct stream *stream;
    const struct endpoint *to;
    unsigned attempt;
    unsigned addresses; // of the host's name, once it is resolved; else 0
    bool is_resolving;  // the name is being looked up
    bool is_shaking;    // the handshake of TLS is under way
    char what[80];      // that the name can't be resolved
    dial_done *on_done;
};

// Sets up the stream, and begins to connect to the endpoint, whose texts must outlive the dial.
// `attempt` chooses among the addresses of a name. Returns 0, or a libuv error: then *what names
// the failed step, and on_done() is never called. The owner must close the stream in either case.
int dial_start(struct dial *dial, struct loop *loop, struct stream *stream,
               const struct stream_events *events, const struct endpoint *to, unsigned attempt,
               dial_done *on_done, const char **what);

// Writes the reason why a dial failed, as on_done() was told it; "" when it did not.
void dial_tell(char *reason, size_t size, int status, const char *what);

// Returns a text on what the dial waits for when it takes too long.
const char *dial_waits_for(const struct dial *dial);

// Gives up a look-up that has not begun. To be called when the stream is being closed.
void dial_cancel(struct dial *dial);

// Writes AUTH, with the password of the endpoint or else of the url. Returns false, and writes
// nothing, when there is none.
bool dial_write_auth(struct command *command, const struct url *url, const struct endpoint *to);
// Writes CLIENT SETNAME, so that operators of Redis see who is connected.
void dial_write_name(struct command *command, struct slice name);
