// Near: answers of reads kept in this daemon's memory, as requests see it.
//
//   read ──► near_find ──► the reply, at once
//               └─ none: near_note remembers the question, PTTL is asked too
//                            … answer ──► near_keep
//   write ─► near_forget: what is kept of its keys is no answer any more
//
// near_store.h holds the bytes; a backend's tracker says what Redis invalidates, and whether it
// can. An answer is kept under what was asked: the real key, then verb, options and other
// arguments. It is served until the sooner of the key's ttl and near_ttl, both counted from when it
// was asked for.
#pragma once

#include "answer.h"
#include "near_store.h"
#include "policy.h"

// What a request keeps of its question until its answer comes.
struct near_note {
    struct bytes asked; // the real key at its front
    size_t key_len;
    bool is_kept; // the answer is to be kept under it
    uint64_t key_hash, hash;
    struct near_moment moment;
    uint64_t asked_ms;
};

// Whether the near cache serves the namespace now: it has near = yes, and its backend's tracker
// hears of every change.
bool near_is_on(const struct space *space, uint64_t now_ms);

// The question that a read is; `scratch` holds its bytes. The namespace has near = yes.
struct near_question near_ask(const struct near_store *store, const struct space *space,
                              const struct verb_entry *entry, const struct call *call,
                              struct bytes *scratch);

// The reply that is kept; its data is NULL when there is none.
struct slice near_find(struct near_store *store, const struct space *space,
                       const struct near_question *q, uint64_t now_ms);

// The same, past its time, for on_error = stale: whether or not the tracker is live.
struct slice near_find_late(struct near_store *store, const struct space *space,
                            const struct near_question *q, uint64_t now_ms);

// Remembers the question while it is at the backend.
void near_note_question(struct near_note *note, const struct near_store *store,
                        const struct space *space, const struct near_question *q, uint64_t now_ms);

// Keeps the answer to the noted question, if nothing has changed since; empties the note.
void near_keep(struct near_store *store, const struct space *space, struct near_note *note,
               const struct answer *answer, struct slice reply, uint64_t now_ms);

// A write is sent: what is kept of its keys is no answer any more, whether or not near is on now.
void near_forget(struct near_store *store, const struct space *space,
                 const struct verb_entry *entry, const struct call *call, struct bytes *scratch);
