// Dial: reaching a backend's server: its name is resolved without blocking, then connected to.
//
// The owner embeds it beside its stream, and keeps both until on_done() has been called: exactly
// once after a good dial_start(), also when the stream is closed meanwhile.
#pragma once

#include "conf/url.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/stream.h"
#include "protocol/bytes.h"
#include "protocol/command.h"

struct dial;

// `status` is 0, or a libuv error; UV_ECANCELED when the stream was closed. `what` failed: "can't
// connect", say.
typedef void dial_done(struct dial *dial, int status, const char *what);

struct dial {
    uv_getaddrinfo_t resolve;
    uv_connect_t connect;
    struct stream *stream;
    unsigned attempt;
    dial_done *on_done;
};

// Sets up the stream, and begins. `path` is the server's Unix socket, NULL for the url's host;
// `attempt` chooses among the addresses of a name, unless `peer` is one of these already. Returns
// 0, or a libuv error (*what as above) and never calls on_done() then; the stream is to be closed
// in either case.
int dial_start(struct dial *dial, struct loop *loop, struct stream *stream,
               const struct stream_events *events, const struct url *url, const char *path,
               const struct sockaddr_storage *peer, unsigned attempt, dial_done *on_done,
               const char **what);

// The stream is being closed: gives up a look-up that has not begun.
void dial_cancel(struct dial *dial);

// Writes AUTH when the url has a password; false: it has none.
bool dial_write_auth(struct command *command, const struct url *url);
// CLIENT SETNAME, so that operators of Redis see who is connected.
void dial_write_name(struct command *command, struct slice name);
