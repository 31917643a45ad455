// Near: answers of reads kept in this daemon's memory, as requests see it.
//
//   read ──► near_find ──► the reply, at once
//               └─ none: near_note_read remembers the question, PTTL is asked too
//                            … answer ──► near_answered
//   write ─► near_note_write: what is kept of its keys is no answer any more
//                            … answer ──► near_written: nor is what another worker asked for
//                            meanwhile
//
// near/store.h holds the bytes; a backend's tracker says what Redis invalidates, and whether it
// can. An answer is kept under what was asked: the real key, then verb, options and other
// arguments. It is served until the sooner of the key's ttl and near_ttl, both counted from when it
// was asked for.
#pragma once

#include "conf/sections.h"
#include "daemon/near/store.h"
#include "daemon/near/tracker.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/verb_table.h"

// The work that is to be done for the near cache when a request's answer comes.
enum near_duty {
    NEAR_NOTHING,
    NEAR_KEEP,   // a read: its answer is to be kept
    NEAR_SEE,    // a read whose answer is not kept, and may be newer than what is
    NEAR_FORGET, // a write, whether or not its namespace has near = yes
};

// The state that a request keeps for that work.
struct near_note {
    struct bytes asked;   // a read's question; empty: it needs none, or there was no room
    struct bytes written; // a write's keys, as hashes, for the other workers
    // The members below are zero when a request begins.
    enum near_duty duty;
    uint64_t key_hash, hash; // of the read's question
    struct near_moment moment;
    uint64_t asked_ms;
};

// The duty of a read towards the near cache now: NEAR_KEEP when its namespace has near = yes and
// the backend's tracker hears of every change, NEAR_SEE while the tracker does not.
enum near_duty near_duty_of(const struct tracker *tracker, const struct namespace_conf *conf,
                            uint64_t now_ms);

// The question that a read is; `scratch` holds its bytes. One that is too long has none.
struct near_question near_ask(const struct near_store *store, const struct tracker *tracker,
                              const struct verb_entry *entry, const struct call *call,
                              struct bytes *scratch);

// The reply that is kept; its data is NULL when there is none.
struct slice near_find(struct near_store *store, const struct tracker *tracker,
                       const struct near_question *q, uint64_t now_ms);

// The same for a noted question past its time, for on_error = stale: whether or not the tracker is
// live.
struct slice near_find_late(struct near_store *store, const struct tracker *tracker,
                            const struct near_note *note, uint64_t now_ms);

// Remembers the question while it is at the backend: all of it when the answer is to be kept, or
// `may_be_late`: near_find_late() may be called. NEAR_KEEP becomes NEAR_SEE when there is no room.
void near_note_read(struct near_note *note, struct near_store *store, const struct tracker *tracker,
                    const struct near_question *q, enum near_duty duty, bool may_be_late,
                    uint64_t now_ms);

// The answer to the noted question has come and will be given: keeps it, if it is to be kept and
// nothing has changed since; and sees to it that no older one is given any more.
void near_answered(struct near_store *store, const struct tracker *tracker,
                   const struct namespace_conf *conf, struct near_note *note,
                   const struct answer *answer, struct slice reply, uint64_t now_ms);

// A write is sent: what is kept of its keys is no answer any more, whether or not the tracker is
// live.
void near_note_write(struct near_note *note, struct near_store *store,
                     const struct tracker *tracker, const struct verb_entry *entry,
                     const struct call *call, struct bytes *scratch);

// The write is done, or will never be, and nobody has been told yet.
void near_written(struct near_store *store, const struct near_note *note);

static inline bool near_note_is_read(const struct near_note *note) {
    return note->duty == NEAR_KEEP || note->duty == NEAR_SEE;
}

// The noted question is of no use any more: gives its memory back.
void near_note_end(struct near_note *note, struct near_store *store);
