// Explain: what a request would do, without doing it.
#pragma once

#include "bytes.h"
#include "refusal.h"

struct caller;
struct context;

// Appends "name: value" lines to `text`. Returns false with a refusal when the request is none.
bool explain(struct context *context, struct caller *caller, const struct slice *words,
             size_t count, struct bytes *text, struct refusal *refusal);
