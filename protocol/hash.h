// Hash: of names and keys, by XXH3 (Collet, github.com/Cyan4973/xxHash), inlined: most are so short
// that a call would cost as much as the hash.
#pragma once

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "protocol/bytes.h"

// `seed`: where a peer may choose what is hashed, a random one keeps it from choosing collisions.
static inline uint64_t hash_slice(struct slice s, uint64_t seed) {
    return XXH3_64bits_withSeed(s.data, s.len, seed);
}
