// Auth: a client says who it is, with a token that may have to wait for its turn to be checked.
#pragma once

#include "protocol/bytes.h"
#include "protocol/call.h"

struct session;
struct request;

// Returns whether the token of this call can be checked, or refused, now. When it returns false,
// the request is to be started again at session->auth_at_ms.
bool auth_may_look(struct session *session, const struct call *call);

// Returns true when the token is right: from now on the client is that user. Otherwise returns
// false, and the request has its error.
bool auth_try(struct request *r, struct slice name, struct slice token);
