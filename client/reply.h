// Reply: one reply of the daemon's as a tree, and the builder that makes it of the reader's events
// (protocol/resp.h).
#pragma once

#include "client/exit_code.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"

struct reply {
    // EVENT_STATUS, EVENT_ERROR, EVENT_INTEGER, EVENT_BULK, EVENT_NIL or EVENT_ARRAY
    enum event_type type;
    struct slice text; // STATUS, without its '+'; ERROR, without its '-'; BULK
    int64_t integer;   // INTEGER
    size_t count;      // ARRAY: how many items there are
    struct reply *items;
};

// Returns the error's code, as "LOST"; an empty slice for a reply that is no error.
struct slice reply_error_code(const struct reply *reply);

// Returns the error's text behind its code.
struct slice reply_error_message(const struct reply *reply);

// Returns whether a request may have been applied after an error of that code.
bool reply_code_is_unsure(struct slice code);

// Returns the exit code that the reply stands for: EXIT_ANSWERED (of nil, too), EXIT_REFUSED, or
// EXIT_PERHAPS for the errors after which a request may have been applied.
enum exit_code reply_exit_code(const struct reply *reply);

// Returns whether the reply is the error that a backend is down, which does not say why.
bool reply_is_of_down(const struct reply *reply);

struct reply_builder;

struct reply_builder *reply_builder_new(void);
void reply_builder_free(struct reply_builder *builder);

// Adds the next event. The events of one reply come in the order in which the reader found them.
void reply_builder_event(struct reply_builder *builder, const struct event *event);

// Returns the reply, which is whole, and which the builder owns until the next event.
const struct reply *reply_builder_end(struct reply_builder *builder);
