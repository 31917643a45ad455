// Auth: a client says who it is, with a token that may have to wait until it is looked at.
#pragma once

#include "verb_table.h"

struct client;
struct request;

// Whether the token of this call may be looked at, or be refused, now. False: the client waits, and
// the request is to be started again when client_wait_auth() is over.
bool auth_may_look(struct client *client, const struct call *call);

// True: the client is that user from now on. False: the request has got its error.
bool auth_try(struct request *r, struct slice name, struct slice token);
