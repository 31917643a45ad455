// Lost: texts for people on why the connection to a server has ended.
#pragma once

#include "daemon/loop/stream.h"
#include "protocol/bytes.h"

// Writes why the stream has ended, with on_end()'s status. `is_mute`: before any answer came.
void lost_tell(char *reason, size_t size, const struct stream *s, int status, bool is_mute);

// Returns what is wrong with a server whose first answer these bytes are; NULL: nothing so far.
const char *lost_look(const struct stream *s, struct slice answer);
