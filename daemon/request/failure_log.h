// Failure log: tells the log why requests fail, where nothing else does, as complaints: by their
// cause, and with a count.
#pragma once

#include "daemon/policy/policy.h"
#include "daemon/request/session.h"
#include "protocol/bytes.h"
#include "protocol/refusal.h"
#include "protocol/verb.h"

struct context;

// The client's user may not do that. `verb` is the request's first word.
void failure_log_not_permitted(const struct session *session, struct slice verb);

// The namespace's policy refuses the request.
void failure_log_policy(const struct session *session, const struct namespace *namespace,
                        struct slice verb, const struct refusal *refusal);

// The backend has not answered a request of that verb within its timeout.
void failure_log_timeout(const struct context *context, const struct namespace *namespace,
                         const struct verb *verb);

// A request has waited as long as it may for room at its backend.
void failure_log_full(const struct context *context, const struct namespace *namespace,
                      const struct verb *verb);
