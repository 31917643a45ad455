// Auth: a client says who it is, with a token that may have to wait until it is looked at.
#pragma once

#include "protocol/bytes.h"
#include "protocol/call.h"

struct session;
struct request;

// Returns whether the token of this call may be looked at, or be refused, now. False: the request
// is to be started again at session->auth_at_ms.
bool auth_may_look(struct session *session, const struct call *call);

// True: the client is that user from now on. False: the request has got its error.
bool auth_try(struct request *r, struct slice name, struct slice token);
