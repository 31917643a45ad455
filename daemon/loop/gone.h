// Gone: finds out whether the peer of a socket has left, although nothing is read from the socket.
//
// libuv tells of a peer's end only while it reads from the socket. A client is not read while it
// waits for its turn, for room or for its token to be checked, nor after `quit`. A peer that has
// only ended its own side may still want its replies, a peer that has closed the socket does not. A
// Unix socket tells the two apart. Over TCP they look the same, until the peer's system is asked:
// it answers a probe for an open socket, and resets a socket that has been closed for a minute.
#pragma once

#include "daemon/loop/stream.h"

enum { GONE_PROBE_IDLE_S = 60 };

// Has the system probe a TCP peer after `seconds` of silence.
void gone_probe(const struct stream *s, int seconds);

// Returns whether the peer has certainly gone; false when the system cannot tell.
bool gone_is(const struct stream *s);
