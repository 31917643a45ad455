#include "protocol/redis_error.h"

struct redis_error {
    const char *begins;
    enum reply_code code;
    const char *message; // with a fault: a text that follows the backend's name
    enum fault fault;
};

#define OUT_OF_RANGE   "the result is out of range"
#define ONE_OF_CLUSTER "is part of a cluster: use redis+cluster://"

// The texts are from the source of Redis 7.0. The first match is taken, not the longest. Inside
// MULTI, an error comes as the answer to the queued command, before EXECABORT.
static const struct redis_error redis_errors[] = {
    {"WRONGTYPE", REPLY_WRONGTYPE, "the key holds another collection", FAULT_NONE},
    {"ERR value is not an integer", REPLY_WRONGTYPE, ANSWER_NO_NUMBER, FAULT_NONE},
    {"ERR hash value is not a", REPLY_WRONGTYPE, ANSWER_NO_NUMBER, FAULT_NONE},
    {"ERR min or max is not a float", REPLY_ARGS, "not a score", FAULT_NONE},
    {"ERR value is not a valid float", REPLY_WRONGTYPE, ANSWER_NO_NUMBER, FAULT_NONE},
    {"ERR increment or decrement would overflow", REPLY_ARGS, OUT_OF_RANGE, FAULT_NONE},
    {"ERR resulting score is not a number", REPLY_ARGS, OUT_OF_RANGE, FAULT_NONE},
    {"ERR invalid cursor", REPLY_ARGS, "bad cursor", FAULT_NONE},
    {"OOM", REPLY_OVERLOADED, REDIS_NO_MEMORY, FAULT_TOLD},
    {"BUSY ", REPLY_OVERLOADED, "is busy with a script", FAULT_TOLD},
    {"LOADING", REPLY_UNAVAILABLE, "is loading its data", FAULT_UNFIT},
    {"MASTERDOWN", REPLY_UNAVAILABLE, "has lost its master", FAULT_UNFIT},
    {"CLUSTERDOWN", REPLY_UNAVAILABLE, "is part of a cluster that is down", FAULT_UNFIT},
    {"MOVED", REPLY_UNAVAILABLE, ONE_OF_CLUSTER, FAULT_TOLD},
    {"ASK ", REPLY_UNAVAILABLE, ONE_OF_CLUSTER, FAULT_TOLD},
    {"TRYAGAIN", REPLY_UNAVAILABLE, ONE_OF_CLUSTER, FAULT_TOLD},
    {"CROSSSLOT", REPLY_UNAVAILABLE, ONE_OF_CLUSTER, FAULT_TOLD},
    {"READONLY", REPLY_UNAVAILABLE, "is a read-only replica", FAULT_UNFIT},
    {"NOREPLICAS", REPLY_UNAVAILABLE, "has too few replicas", FAULT_UNFIT},
    {"MISCONF", REPLY_UNAVAILABLE, "can't save its data", FAULT_UNFIT},
    {"ERR max number of clients", REPLY_UNAVAILABLE, "has too many clients", FAULT_UNFIT},
    {"NOAUTH", REPLY_UNAVAILABLE, REDIS_DENIES, FAULT_UNFIT},
    {"WRONGPASS", REPLY_UNAVAILABLE, REDIS_DENIES, FAULT_UNFIT},
    {"NOPERM", REPLY_UNAVAILABLE, REDIS_DENIES, FAULT_DENIED},
    // The errors of scripts: of Redis 7.0, and of later versions.
    {"ERR The user executing the script can't", REPLY_UNAVAILABLE, REDIS_DENIES, FAULT_DENIED},
    {"ERR ACL failure in script", REPLY_UNAVAILABLE, REDIS_DENIES, FAULT_DENIED},
};

struct slice redis_error_reason(struct slice error) {
    struct slice aborted = SLICE("EXECABORT Transaction discarded because of: ");
    if (!slice_begins(error, aborted))
        return error;
    return (struct slice){error.data + aborted.len, error.len - aborted.len};
}

// Returns the error's row, or NULL.
static const struct redis_error *find(struct slice error) {
    error = redis_error_reason(error);
    for (size_t i = 0; i < sizeof(redis_errors) / sizeof(*redis_errors); i++)
        if (slice_begins(error, slice_of(redis_errors[i].begins)))
            return &redis_errors[i];
    return NULL;
}

enum reply_code redis_error_code(struct slice redis_error, const char **message,
                                 enum fault *fault) {
    const struct redis_error *row = find(redis_error);
    *message = row ? row->message : REDIS_UNKNOWN_ANSWER;
    *fault = row ? row->fault : FAULT_TOLD;
    return row ? row->code : REPLY_INTERNAL;
}

bool redis_error_is_passed(struct slice redis_error, enum reply_code *code) {
    static const struct {
        const char *begins;
        enum reply_code code;
    } codes[] = {// of errors that are passed, whatever the fault
                 {"WRONGTYPE", REPLY_WRONGTYPE},
                 {"OOM", REPLY_OVERLOADED},
                 {"NOSCRIPT", REPLY_NOSCRIPT},
                 {"EXECABORT", REPLY_EXECABORT},
                 {"CROSSSLOT", REPLY_CROSSSLOT}};
    const struct redis_error *row = find(redis_error);
    struct slice reason = redis_error_reason(redis_error);
    *code = REPLY_ARGS;
    for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
        if (slice_begins(reason, slice_of(codes[i].begins)))
            *code = codes[i].code;
    return !row || row->fault == FAULT_NONE || *code != REPLY_ARGS;
}

// Redis 7.0 says "NOPERM this user has no permissions to run the 'hset' command", later versions
// "User u has …". The error of a script begins with ERR.
bool redis_error_is_denial(struct slice error, struct slice *command) {
    struct slice before = SLICE("permissions to run the '");
    for (size_t at = 0; at + before.len < error.len; at++) {
        struct slice rest = {error.data + at, error.len - at};
        if (!slice_begins(rest, before))
            continue;
        const char *name = rest.data + before.len;
        const char *end = memchr(name, '\'', rest.len - before.len);
        *command = (struct slice){name, end ? (size_t)(end - name) : 0};
        return end != NULL;
    }
    return false;
}
