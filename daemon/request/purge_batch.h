// Purge batch: commands of a purge that are sent together, and are under way at backends until all
// of them have ended.
//
// A command whose time is over has ended, but its slot stays in its connection's queue until the
// answer comes (slot.h). So a batch outlives a purge that has given it up.
#pragma once

#include "daemon/backend/slot.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"

struct backend_conn;

struct purge_part {
    struct slot slot;
    struct purge_batch *batch;
    struct bytes out; // what was rendered of the answer
    size_t keys;      // that the command removes
    bool has_ended;
};

struct purge_batch {
    // Called for each event of the answers.
    answer_render *render; // whose answer's context is the part
    // Called when all parts have ended. The batch has been given up by then.
    void (*on_end)(void *owner, struct purge_batch *batch);
    void *owner;  // NULL: given up
    size_t count; // of parts so far
    size_t unended, queued;
    bool has_failed; // a part was not answered well
    bool is_denied;  // likewise: the daemon's account may not do that, now or later
    bool is_unsure;  // likewise: nobody knows whether it was carried out
    char why[128];   // the first of Redis's errors, as text for a client; "": none
    struct purge_part parts[];
};

// Returns a batch for at most `most` parts, which nobody has given up.
struct purge_batch *purge_batch_new(size_t most, answer_render *render,
                                    void (*on_end)(void *owner, struct purge_batch *batch),
                                    void *owner);

// Begins a part, whose commands the caller then writes to slot.command, and whose slot it pushes or
// enqueues.
struct purge_part *purge_batch_begin(struct purge_batch *batch, struct backend_conn *conn);

// To be called when no further part will be begun; the batch may end, and be freed, in here.
// Returns false when the batch has no part: on_end() is not called then.
bool purge_batch_close(struct purge_batch *batch);

// Nobody hears of the batch any more.
void purge_batch_give_up(struct purge_batch *batch);
