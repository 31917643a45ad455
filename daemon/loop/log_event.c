#include "daemon/loop/log_event.h"

#include <inttypes.h>

#include "daemon/loop/escape.h"

#define BACKEND "backend {backend}"
#define NODE    BACKEND "[, node {node}]"

const char *const log_field_names[LOG_FIELDS] = {
#define X(name, text) text,
    LOG_FIELD_ROWS(X)
#undef X
};

const struct log_event_row log_events[LOG_EVENTS] = {
    [LOG_BACKEND_CONNECT_FAILED] = {"backend_connect_failed", LOG_LEVEL_DEBUG, .subject = NODE,
                                    .text = "down", .detail = "{reason}"},
    [LOG_BACKEND_DOWN] = {"backend_down", LOG_LEVEL_ERROR, .subject = NODE, .text = "down",
                          .detail = "{reason}", .message_id = "12fc5fb5e5a0480e94bc4b0cdd14a173"},
    [LOG_BACKEND_FAULT] = {"backend_fault", LOG_LEVEL_ERROR, .subject = NODE, .text = "{cause}",
                           .detail = "{reason}"},
    [LOG_BACKEND_FULL] = {"backend_full", LOG_LEVEL_WARNING, .subject = BACKEND,
                          .text = "requests wait too long for room",
                          .detail = "{verb} of namespace {namespace}: {limit} are pending: the "
                                    "server is too slow for so many, or max_pending too low"},
    [LOG_BACKEND_LOST] = {"backend_lost", LOG_LEVEL_WARNING, .subject = NODE, .text = "lost",
                          .detail = "{reason}"},
    [LOG_BACKEND_RENEWED] = {"backend_renewed", LOG_LEVEL_INFO, .subject = NODE,
                             .text = "connected anew ({url}[, at {address}])"},
    [LOG_BACKEND_RENEW_FAILED] = {"backend_renew_failed", LOG_LEVEL_WARNING, .subject = NODE,
                                  .text = "can't be connected anew", .detail = "{reason}"},
    [LOG_BACKEND_TIMEOUT] = {"backend_timeout", LOG_LEVEL_WARNING, .subject = BACKEND,
                             .text = "it does not answer in time",
                             .detail = "{verb} of namespace {namespace}: none within {limit} ms: "
                                       "see the server's SLOWLOG, or raise timeout"},
    [LOG_BACKEND_UP] = {"backend_up", LOG_LEVEL_INFO, .subject = NODE,
                        .text = "up ({url}[, at {address}])",
                        .message_id = "3be98db3f1664a6fa4cce3a9327420c9"},
    [LOG_CLIENTS_LIMITED] =
        {"clients_limited", LOG_LEVEL_WARNING,
         .text = "max_clients: {limit} instead of {wanted}: the open-files limit is {files}"},
    [LOG_CLIENTS_TURNED_AWAY] = {"clients_turned_away", LOG_LEVEL_WARNING,
                                 .text = "turning clients away", .detail = "{reason}"},
    [LOG_CLIENT_CLOSED] = {"client_closed", LOG_LEVEL_DEBUG, .subject = "client {client}",
                           .text = "closed"},
    [LOG_CLIENT_CONNECTED] = {"client_connected", LOG_LEVEL_DEBUG, .subject = "client {client}",
                              .text = "connected"},
    [LOG_CLIENT_GONE] = {"client_gone", LOG_LEVEL_DEBUG, .subject = "client {client}",
                         .text = "has gone"},
    [LOG_CLIENT_KILLED] = {"client_killed", LOG_LEVEL_INFO, .subject = "client {client}",
                           .text = "closed by kill"},
    [LOG_CLIENT_NO_TLS] = {"client_no_tls", LOG_LEVEL_INFO, .subject = "{peer}",
                           .text = "closed: no TLS", .detail = "{reason} (client {client})"},
    [LOG_CLIENT_PROTOCOL] = {"client_protocol", LOG_LEVEL_INFO, .subject = "{peer}",
                             .text = "closed: protocol error",
                             .detail = "{reason} (client {client})"},
    [LOG_CLIENT_STALLED] = {"client_stalled", LOG_LEVEL_WARNING, .subject = "{peer}",
                            .text = "closed: it does not read its replies",
                            .detail = "{reason} (client {client})"},
    [LOG_CLUSTER_DISAGREES] = {"cluster_disagrees", LOG_LEVEL_WARNING, .subject = BACKEND,
                               .text = "the cluster's nodes disagree about who serves a slot",
                               .detail = "slot {number}"},
    [LOG_CLUSTER_UNKNOWN] = {"cluster_unknown", LOG_LEVEL_WARNING, .subject = BACKEND,
                             .text = "the cluster's slots are not known", .detail = "{reason}"},
    [LOG_CONFIG_CHANGED] = {"config_changed", LOG_LEVEL_WARNING,
                            .text = "{reason}, and so has {path}, which may be half done: a reload "
                                    "(SIGHUP, or the verb reload) reads them all"},
    [LOG_CONFIG_ERROR] = {"config_error", LOG_LEVEL_ERROR, .text = "{reason}"},
    [LOG_CONFIG_MORE] = {"config_more", LOG_LEVEL_WARNING, .subject = "{path}",
                         .text = "and {number} problems more: cachesd -t -c FILE tells all"},
    [LOG_CONFIG_WARNING] = {"config_warning", LOG_LEVEL_WARNING, .text = "{reason}"},
    [LOG_DRAIN_OVER] = {"drain_over", LOG_LEVEL_WARNING,
                        .text = "drain is over: closing {clients} clients"},
    [LOG_ENDED] = {"ended", LOG_LEVEL_INFO, .text = "ended"},
    [LOG_ENDED_EARLY] = {"ended_early", LOG_LEVEL_INFO,
                         .text =
                             "ended, not waiting for a thread: a name look-up or a check of JSON"},
    [LOG_ENDING] = {"ending", LOG_LEVEL_INFO,
                    .text = "{reason}: ending, {clients} clients connected"},
    [LOG_FILES_CHANGED] = {"files_changed", LOG_LEVEL_INFO,
                           .text = "{reason}: the settings are read again"},
    [LOG_HANDLES_LEFT] = {"handles_left", LOG_LEVEL_ERROR, .text = "some handles were left open"},
    [LOG_HTTP_LISTENING] = {"http_listening", LOG_LEVEL_INFO,
                            .text = "HTTP: listening at {address}"},
    [LOG_HTTP_WRONG_TOKEN] = {"http_wrong_token", LOG_LEVEL_INFO, .subject = "{peer}",
                              .text = "wrong user or token", .detail = "[user {user} ](over HTTP)"},
    [LOG_IO_URING_REFUSED] = {"io_uring_refused", LOG_LEVEL_INFO,
                              .text =
                                  "no io_uring, so that many clients take more calls of the system",
                              .detail = "{reason}"},
    [LOG_LISTENING] = {"listening", LOG_LEVEL_INFO, .text = "listening at {address}"},
    [LOG_LISTEN_FAILED] = {"listen_failed", LOG_LEVEL_ERROR, .text = "can't listen at {reason}"},
    [LOG_MORE_CAUSES] = {"more_causes", LOG_LEVEL_WARNING, .subject = "log",
                         .text = "more causes at once than are told apart; the latest",
                         .detail = "{reason}"},
    [LOG_NEAR_OFF] = {"near_off", LOG_LEVEL_WARNING, .subject = NODE, .text = "near cache off",
                      .detail = "{reason}", .message_id = "c044a21340c94dcdba7fb86f8b711d1e"},
    [LOG_NEAR_ON] = {"near_on", LOG_LEVEL_INFO, .subject = NODE, .text = "near cache on"},
    [LOG_NEAR_REFUSED] = {"near_refused", LOG_LEVEL_ERROR, .subject = NODE,
                          .text = "near cache stays off: the account needs +client, +subscribe and "
                                  "the channel &__redis__:invalidate",
                          .detail = "{reason}"},
    [LOG_NEAR_STAYS_OFF] = {"near_stays_off", LOG_LEVEL_ERROR, .subject = NODE,
                            .text = "near cache stays off", .detail = "{reason}"},
    [LOG_NODE_LEFT] = {"node_left", LOG_LEVEL_INFO, .subject = NODE,
                       .text = "has no slot any more"},
    [LOG_NOT_PERMITTED] = {"not_permitted", LOG_LEVEL_INFO, .subject = "{peer}", .text = "NOPERM",
                           .detail = "user {user}: {verb} (client {client})"},
    [LOG_PASSWORD_CHANGED] = {"password_changed", LOG_LEVEL_INFO, .subject = BACKEND,
                              .text = "another password",
                              .detail = "all connections authenticate again"},
    [LOG_PASSWORD_REFUSED] = {"password_refused", LOG_LEVEL_ERROR, .subject = NODE,
                              .text = "the new password is refused", .detail = "{reason}"},
    [LOG_PASSWORD_UNREADABLE] = {"password_unreadable", LOG_LEVEL_WARNING, .subject = BACKEND,
                                 .text = "password_file can't be read, the former password stays",
                                 .detail = "{reason}"},
    [LOG_POLICY_REFUSED] = {"policy_refused", LOG_LEVEL_INFO, .subject = "namespace {namespace}",
                            .text = "requests are refused by policy ({rule})",
                            .detail = "{verb}: {reason} (user {user}, client {client}): mend the "
                                      "client, or the namespace's section"},
    [LOG_PURGE_BEGAN] = {"purge_began", LOG_LEVEL_INFO, .subject = "purge {namespace}",
                         .text = "begins"},
    [LOG_PURGE_DONE] = {"purge_done", LOG_LEVEL_INFO, .subject = "purge {namespace}",
                        .text = "done, {keys} keys removed"},
    [LOG_PURGE_PROGRESS] = {"purge_progress", LOG_LEVEL_INFO, .subject = "purge {namespace}",
                            .text = "{keys} keys removed so far"},
    [LOG_PURGE_STOPPED] = {"purge_stopped", LOG_LEVEL_ERROR, .subject = "purge {namespace}",
                           .text = "the purge stopped: {reason}: {keys} keys were removed"},
    [LOG_READY] = {"ready", LOG_LEVEL_INFO, .text = "ready",
                   .message_id = "65d9868539844936b13993d0a6331c5b"},
    [LOG_REDIS_ENDED] = {"redis_ended", LOG_LEVEL_ERROR, .subject = BACKEND,
                         .text = "redis-server ended", .detail = "{reason}"},
    [LOG_REDIS_FORK_FAILED] = {"redis_fork_failed", LOG_LEVEL_ERROR, .subject = BACKEND,
                               .text = "can't fork", .detail = "{reason}"},
    [LOG_REDIS_MISSING] = {"redis_missing", LOG_LEVEL_ERROR, .subject = BACKEND,
                           .text = "{reason}"},
    [LOG_REDIS_PATH_LONG] = {"redis_path_long", LOG_LEVEL_ERROR, .subject = BACKEND,
                             .text = "{path} is too long for a Unix socket: set XDG_RUNTIME_DIR"},
    [LOG_RELOAD_DONE] = {"reload_done", LOG_LEVEL_INFO, .subject = "reload", .text = "done",
                         .message_id = "a42acbf249a1471f82f1044066a08071"},
    [LOG_RELOAD_MANY] = {"reload_many", LOG_LEVEL_WARNING, .subject = "reload",
                         .text = "too many: they are only counted for up to {seconds} s"},
    [LOG_RELOAD_MORE] = {"reload_more", LOG_LEVEL_WARNING, .subject = "reload",
                         .text = "{number} more since, which were not logged"},
    [LOG_RELOAD_REFUSED] = {"reload_refused", LOG_LEVEL_ERROR, .subject = "reload",
                            .text = "refused: the old settings stay in force",
                            .message_id = "02a0f92b31a949caa64891aa46adcbc8"},
    [LOG_SENTINEL_LOST] = {"sentinel_lost", LOG_LEVEL_WARNING,
                           .subject = BACKEND ", sentinel {sentinel}", .text = "can't be asked",
                           .detail = "{reason}"},
    [LOG_SENTINEL_MASTER] = {"sentinel_master", LOG_LEVEL_INFO, .subject = BACKEND,
                             .text = "the master is {master}[, and no longer {former}]"},
    [LOG_SENTINEL_NO_ROLE] = {"sentinel_no_role", LOG_LEVEL_WARNING, .subject = BACKEND,
                              .text =
                                  "the server does not say whether it is a master: ROLE refused",
                              .detail = "{reason}"},
    [LOG_SENTINEL_REFUSES] = {"sentinel_refuses", LOG_LEVEL_WARNING, .subject = BACKEND,
                              .text = "its sentinels refuse this daemon",
                              .detail = BACKEND ", sentinel {sentinel}: {reason}"},
    [LOG_SENTINEL_UNKNOWN] =
        {"sentinel_unknown", LOG_LEVEL_WARNING, .subject = BACKEND,
         .text = "its sentinels know no master of that name",
         .detail = "{master} (" BACKEND
                   ", sentinel {sentinel}; its SENTINEL MASTERS lists those that it knows)"},
    [LOG_SOCKET_STALE] = {"socket_stale", LOG_LEVEL_INFO, .subject = "unix:{path}",
                          .text = "replacing a stale socket"},
    [LOG_START_FAILED] = {"start_failed", LOG_LEVEL_ERROR, .text = "can't start: {reason}"},
    [LOG_TRY] = {"try", LOG_LEVEL_INFO,
                 .text = "try: printf 'key.set {namespace} greeting hello\\nkey.get {namespace} "
                         "greeting\\nquit\\n' | {command}"},
    [LOG_WORKER_FAILED] = {"worker_failed", LOG_LEVEL_ERROR,
                           .text = "can't start worker {number}: {reason}"},
    [LOG_WRONG_TOKEN] = {"wrong_token", LOG_LEVEL_INFO, .subject = "{peer}",
                         .text = "wrong user or token", .detail = "user {user} (client {client})"},
};

// --- templates --------------------------------------------------------------------------------

// Returns LOG_FIELDS when there is no such field.
static enum log_field field_of(struct slice name) {
    unsigned field = 0;
    while (field < LOG_FIELDS && !slice_equal(slice_of(log_field_names[field]), name))
        field++;
    return field;
}

// Reads "{name}" at the beginning of a template. Returns its length.
static size_t read_field(const char *at, enum log_field *field) {
    size_t len = strcspn(at, "}");
    *field = field_of((struct slice){at + 1, len - 1});
    return len + 1;
}

static const struct log_value *find(const struct log_values *values, enum log_field field) {
    for (size_t i = 0; i < values->count; i++)
        if (values->items[i].field == field && log_value_is_there(&values->items[i]))
            return &values->items[i];
    return NULL;
}

static bool append_value(struct bytes *line, const struct log_values *values,
                         enum log_field field) {
    const struct log_value *value = find(values, field);
    if (value && value->is_number)
        bytes_printf(line, "%" PRIu64, value->number);
    else if (value)
        escape_plain(line, value->text);
    return value != NULL;
}

static void append_template(struct bytes *line, const char *at, const struct log_values *values) {
    size_t begin = SIZE_MAX; // of the brackets' content in the line
    bool is_whole = true;
    while (*at) {
        enum log_field field;
        if (*at == '{') {
            at += read_field(at, &field);
            is_whole = append_value(line, values, field) && is_whole;
            continue;
        }
        if (*at == '[') {
            begin = line->len;
            is_whole = true;
        } else if (*at == ']') {
            line->len = is_whole ? line->len : begin;
        } else {
            bytes_append(line, at, 1);
        }
        at++;
    }
}

static void append_count(struct bytes *line, const struct log_values *values) {
    const struct log_value *count = find(values, FIELD_COUNT);
    if (count && count->number == 1) {
        bytes_append_literal(line, " (once)");
    } else if (count) {
        bytes_printf(line, " (%" PRIu64 " times in ", count->number);
        append_value(line, values, FIELD_SECONDS);
        bytes_append_literal(line, " s)");
    }
}

// Appends ": DETAIL", unless the detail's values are empty.
static void append_detail(struct bytes *line, const char *detail, const struct log_values *values) {
    size_t len = line->len;
    bytes_append_literal(line, ": ");
    append_template(line, detail, values);
    if (line->len == len + 2)
        line->len = len;
}

void log_event_append(struct bytes *line, enum log_event event, const struct log_values *values) {
    const struct log_event_row *row = &log_events[event];
    bool is_over = find(values, FIELD_STATE);
    if (row->subject) {
        append_template(line, row->subject, values);
        bytes_append_literal(line, ": ");
    }
    if (is_over)
        bytes_append_literal(line, "over: ");
    append_template(line, row->text, values);
    if (row->detail && !is_over)
        append_detail(line, row->detail, values);
    append_count(line, values);
}

// --- identity ---------------------------------------------------------------------------------

static uint64_t fields_of(const char *at) {
    uint64_t fields = 0;
    while (at && (at = strchr(at, '{'))) {
        enum log_field field;
        at += read_field(at, &field);
        fields |= UINT64_C(1) << field;
    }
    return fields;
}

uint64_t log_event_identity(enum log_event event) {
    return fields_of(log_events[event].subject) | fields_of(log_events[event].text);
}
