// Native: this daemon's own dialect, as PROTOCOL.md describes it.
#pragma once

#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/dialect.h"
#include "protocol/refusal.h"

extern const struct dialect native_dialect;

struct verb_entry;

// Reads `words` (those after the verb's name) into `call`. If the verb takes a namespace, *name
// gets the namespace's name. Before the call, *name holds the name that the client used last, or
// none; it stays unchanged, pointer included, when the words name the same namespace again. Returns
// false with a refusal.
bool native_read(const struct verb_entry *entry, const struct slice *words, size_t count,
                 struct call *call, struct slice *name, struct refusal *refusal)
    __attribute__((warn_unused_result));
