// Explain: what a request would do, without doing it.
#pragma once

#include "bytes.h"
#include "reply.h"

struct caller;
struct context;

// Appends "name: value" lines to `text`. False: the request is none; *error got the reply, with
// *code.
bool explain(struct context *context, struct caller *caller, const struct slice *words,
             size_t count, struct bytes *text, enum reply_code *code, struct bytes *error);
