// Request: one request on its way, from its client to its reply.
//
//   client (read, parse) → verb, call → ADMIT (policy) → SEND (backend) … answer → client
//
// It is in two hands: its client's queue, which keeps the order of replies, and, once sent, its
// connection's queue, which keeps the order of answers. It is freed when both have let go.
#pragma once

#include "daemon/backend/slot.h"
#include "daemon/near/near.h"
#include "daemon/policy/policy.h"
#include "daemon/request/reply_queue.h"
#include "daemon/request/session.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/memo.h"
#include "protocol/refusal.h"
#include "protocol/reply.h"
#include "protocol/verb_table.h"

struct backend_conn;
struct context;

struct memo_queue;

// The part of a request that belongs to its wait.
struct memo_place {
    struct memo_queue *queue;        // it waits in, or asks for; NULL: none
    struct request *next;            // in that line
    uint64_t wait_until_ms;          // in the loop's time
    char token[MEMO_TOKEN_SIZE + 1]; // of the lease it asks for; "": it must not take one
    bool is_asking;                  // the script is at the backend
    bool may_lease;                  // its caller may write
};

struct request {
    // Buffers: empty when a request begins; small ones keep their memory from use to use.
    struct reply_slot place; // in its client's queue of replies; set anew by request_new()
    struct memo_place wait;  // of a verb with further steps alone
    struct bytes key;        // memo.get: the real key, for a further step
    struct near_note note;   // what there is to do for the near cache; begins with two more
    // From note.duty on, all is zero when a request begins: REQUEST_KEEPS.
    struct request *next;    // on the list of free ones
    struct session *session; // of its client; NULL once that has gone
    struct context *context;
    struct policy *policy;       // a reference: what it began under
    struct namespace *namespace; // NULL: no namespace
    const struct verb_entry *entry;
    struct slot slot;      // its place in a connection's queue of answers
    uint32_t argc;         // arguments behind the namespace
    answer_render *render; // of the answer that it waits for
    bool is_done;          // the reply is complete
    bool is_queued;        // its client's queue holds it
    bool is_pending;       // a connection, or another part of the daemon, has yet to answer it
};

#define REQUEST_KEEPS offsetof(struct request, note.duty)

// A verb whose answers may call for a further step hangs on these: memo.get (memo_wait.c).
struct request_steps {
    // The request is about to be sent: notes what a further step will need.
    void (*begin)(struct request *r, const struct call *call);
    // The answer is complete. Returns true when the request goes on instead of being finished.
    bool (*answered)(struct request *r, const struct answer *a);
    // The request ends with an error.
    void (*failed)(struct request *r);
    // The answer has come, and nobody waits for it any more.
    void (*abandoned)(struct request *r);
    // Appends a kept reply as one that is past its time. Returns false when it can't be that.
    bool (*append_stale)(struct bytes *out, struct slice kept);
    // Counts a kept reply that the near cache gives.
    void (*count_kept)(const struct namespace *namespace, struct slice kept);
    // A write of these keys has been sent.
    void (*keys_changed)(struct context *context, const struct namespace *namespace,
                         const struct verb_entry *entry, const struct call *call);
};

// A new request at the end of its client's queue.
struct request *request_new(struct session *session);

// Where the reply is to be written now: straight to the client if its turn has come.
struct bytes *request_out(struct request *r);

// The reply is written: it leaves when its turn comes.
void request_finish(struct request *r);

// There is no verb of that name.
void request_fail_verb(struct request *r, struct slice name);

// The namespace that a daemon's own verb names; NULL: refused, and the request is done.
struct namespace *request_find_namespace(struct request *r, struct slice name);

// Begins to send the request: its commands are to be written to r->slot.command, and then the slot
// is to be pushed to the connection.
void request_begin_sending(struct request *r, struct backend_conn *conn);
// The same for another step; its answer is rendered by `render`.
void request_send_again(struct request *r, struct backend_conn *conn, answer_render *render);

// How long its reply may be, in bytes: what client_output leaves. That of a write, which has been
// applied, may have max_value in any case: so much was kept for it when it began.
size_t request_reply_limit(const struct request *r);

// As request_fail().
void request_fail_with(struct request *r, const struct refusal *refusal);

// The backend did not answer: an error, or, where the namespace says on_error = miss, what a read
// replies when nothing is there. `message` stands behind the backend's name: "is down". Parts of
// the reply that were written must have been taken back.
void request_unanswered(struct request *r, enum reply_code code, const char *message);

// As request_fail(), with the backend's name between the two parts: "too many requests at ", "for
// too long".
void request_fail_for_backend(struct request *r, enum reply_code code, const char *before,
                              const char *behind);

// An error as its reply. Parts of it that were already written must have been taken back.
void request_fail(struct request *r, enum reply_code code, const char *message);

// Whoever had yet to answer it lets go of it.
void request_release(struct request *r);

// Frees the requests that are kept for reuse, when none is under way any more.
void request_free_all(struct context *context);

// For reply_queue.on_left: its client lets go of the request.
void request_left(struct reply_slot *place);
