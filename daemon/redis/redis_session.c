#include "daemon/redis/redis_session.h"

#include "conf/sections.h"
#include "daemon/backend/backend.h"
#include "daemon/policy/identity.h"
#include "daemon/policy/mapping.h"
#include "daemon/policy/policy.h"
#include "daemon/request/context.h"
#include "protocol/mem.h"

void redis_session_deinit(struct redis_session *s) {
    mem_free(s->library_name);
    mem_free(s->library_version);
}

// The user's own namespace goes before the database, and that before the listener's.
static bool bind_to(struct session *session, int64_t database) {
    struct redis_session *s = session->redis;
    const struct user_conf *user = session->identity.user;
    const struct policy *policy = session->context->policy;
    s->bound = NULL;
    if (!session->mapping || !mapping_select(session->mapping, database, &s->bound))
        return false;
    if (user && user->redis != NO_NAMESPACE)
        s->bound = &policy->namespaces[user->redis];
    else if (!s->bound)
        s->bound = session->mapping->bound;
    return true;
}

void redis_session_map(struct session *session) {
    struct redis_session *s = session->redis;
    if (!bind_to(session, s->database))
        s->is_unmapped = true; // until a SELECT succeeds, as after one that failed
    s->last_command = NULL;
    s->last_namespace = NULL;
}

bool redis_session_select(struct session *session, int64_t database) {
    struct redis_session *s = session->redis;
    s->is_unmapped = !bind_to(session, database);
    if (!s->is_unmapped)
        s->database = database;
    s->last_namespace = NULL;
    return !s->is_unmapped;
}

// Until a server has told, nobody need fear that it drops keys: most libraries that ask only warn.
const char *redis_session_eviction(const struct session *session) {
    const struct mapping *mapping = session->mapping;
    const struct namespace *ns = session->redis->bound;
    if (!ns && mapping)
        ns = mapping->count > 0 ? mapping->by_prefix[0] : mapping->rest;
    return ns && *ns->backend->eviction ? ns->backend->eviction : "noeviction";
}
