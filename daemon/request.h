// Request: one request on its way, from its client to its reply.
//
//   client (read, parse) → verb, call → ADMIT (policy) → SEND (backend) … answer → client
//
// It is in two hands: its client's queue, which keeps the order of replies, and, once sent, its
// connection's queue, which keeps the order of answers. It is freed when both have let go.
#pragma once

#include "answer.h"
#include "caller.h"
#include "near.h"
#include "policy.h"
#include "slot.h"
#include "verb_table.h"
#include "waits.h"

struct backend_conn;
struct client;
struct context;

struct request {
    // Buffers: empty when a request begins; small ones keep their memory from use to use.
    struct bytes reply;    // its reply, while older requests of the client have none yet
    struct bytes key;      // memo.get: the real key, for a further step
    struct near_note note; // what there is to do for the near cache; begins with two more
    // From note.duty on, all is zero when a request begins: REQUEST_KEEPS.
    struct request *next;    // in its client's queue, or on the free list
    struct client *client;   // NULL once the client has gone
    struct context *context; // NULL: a connection's own, part of that
    struct policy *policy;   // a reference: what it began under
    struct space *space;     // NULL: no namespace
    const struct verb_entry *entry;
    struct slot slot;      // its place in a connection's queue of answers
    uint32_t argc;         // arguments behind the namespace
    size_t held;           // what it costs while its turn has not come, in bytes
    struct wait_part wait; // memo.get's
    answer_render *render; // of the answer that it waits for
    bool is_done;          // the reply is complete
    bool is_queued;        // its client's queue holds it
    bool is_pending;       // a connection, or another part of the daemon, has yet to answer it
};

#define REQUEST_KEEPS offsetof(struct request, note.duty)

enum request_result {
    REQUEST_TAKEN, // it is in the client's queue, perhaps already done
    REQUEST_WAIT,  // its turn has not come, its values are being looked at, or the backend has no
                   // room: the client starts it again
};

// Takes a request of `count` words (at least one) and sends it on its way. The words are only
// read during the call. `may_wait` false: refuses with OVERLOADED instead of REQUEST_WAIT.
enum request_result request_start(struct client *client, const struct slice *words, size_t count,
                                  bool may_wait);

// Where the reply is to be written now: straight to the client if its turn has come.
struct bytes *request_out(struct request *r);

// The reply is written: it leaves when its turn comes.
void request_finish(struct request *r);

// There is no verb of that name.
void request_fail_verb(struct request *r, struct slice name);

// The namespace that a daemon's own verb names; NULL: refused, and the request is done.
struct space *request_find_space(struct request *r, struct slice name);

// Another step: the commands are to be written to r->slot.command, and then the slot is to be
// pushed to the connection that this returns. The backend must have room for it.
struct backend_conn *request_send_again(struct request *r, answer_render *render);

// How long its reply may be, in bytes: what client_output leaves. That of a write, which has been
// applied, may have max_value in any case: so much was kept for it when it began.
size_t request_reply_limit(const struct request *r);

// As request_fail(), with the whole error written already.
void request_fail_with(struct request *r, enum reply_code code, struct slice error);

// The backend did not answer: an error, or, where the namespace says on_error = miss, what a read
// replies when nothing is there. `message` stands behind the backend's name: "is down". Parts of
// the reply that were written must have been taken back.
void request_unanswered(struct request *r, enum reply_code code, const char *message);

// An error as its reply. Parts of it that were already written must have been taken back.
void request_fail(struct request *r, enum reply_code code, const char *message);

// Whoever had yet to answer it lets go of it.
void request_release(struct request *r);

// A request that is refused before it has words: for errors of the byte stream.
void request_refuse(struct client *client, enum reply_code code, const char *message);

// Frees one that is in nobody's hands.
void request_free(struct request *r);

// Its client lets go of it: the reply has left, or the client itself has.
void request_dequeued(struct request *r);
