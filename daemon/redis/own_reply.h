// Own reply: parts of replies that the daemon writes itself to a client of the Redis dialect, in
// the version of the protocol that the client speaks.
#pragma once

#include "daemon/request/request.h"
#include "protocol/bytes.h"

// Begins a map, of which `pairs` keys and values follow, and a set.
void own_map(struct request *r, size_t pairs);
void own_set(struct request *r, size_t count);
void own_nil(struct request *r);

void own_text(struct request *r, const char *text);

// Each finishes the request.
void own_finish_ok(struct request *r);
void own_finish_integer(struct request *r, int64_t value);
// Frees `text`, which is for people to read.
void own_finish_verbatim(struct request *r, struct bytes *text);
// Refuses what Redis can do, and cachesd does not do for anybody, with the reason.
#define OWN_SHARED "Redis's server and its connections are shared by all clients"
void own_refuse(struct request *r, const char *command, const char *subcommand, const char *why);
