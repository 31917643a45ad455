#include "daemon/front/section.h"

#include "conf/sections.h"
#include "daemon/policy/mapping.h"
#include "daemon/policy/policy.h"
#include "daemon/redis/dialogue.h"
#include "daemon/redis/redis_session.h"
#include "daemon/request/admit.h"
#include "daemon/request/context.h"
#include "daemon/request/session.h"
#include "protocol/bytes.h"
#include "protocol/dialect.h"
#include "protocol/mem.h"
#include "protocol/native.h"
#include "protocol/redis/words.h"

const struct dialect *section_dialect(const struct listener_conf *conf) {
    return conf && conf->speak == SPEAK_REDIS ? &redis_dialect : &native_dialect;
}

void section_enter(struct session *s, const struct dialect *dialect, const char *name) {
    s->dialect = dialect;
    s->admits = admit;
    s->listener = name ? mem_text(name) : NULL;
    if (dialect == &redis_dialect)
        dialogue_begin(s);
}

void section_leave(struct session *s) { dialogue_end(s); }

void section_identified(struct session *s) {
    if (s->redis)
        redis_session_map(s);
}

bool section_find(struct session *s) {
    if (!s->listener)
        return true;
    s->mapping = policy_mapping(s->context->policy, slice_of(s->listener));
    section_identified(s);
    return s->mapping && section_dialect(s->mapping->conf) == s->dialect;
}
