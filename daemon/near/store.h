// Near store: the memory of the near cache: replies, kept under their questions.
//
// The store knows no loop and no clock: times are handed in, in milliseconds of any one clock.
//
//   slots: by hash: entry ─► entry …               an entry is one block: header, question, reply
//          and a counter for the keys there        forgetting a key is one increment
//   queues: small ─► main                          the order in which entries leave (S3-FIFO)
//
// Validity without look-ups: an entry remembers the counter of its key and the epoch of its tracker
// as they were when the answer was asked for, and is valid only while neither has changed. So any
// event in between (an invalidation, an own write, FLUSHALL) voids the entry, also an event before
// the answer has come. Keys share counters, of which there are two an entry and 16,384 at least:
// forgetting one key voids on average less than one entry of another key, which costs one read.
//
// The entries that leave when memory is full are chosen by S3-FIFO (Yang, Zhang, Qiu, Yue, Rashmi:
// "FIFO queues are all you need for cache eviction", SOSP 2023): new entries go through a small
// queue, and only those asked for again while in it reach the main queue, so that a scan does not
// drive out the hot entries. The hashes of entries that left the small queue are remembered for a
// while (ghosts): an entry that comes back goes to the main queue at once.
//
// With several workers, near/shared.h has further counters, which all of them share.
#pragma once

#include "protocol/bytes.h"

struct near_shared;

struct near_store;

// A question about one key. It is valid as long as the bytes that `asked` points into.
struct near_question {
    struct slice asked; // the real key, then all else that the answer depends on
    uint64_t key_hash;  // of the real key: near_store_hash()
    uint64_t hash;      // of all of `asked`
};

// The counters as they stood when an answer was asked for.
struct near_moment {
    uint64_t epoch;   // of the tracker, plus near_store_era()
    uint32_t version; // of the key
    uint32_t shared;  // of the key and the question, among all workers
};

struct near_counters {
    uint64_t hits, misses;
    uint64_t kept;    // answers taken in
    uint64_t late;    // answers that were void before they came
    uint64_t large;   // answers too large to keep
    uint64_t evicted; // valid entries that had to leave for others
    uint64_t entries; // now, void ones included
    uint64_t bytes;   // in use now, those of held questions included
};

// The store holds at most `memory` bytes, its own tables included; with less than NEAR_LEAST it
// keeps nothing. `seed` is a random number, so that nobody can choose keys whose hashes collide.
struct near_store *near_store_new(size_t memory, uint64_t seed);
void near_store_free(struct near_store *s);

enum { NEAR_LEAST = 64 * 1024, NEAR_LONGEST_QUESTION = 64 * 1024 };

// Connects the store with the stores of the other workers, which have the same `shared`. To be
// called before the store is used; `shared` must outlive the store.
void near_store_share(struct near_store *s, struct near_shared *shared);
bool near_store_is_shared(const struct near_store *s);

// Sets another bound, in bytes. When the bound differs from the present one, all entries are
// dropped, and no answer that was asked for before is kept.
void near_store_resize(struct near_store *s, size_t memory);

// Returns the hash of a real key. `salt` tells trackers apart: their keys may have the same names.
uint64_t near_store_hash(const struct near_store *s, struct slice key, uint64_t salt);

// Returns a number that rises when everything becomes void. Callers add it to the epochs that they
// hand in below.
uint64_t near_store_era(const struct near_store *s);

// Returns the counters of the question as they stand now.
struct near_moment near_store_moment(const struct near_store *s, const struct near_question *q,
                                     uint64_t epoch);

// Voids the kept answers about the key: in this store, or in the stores of all workers.
void near_store_forget(struct near_store *s, uint64_t key_hash);
void near_store_forget_everywhere(struct near_store *s, uint64_t key_hash);

// Voids all kept answers in the stores of all workers.
void near_store_forget_all(struct near_store *s);

// Takes `bytes` of the memory for a question while its answer is awaited. Returns false, and takes
// nothing, when there is no room for that many. near_store_release() gives them back.
bool near_store_hold(struct near_store *s, size_t bytes, uint64_t now_ms);
void near_store_release(struct near_store *s, size_t bytes);

// Returns the reply kept for the question; its data is NULL when there is none. The reply is valid
// until the next call that keeps something.
struct slice near_store_find(struct near_store *s, const struct near_question *q, uint64_t epoch,
                             uint64_t now_ms);

// Returns the reply although its deadline has passed, as long as `now_ms` is before its `until_ms`.
// Counts neither a hit nor a miss.
struct slice near_store_find_late(struct near_store *s, const struct near_question *q,
                                  uint64_t epoch, uint64_t now_ms);

// Lends a reply that near_store_find() has just returned for that question: its bytes stay as they
// are and where they are until the loan is handed to near_store_return(), although the entry may be
// replaced or evicted meanwhile, or the store resized or freed. Returns the loan, which belongs to
// the store's thread.
//
// The memory of a lent reply that has left the store is not in counters.bytes. Whoever borrows
// bounds that memory: a client's loans count as its output, which client_output limits.
void *near_store_lend(const struct near_question *q, struct slice reply);
void near_store_return(void *loan);

// Returns whether the last answer that any worker had to the question was the same. For shared
// stores only.
bool near_store_is_known(const struct near_store *s, const struct near_question *q,
                         struct slice answer);

// To be called when an answer has come: no worker may serve an older one any more. `asked_at`, the
// moment of the answer itself, is moved on so that the answer stays valid. For shared stores only.
void near_store_see(struct near_store *s, const struct near_question *q, struct slice answer,
                    struct near_moment *asked_at);

// Keeps a copy of the reply in the place of an earlier one, unless a counter has moved on since
// `asked_at`. near_store_find() returns the reply before `deadline_ms`, near_store_find_late()
// before `until_ms`, which must not be the earlier of the two.
void near_store_keep(struct near_store *s, const struct near_question *q,
                     const struct near_moment *asked_at, struct slice reply, uint64_t deadline_ms,
                     uint64_t until_ms, uint64_t now_ms);

const struct near_counters *near_store_counters(const struct near_store *s);
