// Lease: gives back the lease that a memo.get has asked for, when its client has gone.
#pragma once

struct request;

// Drops the lease whose token the request has sent, whether or not it was given. Where the backend
// has no room for that, the lease's own ttl ends it.
void lease_give_back(struct request *r);
