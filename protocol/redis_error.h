// Redis error: what the text of an error of Redis's means for the client and for the operator.
#pragma once

#include "protocol/bytes.h"
#include "protocol/reply.h"

// Whether an answer tells of something wrong with the server rather than with the request.
enum fault {
    FAULT_NONE,
    FAULT_TOLD,   // the operator should hear of it
    FAULT_DENIED, // likewise: the account lacks a right, so other requests may well be served
    FAULT_UNFIT,  // likewise: the server does not serve, and another may do so at the same name
};

#define ANSWER_NO_NUMBER "the stored value is not a number"
// The cause of a FAULT_DENIED, behind the backend's name.
#define REDIS_DENIES "refuses this daemon's account"
// Said of an answer that no command of ours has.
#define REDIS_UNKNOWN_ANSWER "gave an unknown answer"

// The code that a Redis error means for the client, and the words for it; with a fault they stand
// behind the backend's name.
enum reply_code redis_error_code(struct slice redis_error, const char **message, enum fault *fault);

// Whether the error says that the account may not run the command; *command gets its name as Redis
// writes it. An error about the key alone says nothing about other keys.
bool redis_error_is_denial(struct slice error, struct slice *command)
    __attribute__((warn_unused_result));
