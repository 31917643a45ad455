// Lost: texts for people on why the connection to a server has ended.
#pragma once

#include "daemon/loop/stream.h"
#include "protocol/bytes.h"

// Writes why the stream has ended, with on_end()'s status. `who` was at its other end; `is_mute`:
// before any answer came; `remedy`: how the server would be reached over TLS.
void lost_tell(char *reason, size_t size, const struct stream *s, int status, bool is_mute,
               const char *who, const char *remedy);

// Returns whether a server that is spoken to without TLS answers in TLS; `answer` are the first
// bytes of its first answer.
bool lost_is_tls(const struct stream *s, struct slice answer);

// Returns whether these words of a server's say that it knows no such command, and cuts off what it
// says of the arguments.
bool lost_is_unknown_command(struct slice *words);

// Writes that the server refuses a command of the greeting.
void lost_tell_refusal(char *reason, size_t size, const char *command, struct slice words);
