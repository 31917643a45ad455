#include "daemon/request/named.h"

#include "daemon/request/admit.h"
#include "daemon/request/context.h"
#include "daemon/request/session.h"
#include "protocol/refusal.h"

void named_fail_verb(struct request *r, struct slice name) {
    struct refusal *refusal = &r->context->refusal;
    admit_refuse_verb(r->context, name, refusal);
    request_fail_with(r, refusal);
}

struct namespace *named_namespace(struct request *r, struct slice name) {
    struct refusal *refusal = &r->context->refusal;
    struct namespace *namespace = admit_namespace(r->context, &r->session->identity, name, refusal);
    if (!namespace)
        request_fail_with(r, refusal);
    return namespace;
}
