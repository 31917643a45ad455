// Admit: turns the words of a request into a call that the client may make, or into the reason why
// it may not.
//
//   words ──► verb ──► call (options, arguments) ──► namespace ──► policy
//
// The client's last verb and namespace are tried before any look-up, since most clients name the
// same ones many times.
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
    struct namespace *namespace;    // NULL: the verb takes none, or there is no such namespace
    struct call call;
    size_t size; // bytes of the words
};

// Fills in the admission, all but the size. Returns false with a refusal when the client may not
// make the call. Changes nothing else but the verb and namespace that the session's identity named
// last.
bool admit(struct session *session, struct slice *words, size_t count, struct admission *a,
           struct refusal *refusal);

// Returns the namespace of that name, if the identity may use it; otherwise NULL, with a refusal.
struct namespace *admit_namespace(struct context *context, struct identity *identity,
                                  struct slice name, struct refusal *refusal);

// Refuses a verb that does not exist, with a guess at the verb that was meant. Returns false.
bool admit_refuse_verb(struct context *context, struct slice name, struct refusal *refusal);
