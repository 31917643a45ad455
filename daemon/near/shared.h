// Near shared: the memory through which the near stores of several workers know of each other.
//
//   worker A: a write is sent, and again when it is answered ──► the key's counter rises
//   worker B: an entry remembers the counters as they were when its answer was asked for, and is
//             valid only while they have not changed
//
// So when a client hears that its write is done, no worker can serve an older value, although each
// worker keeps its own entries and hears of Redis's invalidations itself. The same holds for reads:
// the hash of the last answer to a question, at any worker, is remembered, and an answer that is
// not the remembered one raises the question's counter. So a later read at another worker never
// gets an older answer.
//
// An answer that nobody remembers costs the kept entries of all workers, so those to many questions
// have to find a place: a question has a bucket of several places, as in a processor's cache. With
// one place a question, two that are asked again and again would void each other's entries for
// ever, and among 10,000 keys every thirteenth is one of such a pair.
//
// All members are atomic, there is no lock, and a daemon with one worker has no struct near_shared.
#pragma once

#include <stdatomic.h>

#include "protocol/bytes.h"

enum {
    NEAR_SHARED_SLOTS = 1 << 17,   // each write voids one entry of so many by chance
    NEAR_SHARED_BUCKETS = 1 << 16, // they take 4 MB, of which the system gives what is used
    NEAR_SHARED_PLACES = 8,        // in a bucket: a cache line
};

struct near_shared {
    uint64_t seed;                           // of all hashes: the same in all workers
    atomic_ullong era;                       // rises when everything is void
    atomic_uint versions[NEAR_SHARED_SLOTS]; // of keys and questions, by their hashes
    // By the question's hash. Each is a part of the question's hash and one of its last answer's;
    // 0: none.
    atomic_ullong answers[NEAR_SHARED_BUCKETS][NEAR_SHARED_PLACES];
};

static inline size_t near_shared_slot(uint64_t hash) { return hash & (NEAR_SHARED_SLOTS - 1); }

// Both counters only rise, so their sum stands still while both do.
static inline uint32_t near_shared_version(const struct near_shared *s, uint64_t key_hash,
                                           uint64_t question_hash) {
    return atomic_load_explicit(&s->versions[near_shared_slot(key_hash)], memory_order_acquire) +
           atomic_load_explicit(&s->versions[near_shared_slot(question_hash)],
                                memory_order_acquire);
}

// Raises the counter of a key.
void near_shared_raise(struct near_shared *s, uint64_t key_hash);

// Returns whether the last answer to the question was the same; false when none is remembered.
bool near_shared_is_known(const struct near_shared *s, uint64_t question_hash, struct slice answer);

// Raises the question's counter, and remembers the answer.
void near_shared_tell(struct near_shared *s, uint64_t question_hash, struct slice answer);
