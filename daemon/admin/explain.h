// Explain: tells what a request would do, without doing it.
#pragma once

#include "protocol/bytes.h"
#include "protocol/refusal.h"

struct session;

// Appends "name: value" lines to `text` about the request with these words, as the session's client
// would send it. Returns false with a refusal when the words are no request.
bool explain(struct session *session, const struct slice *words, size_t count, struct bytes *text,
             struct refusal *refusal);
