// Dialect: how clients write requests and read refusals. No other code knows which dialect a client
// speaks.
#pragma once

#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/refusal.h"

struct verb_entry;

struct dialect {
    const char *name;
    // Reads `words` (those after the verb's name) into `call`. If the verb takes a namespace, *name
    // gets the namespace's name. Before the call, *name holds the name that the client used last,
    // or none; it stays unchanged, pointer included, when the words name the same namespace again.
    // Returns false with a refusal.
    bool (*read)(const struct verb_entry *entry, const struct slice *words, size_t count,
                 struct call *call, struct slice *name, struct refusal *refusal)
        __attribute__((warn_unused_result));
    // Appends the refusal as a reply.
    void (*write_refusal)(struct bytes *out, const struct refusal *refusal);
};
