// Near: answers of reads kept in this daemon's memory, as requests see it.
//
//   read ──► near_find ──hit──► the reply, at once
//               └─miss─► near_begin: the question is noted with the request, PTTL is asked too
//                          … answer ──► near_keep
//   write ─► near_forget: what is kept of its keys is no answer any more
//
// near_store.h holds the bytes; a backend's tracker says what Redis invalidates, and whether it can.
// An answer is kept under what was asked: the real key, then verb, options and other arguments. It
// is served until the sooner of the key's ttl and near_ttl, both counted from when it was asked for.
#pragma once

#include "near_store.h"
#include "policy.h"

struct request;

// What a read asks; `asked` is valid until the next question.
struct near_question {
    struct slice asked;
    size_t key_len;    // the real key, at the front of `asked`
    uint64_t key_hash; // of the real key, for its version
    uint64_t hash;     // of all
};

// What of it is kept with the request until the answer comes.
struct near_note {
    struct bytes asked; // empty: nothing is to be kept
    size_t key_len;
    uint64_t key_hash, hash;
    uint64_t epoch;   // of the tracker, when it was asked
    uint32_t version; // of the key, likewise
    uint64_t asked_ms;
};
