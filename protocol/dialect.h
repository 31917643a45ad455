// Dialect: how clients write requests and read refusals. Nothing behind it knows which one a client
// speaks.
#pragma once

#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/refusal.h"

struct verb_entry;

struct dialect {
    const char *name;
    // Reads `words` (behind the verb's name) into `call`. If the verb takes a namespace, *name gets
    // its name: it holds the one that was named last, or none, and stays as it is when the words
    // name the same again. Returns false with a refusal.
    bool (*read)(const struct verb_entry *entry, const struct slice *words, size_t count,
                 struct call *call, struct slice *name, struct refusal *refusal)
        __attribute__((warn_unused_result));
    // Appends the refusal as a reply.
    void (*write_refusal)(struct bytes *out, const struct refusal *refusal);
};
