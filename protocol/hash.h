// Hash: hashes names and keys by XXH3 (Collet, github.com/Cyan4973/xxHash). The code is inlined,
// because most names and keys are so short that a call would cost as much as the hash.
#pragma once

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "protocol/bytes.h"

// If a peer can choose the hashed bytes, `seed` must be random, so that it cannot choose
// collisions.
static inline uint64_t hash_slice(struct slice s, uint64_t seed) {
    return XXH3_64bits_withSeed(s.data, s.len, seed);
}
