// Admit: from the words of a request to a call that its caller may make, or the reason why not.
//
//   words ──► verb ──► call (options, arguments) ──► namespace ──► policy
//
// A caller's last verb and namespace are tried before any look-up: most say the same many times.
#pragma once

#include "daemon/policy/identity.h"
#include "daemon/policy/policy.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/refusal.h"
#include "protocol/verb_table.h"

struct context;
struct session;

// The meaning of a request, once it is allowed.
struct admission {
    const struct verb_entry *entry; // NULL: no such verb
    struct namespace *namespace;    // NULL: none, or no such
    struct call call;
};

// Looks up, checks and decides; changes nothing but the verb and namespace that the session's
// caller named last. Returns false with a refusal.
bool admit(struct session *session, const struct slice *words, size_t count, struct admission *a,
           struct refusal *refusal);

// The namespace of that name, if the caller may use it; NULL with a refusal.
struct namespace *admit_namespace(struct context *context, struct identity *identity,
                                  struct slice name, struct refusal *refusal);

// Refuses a verb that is not there, with a guess at the one that was meant. Returns false.
bool admit_refuse_verb(struct context *context, struct slice name, struct refusal *refusal);
