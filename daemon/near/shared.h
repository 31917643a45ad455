// Near shared: the memory through which the near stores of several workers know of each other.
//
//   worker A: a write is sent, and again when it is answered ──► the key's counter rises
//   worker B: an entry remembers the counters as they were when its answer was asked for, and is
//             valid only while they have not changed
//
// So when a client hears that its write is done, no worker can serve an older value, although each
// worker keeps its own entries and hears of Redis's invalidations itself. The same holds for reads:
// the hash of the last answer to a question, at any worker, is remembered, and a different answer
// raises the question's counter. So a later read at another worker never gets an older answer.
//
// All members are atomic, there is no lock, and a daemon with one worker has no struct near_shared.
#pragma once

#include <stdatomic.h>

#include "protocol/bytes.h"
#include "protocol/hash.h"

enum { NEAR_SHARED_SLOTS = 1 << 17 }; // each write voids one entry of so many by chance

struct near_shared {
    uint64_t seed;                            // of all hashes: the same in all workers
    atomic_ullong era;                        // rises when everything is void
    atomic_uint versions[NEAR_SHARED_SLOTS];  // of keys and questions, by their hashes
    atomic_ullong answers[NEAR_SHARED_SLOTS]; // by the question's hash: the last answer's hash
};

static inline size_t near_shared_slot(uint64_t hash) { return hash & (NEAR_SHARED_SLOTS - 1); }

// Both counters only rise, so their sum stands still while both do.
static inline uint32_t near_shared_version(const struct near_shared *s, uint64_t key_hash,
                                           uint64_t question_hash) {
    return atomic_load_explicit(&s->versions[near_shared_slot(key_hash)], memory_order_acquire) +
           atomic_load_explicit(&s->versions[near_shared_slot(question_hash)],
                                memory_order_acquire);
}

// Raises the counter of a key, or of a question.
static inline void near_shared_raise(struct near_shared *s, uint64_t hash) {
    atomic_fetch_add(&s->versions[near_shared_slot(hash)], 1);
}

// Returns whether the last answer to the question was the same; false when none is remembered.
static inline bool near_shared_is_known(const struct near_shared *s, uint64_t question_hash,
                                        struct slice answer) {
    return atomic_load(&s->answers[near_shared_slot(question_hash)]) ==
           hash_slice(answer, question_hash);
}

// Remembers the answer. To be called after the counters have been raised for this answer.
static inline void near_shared_remember(struct near_shared *s, uint64_t question_hash,
                                        struct slice answer) {
    atomic_store(&s->answers[near_shared_slot(question_hash)], hash_slice(answer, question_hash));
}
