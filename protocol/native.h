// Native: this daemon's own dialect, as PROTOCOL.md describes it.
#pragma once

#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/dialect.h"
#include "protocol/refusal.h"

extern const struct dialect native_dialect;

// The read() of native_dialect (dialect.h), for callers that know the dialect: the call can be
// inlined.
bool native_read(const struct verb_entry *entry, const struct slice *words, size_t count,
                 struct call *call, struct slice *name, struct refusal *refusal)
    __attribute__((warn_unused_result));
