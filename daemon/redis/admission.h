// Admission, in the Redis dialect: turns the words of a command into a call that the client may
// make, or into the reason why it may not.
//
//   words ──► command ──► call ──► namespaces of its keys ──► policy
//        └──► none: a verb of cachesd's own, as in admit.h
#pragma once

#include "daemon/request/admit.h"
#include "daemon/request/session.h"
#include "protocol/bytes.h"
#include "protocol/refusal.h"

// Does for a session with `redis` what admit() does for others.
bool redis_admit(struct session *session, struct slice *words, size_t count, struct admission *a,
                 struct refusal *refusal);
