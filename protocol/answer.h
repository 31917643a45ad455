// Answer: turns Redis's answer to one request's commands into the client's reply.
//
// The reader's events come in the order of the bytes; only the parts of an answer that its renderer
// asks for are kept. Of a transaction (+OK +QUEUED … *EXEC) only EXEC's first element is rendered.
//
//   resp.c ──event──► answer_event ──► render (a verb's row) ──► out
#pragma once

#include "protocol/bytes.h"
#include "protocol/command.h"
#include "protocol/redirect.h"
#include "protocol/redis_error.h"
#include "protocol/reply.h"

enum event_type {
    EVENT_STATUS,
    EVENT_ERROR,
    EVENT_INTEGER,
    EVENT_BULK,
    EVENT_MORE, // the next bytes of a long EVENT_BULK
    EVENT_NIL,
    EVENT_ARRAY,
    EVENT_END, // the answer is complete: a renderer that gathered items writes them now
};

struct event {
    enum event_type type;
    uint32_t depth;    // 0: a whole answer, 1: an element of it, …
    uint32_t index;    // among its siblings
    struct slice text; // STATUS, ERROR, BULK, MORE: valid during the call only
    size_t rest;       // BULK, MORE: bytes of the string that are still to come
    int64_t integer;   // INTEGER
    size_t count;      // ARRAY: how many elements follow; NIL: 1 where an array is missing
};

#define ANSWER_NO_TTL INT64_MIN

// The states that memo.get may find: memo.h.
enum memo_state {
    MEMO_NONE, // no answer of memo.get
    MEMO_HIT,
    MEMO_STALE,
    MEMO_NULL,
    MEMO_MISS,
    MEMO_ASK,       // the read alone does not tell: memo_build_ask() must follow
    MEMO_ASK_EARLY, // fresh, but due for an early refresh: likewise
};

struct answer;
struct dialect;
typedef void answer_render(struct answer *a, const struct event *e);

// How the elements of EXEC's array are rendered that answer the commands of a client's MULTI. Those
// behind them answer the daemon's own.
struct answer_block {
    size_t count;
    bool is_resp3;    // for a client of RESP3: the shapes count
    bool is_scripted; // some commands run scripts
    struct answer_item {
        answer_render *render; // which gathers nothing
        int64_t limit;         // as the builder set it in the command
        uint8_t shape;         // enum shape
    } items[];
};

struct answer {
    struct bytes *out; // the reply goes here, from `start` on
    size_t start;
    size_t most;              // bytes that the reply may have; the owner may lower it
    enum reply_code too_long; // the code of the error when the reply is longer than `most`
    struct bytes *stream;     // the rest of a long string is appended there; NULL: dropped
    size_t stream_left;       // how many bytes of the string are still to come
    struct slice behind;      // to be written after them
    answer_render *render;
    void *context;                 // the renderer's own
    const struct dialect *dialect; // of the client; NULL, or the owner sets it: cachesd's own
    uint32_t replies;              // top-level answers in all
    uint32_t left;                 // top-level answers still to come
    struct command_frame frame;
    bool is_too_long;     // failed because the reply went beyond `most`
    bool is_unwrapped;    // MULTI was refused: the commands after it may have run, one by one
    bool is_failed;       // an error is written; the rest of the answer is skipped
    bool takes_errors;    // the renderer gets Redis's errors as events, and none fails the answer
    bool is_scripted;     // a client's script may have made up an error; the owner sets it
    bool is_doubtful;     // a client's script says, or the server, that the key is elsewhere
    bool is_redirected;   // another server than the one asked first gave it; the owner sets it
    bool is_miss;         // the reply is nil, an empty array, or a zero where the renderer says so
    enum reply_code code; // of the error, when is_failed
    uint32_t element;     // in EXEC's array: the element now being read
    // Of a client's MULTI; otherwise NULL, and only the first element of EXEC's array is rendered.
    const struct answer_block *block;
    size_t element_start; // of a block: where the element's reply begins in `out`
    int64_t ttl_ms; // of the key, as PTTL says it; ANSWER_NO_TTL: PTTL was not asked or failed
    // For memo.get:
    int64_t stale_ms;    // as the builder set it in the command
    double early_factor; // likewise
    enum memo_state memo_state;
    bool has_lease;
    // For renderers that gather:
    int64_t total; // a sum, or a count
    int64_t wraps; // of the sum: how often it overflowed, less how often it underflowed
    int64_t limit; // as the builder set it in the command
    size_t last;   // where the last item begins in `gathered`
    struct bytes gathered;
    const char *backend; // the backend's name, for errors that tell of it; the owner sets it
    enum fault fault;
    const char *fault_cause; // unless NONE: a text that follows the backend's name
    char fault_words[96];    // unless NONE: Redis's own words
    // When Redis refused the commands, so that none of them was applied, for a reason that another
    // server or a later time may not have: that reason, and the error, for redirect_read(). The
    // reply is an error all the same.
    enum turn turn;
    char turn_to[REDIRECT_LONGEST];
    size_t turn_to_len;
};

// Returns the error that the turn was read from.
static inline struct slice answer_turn_to(const struct answer *a) {
    return (struct slice){a->turn_to, a->turn_to_len};
}

// Begins the answer to the commands that `c` has counted. The reply will be appended to `out`.
void answer_begin(struct answer *a, const struct command *c, answer_render *render,
                  struct bytes *out);
// The answer is one to a client's MULTI. The block must live until the answer has ended. NULL:
// nobody wants the answer.
void answer_set_block(struct answer *a, const struct answer_block *block);
void answer_event(struct answer *a, const struct event *e);

// To be called when a top-level answer is complete. Returns true when it was the last.
bool answer_end(struct answer *a);

// Replaces the part of the reply that is already written by an error. The rest of the answer is
// skipped.
void answer_fail(struct answer *a, enum reply_code code, const char *message);

// The message of that error: with the code OVERLOADED, or with LOST for a write, which has been
// applied.
#define ANSWER_TOO_LONG "the reply is longer than client_output has room for"

// For renderers: appends the string of an EVENT_BULK, of which `head` has come. The other `rest`
// bytes are appended as they come, without further events for the renderer; then `behind` follows.
void answer_stream(struct answer *a, struct bytes *to, struct slice head, size_t rest,
                   struct slice behind);
// Appends the string as a bulk string; `behind` must begin with the line end of the bulk.
void answer_bulk(struct answer *a, struct bytes *to, struct slice head, size_t rest,
                 struct slice behind);

// Fails an answer that Redis would never give to these commands; the operator is told.
void answer_fail_unknown(struct answer *a);

// Takes back the part of the reply that is already written.
void answer_cancel(const struct answer *a);

// Moves the part of the reply that is already written to `out`, where the rest will follow.
void answer_move(struct answer *a, struct bytes *out);
void answer_deinit(struct answer *a);

// Renderers that several collections use: render.c. Each takes the answers that its commands have
// and fails any other.
answer_render render_as_is;          // any: the shape was checked, or does not matter
answer_render render_integer;        // an integer
answer_render render_integer_or_nil; // an integer or nil
answer_render render_text;           // a bulk or nil
answer_render render_texts;          // an array of bulks and nils
answer_render render_text_or_texts;  // a bulk, nil, or an array of these
answer_render render_pairs;          // an array of an even number of bulks
answer_render render_scan_step;      // a cursor, and an array of bulks
answer_render render_status;         // +OK
answer_render render_is_there;       // :0 for nil, :1 for a bulk or a status
answer_render render_ok;             // +OK for an integer
answer_render render_number;         // a bulk of digits as an integer, nil as :0
