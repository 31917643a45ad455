// Gone: whether the peer of a socket has left, found out although nothing is read from it.
//
// libuv tells of a peer's end where it reads; who waits for its turn, for room, for a token to be
// looked at or behind `quit` is not read. A peer that has only ended its own side may still want
// its replies. A Unix socket tells the two apart. Over TCP they look the same, until the peer's
// system is asked: it answers a probe for an open socket, and resets one that has been closed for a
// minute.
#pragma once

#include "daemon/loop/stream.h"

enum { GONE_PROBE_IDLE_S = 60 };

// Has the system ask a TCP peer after so many seconds of silence whether it is still there.
void gone_probe(const struct stream *s, int seconds);

// Whether the peer has certainly gone.
bool gone_is(const struct stream *s);
