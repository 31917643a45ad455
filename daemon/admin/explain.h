// Explain: what a request would do, without doing it.
#pragma once

#include "protocol/bytes.h"
#include "protocol/refusal.h"

struct session;

// Appends "name: value" lines to `text`. Returns false with a refusal when the words, which the
// session's client has said, are no request.
bool explain(struct session *session, const struct slice *words, size_t count, struct bytes *text,
             struct refusal *refusal);
