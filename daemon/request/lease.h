// Lease: gives back the lease that a memo.get has asked for, when the client has gone.
#pragma once

struct request;

// Has the backend drop the lease whose token the request has sent, whether or not the lease was
// given. If the backend has no room for that command, the lease ends with its own ttl.
void lease_give_back(struct request *r);
