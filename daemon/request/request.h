// Request: one request on its way, from its client to its reply.
//
//   client (read, parse) → verb, call → ADMIT (policy) → SEND (backend) … answer → client
//
// A request is in two queues: the reply queue of its client, which keeps the order of replies, and,
// once sent, the queue of a connection, which keeps the order of answers. The request is freed when
// it has left both.
#pragma once

#include "daemon/backend/room.h"
#include "daemon/backend/slot.h"
#include "daemon/near/near.h"
#include "daemon/policy/policy.h"
#include "daemon/request/reply_queue.h"
#include "daemon/request/session.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/memo.h"
#include "protocol/redis/resp3.h"
#include "protocol/refusal.h"
#include "protocol/reply.h"
#include "protocol/verb.h"
#include "protocol/verb_table.h"

struct backend_conn;
struct context;

struct memo_queue;
struct script;
struct scripting;

// The part of a request that belongs to its wait.
struct memo_place {
    struct memo_queue *queue;        // that the request waits in, or asks for; NULL: none
    struct request *next;            // in that queue
    uint64_t wait_until_ms;          // in the loop's time
    char token[MEMO_TOKEN_SIZE + 1]; // of the lease it asks for; "": it must not take a lease
    bool is_asking;                  // the script is at the backend
    bool may_lease;                  // the client may write
};

// The part of a request that belongs to a script.
struct script_place {
    struct script *script;       // NULL: no further step can follow
    struct scripting *scripting; // what it is sent as
    uint32_t words;              // of the command; request.key has those behind the script
};

struct request {
    // Buffers: empty when a request begins; small ones keep their memory from use to use.
    struct reply_slot place;    // in its client's reply queue; set anew by request_new()
    struct memo_place wait;     // used only by verbs with further steps
    struct script_place script; // likewise, of VERB_SCRIPT
    struct answer_block *block; // likewise, of VERB_BLOCK
    uint64_t size;              // bytes of its words, of a request that is sent
    uint64_t sent_us;           // set when its commands are written, as turn_clock.h tells the time
    struct bytes key;           // memo.get: the real key, for a further step; scan: scan_place.c
    struct near_note note;      // the work for the near cache; begins with two more buffers
    // From note.duty on, all members are zero when a request begins: REQUEST_KEEPS.
    struct request *next;    // in the list of free requests
    struct session *session; // of its client; NULL once the client has gone
    struct context *context;
    struct policy *policy;       // a reference: the policy that the request began under
    struct namespace *namespace; // NULL: no namespace
    const struct verb_entry *entry;
    struct slot slot;            // its place in a connection's queue of answers
    uint64_t waited_us;          // for room at its backend, before it was taken
    uint32_t argc;               // arguments behind the namespace
    uint16_t hash_slot;          // of its first key, where its backend has hash slots
    struct request_trail *trail; // NULL: nobody follows the request
    struct session
        *skipper;          // waits until the rest of the reply, too long for it, has come; or NULL
    answer_render *render; // of the answer that the request waits for
    bool is_done;          // the reply is complete
    bool is_queued;        // the reply queue of its client holds it
    bool is_pending;       // a connection, or another part of the daemon, has yet to answer
};

// A trail follows a request to its end (watch.c).
struct request_trail {
    // The reply is complete: `result` and `len` say what it is. Takes the trail off the request.
    void (*end)(struct request *r);
    const char *result; // "hit", or the code of an error
    size_t len;         // of the reply in bytes; 0: not known
};

#define REQUEST_KEEPS offsetof(struct request, note.duty)

// The hooks for a verb whose answers may need a further step: memo.get (memo_wait.c), and scripts
// (redis/scripts.c).
struct request_steps {
    // The request is about to be sent: notes what a further step will need. Returns true when it
    // has written the commands, too, instead of the verb's builder.
    bool (*begin)(struct request *r, struct backend_conn *conn, const struct call *call);
    // The answer is complete. Returns true when the request goes on instead of being finished.
    bool (*answered)(struct request *r, const struct answer *a);
    // The request ends with an error.
    void (*failed)(struct request *r);
    // The answer has come, and nobody waits for it any more.
    void (*abandoned)(struct request *r);
    // Appends a kept reply whose time is over, marked as stale. Returns false, and appends nothing,
    // when the reply cannot be given as stale.
    bool (*append_stale)(struct bytes *out, struct slice kept);
    // Counts a kept reply that the near cache gives.
    void (*count_kept)(const struct namespace *namespace, struct slice kept);
    // A write of these keys has been sent.
    void (*keys_changed)(struct context *context, const struct namespace *namespace,
                         const struct verb_entry *entry, const struct call *call);
};

// Returns a new request, which is the last in its client's reply queue.
struct request *request_new(struct session *session);

// Returns the buffer to write the reply to now: the client's output if the reply's turn has come.
struct bytes *request_out(struct request *r);

// To be called when the reply is written as a whole: the reply leaves when its turn comes.
void request_finish(struct request *r);

// Gives the finished reply that begins at `start` in `out` the form that its client understands:
// of RESP3, if the client asked for that.
static inline void request_shape(const struct request *r, struct bytes *out, size_t start) {
    if (__builtin_expect(r->session->is_resp3, 0) && !(r->entry->verb->flags & VERB_BLOCK))
        resp3_rewrite(out, start, (enum shape)r->entry->shape);
}

// Says what the reply is, before it is finished, to who follows the request: "hit" and the like, a
// constant text, and how many bytes it has.
void request_note_result(struct request *r, const char *result, size_t len);

// Replies the text as a bulk string, frees it and finishes the request.
void request_finish_text(struct request *r, struct bytes *text);

// Begins to send the request. The caller then writes its commands to r->slot.command, and pushes
// the slot to the connection.
void request_begin_sending(struct request *r, struct backend_conn *conn);
// For a verb with further steps: notes what they will need. Returns true when the commands are
// written, too.
bool request_begin_steps(struct request *r, struct backend_conn *conn, const struct call *call);
// Begins to send a further step, whose answer `render` renders; otherwise the same.
void request_send_again(struct request *r, struct backend_conn *conn, answer_render *render);

// Returns how long the reply may be, in bytes: the rest of client_output. The reply to a write,
// which has been applied, may have max_value in any case: that room was kept when the write began.
size_t request_reply_limit(const struct request *r);

// Replies the refusal as an error; otherwise as request_fail().
void request_fail_with(struct request *r, const struct refusal *refusal);

// To be called when the backend did not answer. Replies an error, or, where the namespace says
// on_error = miss, the reply of a read that finds nothing. `message` follows the backend's name:
// "is down". Parts of the reply that were already written must have been taken back.
void request_unanswered(struct request *r, enum reply_code code, const char *message);

// Returns whether the namespace says on_error = miss, and the request is a read.
bool request_misses(const struct request *r);

// Returns what to tell a client for want of room, behind the backend's name.
const char *request_refused(enum backend_room room);

// Returns what to tell a client when a slot has failed, behind the backend's name, and sets *code.
const char *request_failure(enum slot_failure failure, enum reply_code *code);

// Replies an error with the backend's name between two texts: "too many requests at ", "for too
// long"; otherwise as request_fail().
void request_fail_for_backend(struct request *r, enum reply_code code, const char *before,
                              const char *behind);

// Replies an error. Parts of the reply that were already written must have been taken back.
void request_fail(struct request *r, enum reply_code code, const char *message);

// The session waits no longer until the rest of a reply that was too long for it has come: the
// client ends, or the daemon does.
void request_forget_skip(struct session *session);

// To be called by the part of the daemon that had yet to answer the request, and must not touch the
// request afterwards.
void request_release(struct request *r);

// Frees the requests that are kept for reuse, when none is under way any more.
void request_free_all(struct context *context);

// The request's stay at its backend has ended, with a reply of `reply_len` bytes; `code` of its
// error, NULL: it is none.
void request_end_stay(struct request *r, size_t reply_len, const enum reply_code *code);

// The request that was taken last has waited for room at its backend, for *us, which becomes 0. Has
// no effect when it is answered already.
void request_note_wait(struct session *session, uint64_t *us);

// For reply_queue.on_left: the client's reply queue lets go of the request.
void request_left(struct reply_slot *place);
