#include "daemon/redis/dialogue.h"

#include "daemon/redis/admission.h"
#include "daemon/redis/multi.h"
#include "daemon/redis/redis_session.h"
#include "protocol/bytes.h"
#include "protocol/mem.h"
#include "protocol/refusal.h"

static __attribute__((noinline)) bool admit_in_multi(struct session *session, struct slice *words,
                                                     size_t count, struct admission *a,
                                                     struct refusal *refusal) {
    return multi_goes_on(session) ? multi_admit(session, words, count, a, refusal)
                                  : redis_admit(session, words, count, a, refusal);
}

static bool admit_words(struct session *session, struct slice *words, size_t count,
                        struct admission *a, struct refusal *refusal) {
    return session->redis->multi ? admit_in_multi(session, words, count, a, refusal)
                                 : redis_admit(session, words, count, a, refusal);
}

void dialogue_begin(struct session *session) {
    session->redis = mem_new(sizeof(*session->redis));
    session->admits = admit_words;
}

void dialogue_end(struct session *session) {
    if (!session->redis)
        return;
    multi_forget(session);
    redis_session_deinit(session->redis);
    mem_free(session->redis);
    session->redis = NULL;
}
