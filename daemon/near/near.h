// Near: answers of reads kept in this daemon's memory, as requests see it.
//
//   read ──► near_find ──► the reply, at once
//               └─ none: near_note_read remembers the question, PTTL is asked too
//                            … answer ──► near_answered
//   write ─► near_note_write: the kept answers about its keys are void
//                            … answer ──► near_written: void as well are the answers that another
//                            worker asked for meanwhile
//
// near/store.h holds the bytes; a backend's tracker says which keys Redis invalidates, and whether
// it hears of them at present. An answer is kept under its question: the real key, then verb,
// options and other arguments. The answer is served until the key's ttl or near_ttl has passed,
// whichever is shorter, both counted from the moment of the question.
#pragma once

#include "conf/sections.h"
#include "daemon/near/source.h"
#include "daemon/near/store.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/syntax.h"
#include "protocol/verb_table.h"

// The work that is to be done for the near cache when a request's answer comes.
enum near_duty {
    NEAR_NOTHING,
    NEAR_KEEP,   // a read: its answer is to be kept
    NEAR_SEE,    // a read whose answer is not kept, and may be newer than the kept one
    NEAR_FORGET, // a write, whether or not its namespace has near = yes
};

// The state that a request keeps for that work.
struct near_note {
    struct bytes asked;   // a read's question; empty: the read needs none, or there was no room
    struct bytes written; // a write's keys, as hashes, for the other workers
    // The members below are zero when a request begins.
    enum near_duty duty;
    uint64_t key_hash, hash; // of the read's question
    struct near_moment moment;
    uint64_t asked_ms;
    bool has_all_keys; // as in the source
};

// The duty of a read, in a namespace with near = yes, towards the near cache now: NEAR_KEEP when
// every change at the source is heard of, NEAR_SEE while it is not. `source` NULL: there is none.
static inline enum near_duty near_duty_of(const struct near_source *source, uint64_t now_ms) {
    if (!source)
        return NEAR_NOTHING;
    return near_source_is_live(source, now_ms) ? NEAR_KEEP : NEAR_SEE;
}

// Returns the question that the read asks. `scratch` holds its bytes. A question that is too long
// is empty, and never kept.
struct near_question near_ask(const struct near_store *store, const struct near_source *source,
                              const struct verb_entry *entry, const struct call *call,
                              struct bytes *scratch);

// Returns the kept reply to the question; its data is NULL when there is none.
struct slice near_find(struct near_store *store, const struct near_source *source,
                       const struct near_question *q, uint64_t now_ms);

// Returns the kept reply to a noted question although its time is over, for on_error = stale.
// The source need not be live.
struct slice near_find_late(struct near_store *store, const struct near_source *source,
                            const struct near_note *note, uint64_t now_ms);

// Remembers the question while its request is at the backend: with all its bytes when the answer is
// to be kept, or when near_find_late() may be called for it (`may_be_late`). NEAR_KEEP becomes
// NEAR_SEE when there is no room.
void near_note_read(struct near_note *note, struct near_store *store,
                    const struct near_source *source, const struct near_question *q,
                    enum near_duty duty, bool may_be_late, uint64_t now_ms);

// To be called when the answer to the noted question has come and will be given to the client.
// Keeps the answer if the duty says so and nothing has changed since the question; and makes sure
// that no older answer is given any more.
void near_answered(struct near_store *store, const struct near_source *source,
                   const struct namespace_conf *conf, struct near_note *note,
                   const struct answer *answer, struct slice reply, uint64_t now_ms);

// To be called when a write is sent, for each of its commands: the kept answers about its keys
// become void, whether or not changes there are heard of.
void near_note_write(struct near_note *note, struct near_store *store,
                     const struct near_source *source, const struct signature *signature,
                     const struct call *call, struct bytes *scratch);

// To be called when the write is done, or never will be, and before anybody is told.
void near_written(struct near_store *store, const struct near_note *note);

static inline bool near_note_is_read(const struct near_note *note) {
    return note->duty == NEAR_KEEP || note->duty == NEAR_SEE;
}

// Gives back the memory of a noted question that is of no use any more.
void near_note_end(struct near_note *note, struct near_store *store);
