// Redis error: finds out from the text of a Redis error its meaning for the client and the
// operator.
#pragma once

#include "protocol/bytes.h"
#include "protocol/reply.h"

// Whether an answer tells of something wrong with the server rather than with the request.
enum fault {
    FAULT_NONE,
    FAULT_TOLD,   // the operator should hear of the error
    FAULT_DENIED, // likewise: the account lacks a right, so other requests may well be served
    FAULT_UNFIT,  // likewise: the server does not serve, and another may do so at the same name
};

#define ANSWER_NO_NUMBER "the stored value is not a number"
// The cause of a FAULT_DENIED, to follow the backend's name.
#define REDIS_DENIES    "refuses this daemon's account"
#define REDIS_NO_MEMORY "is out of memory" // likewise, of an OOM
// The cause for an answer that none of the daemon's commands has.
#define REDIS_UNKNOWN_ANSWER "gave an unknown answer"

// Returns the error without the words by which EXEC says that it was refused itself: the reason
// follows them.
struct slice redis_error_reason(struct slice error);

// Returns the code of the error for the client, and sets *message and *fault. With a fault, the
// message is to follow the backend's name.
enum reply_code redis_error_code(struct slice redis_error, const char **message, enum fault *fault);

// For a dialect that shows Redis's words: returns whether the client's own words have caused the
// error, rather than the state of the server. *code gets the code to count it under, in either
// case.
bool redis_error_is_passed(struct slice redis_error, enum reply_code *code)
    __attribute__((warn_unused_result));

// Returns whether the error says that the account may not run a command; *command gets the
// command's name as Redis writes it. Returns false for an error about a key, which says nothing
// about others.
bool redis_error_is_denial(struct slice error, struct slice *command)
    __attribute__((warn_unused_result));
