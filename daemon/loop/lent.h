// Lent: output that a stream sends from where it lies, without a copy, among its own bytes.
//
//   own bytes  a b c     d e       f         sent: a b c PART d e PART PART f
//   parts           PART     PART PART
//
// A part stands before one of the own bytes, or behind the last of them. One call of the system
// takes many parts and what is between them. A stream has this only while bytes are lent to it:
// stream.c knows it by the functions of struct stream_lent alone.
#pragma once

#include "daemon/loop/stream.h"
#include "protocol/bytes.h"

// Gives the bytes of a part back to their lender.
typedef void lent_give_back(void *loan);

// Appends bytes, at least one, to the output of the stream. They must stay as they are until they
// are given back, by `give_back(loan)`: once the kernel has taken them and what libuv was handed
// with them, or when the stream has been closed. With TLS, which makes records of a copy, they are
// given back at once.
void stream_lend(struct stream *s, struct slice bytes, lent_give_back *give_back, void *loan);
