// Near store: the memory of the near cache: replies kept under what was asked.
//
// Pure: no loop, no clock; times are handed in, in any one clock's milliseconds.
//
//   slots: by hash: entry ─► entry …               an entry is one block: header, question, reply
//          and a counter for the keys there        forgetting a key is one increment
//   queues: small ─► main                          the order in which entries leave (S3-FIFO)
//
// Validity without look-ups: an entry remembers the counter of its key and the epoch of its tracker
// as they were when the answer was asked for, and is an answer only while both still stand there.
// So whatever comes in between (an invalidation, an own write, FLUSHALL) voids it, also when it
// comes before the answer that is to be kept. Keys share counters, of which there are two an entry
// and 16,384 at least: forgetting one key voids less than one entry of another by chance, which
// costs a read.
//
// The entries that leave when memory is full are chosen by S3-FIFO (Yang, Zhang, Qiu, Yue, Rashmi:
// "FIFO queues are all you need for cache eviction", SOSP 2023): newcomers go through a small
// queue, and only those asked for again while in it reach the main one, so that a scan passes by
// what is hot. Of the entries that left the small queue, hashes are remembered for a while
// (ghosts): who comes back goes to the main queue at once.
//
// With several workers near/shared.h has counters for all of them beside.
#pragma once

#include "protocol/bytes.h"

struct near_shared;

struct near_store;

// A question: valid as long as the bytes that `asked` points into.
struct near_question {
    struct slice asked; // the real key, then all else that the answer depends on
    uint64_t key_hash;  // of the real key: near_store_hash()
    uint64_t hash;      // of all
};

// When the answer was asked for.
struct near_moment {
    uint64_t epoch;   // of the tracker, and of all
    uint32_t version; // of the key
    uint32_t shared;  // of the key and the question, among all workers
};

struct near_counters {
    uint64_t hits, misses;
    uint64_t kept;    // answers taken in
    uint64_t late;    // answers that were void before they came
    uint64_t large;   // answers too large to keep
    uint64_t evicted; // valid entries that had to leave for others
    size_t entries;   // now, void ones included
    size_t bytes;     // now: all of it, and the questions that are held
};

// Holds at most `memory` bytes, its own tables included; less than NEAR_LEAST: nothing. `seed`: a
// random number, so that nobody can choose keys whose hashes collide.
struct near_store *near_store_new(size_t memory, uint64_t seed);
void near_store_free(struct near_store *s);

enum { NEAR_LEAST = 64 * 1024, NEAR_LONGEST_QUESTION = 64 * 1024 };

// From now on the store minds what the other workers' stores, which share the same, have to say. To
// be called before the store is used; `shared` must outlive it.
void near_store_share(struct near_store *s, struct near_shared *shared);
bool near_store_is_shared(const struct near_store *s);

// Another bound from now on. When it differs, what was kept is dropped, and no answer that was
// asked for before is kept.
void near_store_resize(struct near_store *s, size_t memory);

// The hash of a real key. `salt` tells trackers apart: their keys may have the same names.
uint64_t near_store_hash(const struct near_store *s, struct slice key, uint64_t salt);

// Rises when everything is void: a part of the epochs handed in below.
uint64_t near_store_era(const struct near_store *s);

// The counters of the question as they stand now.
struct near_moment near_store_moment(const struct near_store *s, const struct near_question *q,
                                     uint64_t epoch);

// The answers that are kept of the key are void: here, or in the stores of all workers.
void near_store_forget(struct near_store *s, uint64_t key_hash);
void near_store_forget_everywhere(struct near_store *s, uint64_t key_hash);

// Nothing that is kept is an answer any more, in the stores of all workers.
void near_store_forget_all(struct near_store *s);

// Takes `bytes` of the memory for a question while its answer is awaited; false: it has no room for
// that many, and nothing is taken. near_store_release() gives them back.
bool near_store_hold(struct near_store *s, size_t bytes, uint64_t now_ms);
void near_store_release(struct near_store *s, size_t bytes);

// The reply kept for the question; its data is NULL when there is none. Valid until the next call
// that keeps something.
struct slice near_store_find(struct near_store *s, const struct near_question *q, uint64_t epoch,
                             uint64_t now_ms);

// The same past its deadline: while now_ms is before its `until_ms`. Not counted.
struct slice near_store_find_late(struct near_store *s, const struct near_question *q,
                                  uint64_t epoch, uint64_t now_ms);

// Whether the last answer to the question that any worker has had was the same. For shared stores.
bool near_store_is_known(const struct near_store *s, const struct near_question *q,
                         struct slice answer);

// An answer has come: no worker may serve an older one any more. Its own moment stays as good as it
// was. For shared stores.
void near_store_see(struct near_store *s, const struct near_question *q, struct slice answer,
                    struct near_moment *asked_at);

// Keeps a copy of the reply in the place of an earlier one, unless a counter has moved on since
// `asked_at`. It is an answer before deadline_ms; until_ms (at least that) is for
// near_store_find_late().
void near_store_keep(struct near_store *s, const struct near_question *q,
                     const struct near_moment *asked_at, struct slice reply, uint64_t deadline_ms,
                     uint64_t until_ms, uint64_t now_ms);

const struct near_counters *near_store_counters(const struct near_store *s);
