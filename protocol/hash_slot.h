// Hash slot: which of a cluster's 16,384 slots a key belongs to.
#pragma once

#include "protocol/bytes.h"

enum { HASH_SLOTS = 16384 };

// Returns the slot of the key that `prefix` and `key` make together: of the whole key, or of what
// stands between its first { and the } that follows, unless nothing does (redis.io, "Redis cluster
// specification", "Hash tags"). The braces may stand in either part.
uint16_t hash_slot(struct slice prefix, struct slice key);

// Returns whether the prefix decides the slot alone, so that all keys that begin with it have the
// same.
bool hash_slot_is_of_prefix(struct slice prefix);
