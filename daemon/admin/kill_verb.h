// Kill verb: closes the client of an id, at whichever worker it is.
#pragma once

struct call;
struct request;

// Replies :1 when the client is closed, :0 when there is none of that id. A client that names its
// own id still gets the reply.
void kill_verb_run(struct request *r, const struct call *call);
