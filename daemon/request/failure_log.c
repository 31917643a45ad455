#include "daemon/request/failure_log.h"

#include "conf/sections.h"
#include "daemon/backend/backend.h"
#include "daemon/loop/complaint.h"
#include "daemon/loop/log_event.h"
#include "daemon/loop/loop.h"
#include "daemon/request/context.h"
#include "protocol/verb_table.h"

enum { SHOWN_VERB = 64 };

// --- clients ----------------------------------------------------------------------------------

void failure_log_not_permitted(const struct session *session, struct slice verb) {
    struct bytes shown = {0};
    bytes_append_readable(&shown, verb, SHOWN_VERB);
    session_complain(session, LOG_NOT_PERMITTED, NULL, log_slice(FIELD_VERB, bytes_slice(&shown)));
    bytes_deinit(&shown);
}

static const char *rule_name(enum refusal_reason reason) {
    static const char *const names[REFUSALS] = {
#define X(name, text) #text,
        REFUSAL_REASONS(X)
#undef X
    };
    return names[reason];
}

// The namespace and the rule identify the complaint: of these there are only as many as the
// configuration has, however many clients there are.
void failure_log_policy(const struct session *session, const struct namespace *namespace,
                        struct slice verb, const struct refusal *refusal) {
    const struct loop *loop = &session->context->loop;
    struct bytes shown = {0};
    bytes_append_readable(&shown, verb, SHOWN_VERB);
    complaints_add(session->context->about_policy, &loop->log, loop_now(loop), LOG_POLICY_REFUSED,
                   &LOG_VALUES(log_text(FIELD_NAMESPACE, namespace->conf->name),
                               log_text(FIELD_RULE, rule_name(refusal->reason)),
                               log_slice(FIELD_VERB, bytes_slice(&shown)),
                               log_slice(FIELD_REASON, bytes_slice(&refusal->text)),
                               log_text(FIELD_USER, session_user(session)),
                               log_text(FIELD_CLIENT, session->address)));
    bytes_deinit(&shown);
}

// --- backends ---------------------------------------------------------------------------------

static void complain(const struct context *context, enum log_event event,
                     const struct namespace *namespace, const struct verb *verb, int64_t limit) {
    const struct loop *loop = &context->loop;
    complaints_add(loop->complaints, &loop->log, loop_now(loop), event,
                   &LOG_VALUES(log_text(FIELD_BACKEND, namespace->backend->conf->name),
                               log_text(FIELD_NAMESPACE, namespace->conf->name),
                               log_text(FIELD_VERB, verb->name),
                               log_number(FIELD_LIMIT, (uint64_t)limit)));
}

void failure_log_timeout(const struct context *context, const struct namespace *namespace,
                         const struct verb *verb) {
    complain(context, LOG_BACKEND_TIMEOUT, namespace, verb, namespace->backend->conf->timeout_ms);
}

void failure_log_full(const struct context *context, const struct namespace *namespace,
                      const struct verb *verb) {
    complain(context, LOG_BACKEND_FULL, namespace, verb, namespace->backend->conf->max_pending);
}
