// Dialogue: the requests of one client that speaks the Redis dialect: single commands, and those of
// a MULTI.
#pragma once

#include "daemon/request/session.h"

// Makes the session, which came through a listener that speaks it, one of the Redis dialect.
void dialogue_begin(struct session *session);

// Frees what dialogue_begin() made, if it was called.
void dialogue_end(struct session *session);
