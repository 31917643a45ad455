// Log event: the things that the log tells of. Each is a row of one table, so that it has a stable
// name, and its values have stable names too: programs that read the log or the journal rely on
// them. docs/EVENTS.md lists them for operators.
//
// As text, an event is one line: SUBJECT: TEXT: DETAIL, of which SUBJECT and DETAIL may be missing.
#pragma once

#include "conf/sections.h"
#include "protocol/bytes.h"

// The fields that events have, with their names in the log.
#define LOG_FIELD_ROWS(X)                                                                          \
    X(ADDRESS, "address")                                                                          \
    X(BACKEND, "backend")                                                                          \
    X(CAUSE, "cause")                                                                              \
    X(CLIENT, "client")                                                                            \
    X(CLIENTS, "clients")                                                                          \
    X(COMMAND, "command")                                                                          \
    X(COUNT, "count")                                                                              \
    X(FILES, "files")                                                                              \
    X(FORMER, "former")                                                                            \
    X(KEYS, "keys")                                                                                \
    X(LIMIT, "limit")                                                                              \
    X(MASTER, "master")                                                                            \
    X(NAMESPACE, "namespace")                                                                      \
    X(NODE, "node")                                                                                \
    X(NUMBER, "number")                                                                            \
    X(PATH, "path")                                                                                \
    X(PEER, "peer")                                                                                \
    X(REASON, "reason")                                                                            \
    X(RULE, "rule")                                                                                \
    X(SECONDS, "seconds")                                                                          \
    X(SENTINEL, "sentinel")                                                                        \
    X(STATE, "state")                                                                              \
    X(URL, "url")                                                                                  \
    X(USER, "user")                                                                                \
    X(VERB, "verb")                                                                                \
    X(WANTED, "wanted")

enum log_field {
#define X(name, text) FIELD_##name,
    LOG_FIELD_ROWS(X)
#undef X
        LOG_FIELDS
};

extern const char *const log_field_names[LOG_FIELDS];

// A value of a field. A value whose text is NULL is left out.
struct log_value {
    enum log_field field;
    bool is_number;
    uint64_t number;
    struct slice text;
};

struct log_values {
    const struct log_value *items;
    size_t count;
};

static inline struct log_value log_text(enum log_field field, const char *text) {
    return (struct log_value){.field = field, .text = {text, text ? strlen(text) : 0}};
}

static inline struct log_value log_slice(enum log_field field, struct slice text) {
    return (struct log_value){.field = field, .text = text};
}

static inline struct log_value log_number(enum log_field field, uint64_t number) {
    return (struct log_value){.field = field, .is_number = true, .number = number};
}

static inline bool log_value_is_there(const struct log_value *value) {
    return value->is_number || value->text.data;
}

// The values live as long as the block of code in which this stands. There is always one more value
// than are given, which is left out, so that none need be given.
#define LOG_VALUES(...)                                                                            \
    ((struct log_values){                                                                          \
        (const struct log_value[]){{.field = FIELD_REASON}, ##__VA_ARGS__},                        \
        sizeof((const struct log_value[]){{.field = FIELD_REASON}, ##__VA_ARGS__}) /               \
            sizeof(struct log_value)})

enum log_event {
    LOG_BACKEND_CONNECT_FAILED,
    LOG_BACKEND_DOWN,
    LOG_BACKEND_FAULT,
    LOG_BACKEND_FULL,
    LOG_BACKEND_LOST,
    LOG_BACKEND_RENEWED,
    LOG_BACKEND_RENEW_FAILED,
    LOG_BACKEND_TIMEOUT,
    LOG_BACKEND_UP,
    LOG_CLIENTS_LIMITED,
    LOG_CLIENTS_TURNED_AWAY,
    LOG_CLIENT_CLOSED,
    LOG_CLIENT_CONNECTED,
    LOG_CLIENT_GONE,
    LOG_CLIENT_KILLED,
    LOG_CLIENT_NO_TLS,
    LOG_CLIENT_PROTOCOL,
    LOG_CLIENT_STALLED,
    LOG_CLUSTER_DISAGREES,
    LOG_CLUSTER_UNKNOWN,
    LOG_CONFIG_CHANGED,
    LOG_CONFIG_ERROR,
    LOG_CONFIG_MORE,
    LOG_CONFIG_WARNING,
    LOG_DRAIN_OVER,
    LOG_ENDED,
    LOG_ENDED_EARLY,
    LOG_ENDING,
    LOG_FILES_CHANGED,
    LOG_HANDLES_LEFT,
    LOG_HTTP_LISTENING,
    LOG_HTTP_WRONG_TOKEN,
    LOG_IO_URING_REFUSED,
    LOG_LISTENING,
    LOG_LISTEN_FAILED,
    LOG_MORE_CAUSES,
    LOG_NEAR_OFF,
    LOG_NEAR_ON,
    LOG_NEAR_REFUSED,
    LOG_NEAR_STAYS_OFF,
    LOG_NODE_LEFT,
    LOG_NOT_PERMITTED,
    LOG_PASSWORD_CHANGED,
    LOG_PASSWORD_REFUSED,
    LOG_PASSWORD_UNREADABLE,
    LOG_POLICY_REFUSED,
    LOG_PURGE_BEGAN,
    LOG_PURGE_DONE,
    LOG_PURGE_PROGRESS,
    LOG_PURGE_STOPPED,
    LOG_READY,
    LOG_REDIS_ENDED,
    LOG_REDIS_FORK_FAILED,
    LOG_REDIS_MISSING,
    LOG_REDIS_PATH_LONG,
    LOG_RELOAD_DONE,
    LOG_RELOAD_MANY,
    LOG_RELOAD_MORE,
    LOG_RELOAD_REFUSED,
    LOG_SENTINEL_LOST,
    LOG_SENTINEL_MASTER,
    LOG_SENTINEL_NO_ROLE,
    LOG_SENTINEL_REFUSES,
    LOG_SENTINEL_UNKNOWN,
    LOG_SOCKET_STALE,
    LOG_START_FAILED,
    LOG_TRY,
    LOG_WORKER_FAILED,
    LOG_WRONG_TOKEN,
    LOG_EVENTS
};

// A row of the table. The templates hold a value as {name}; what stands in brackets is left out
// when one of the values in it is.
struct log_event_row {
    const char *name;
    enum log_level level;
    const char *subject;    // a template; NULL: none
    const char *text;       // likewise
    const char *detail;     // likewise; NULL: none
    const char *message_id; // by which the journal knows the event; NULL: none
};

extern const struct log_event_row log_events[LOG_EVENTS];

// Appends the event as a line of text, without its end. Bytes that would end the line, or that a
// terminal would obey, are written as \xHH, whoever sent them: nobody outside can forge a line.
void log_event_append(struct bytes *line, enum log_event event, const struct log_values *values);

// Returns the fields, as bits, in the templates of subject and text: complaints that differ in any
// of them are different complaints.
uint64_t log_event_identity(enum log_event event);
