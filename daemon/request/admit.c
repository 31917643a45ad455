#include "daemon/request/admit.h"

#include "conf/settings.h"
#include "daemon/request/context.h"
#include "daemon/request/session.h"
#include "protocol/guess.h"
#include "protocol/native.h"
#include "protocol/redis/row.h"
#include "protocol/redis/table.h"
#include "protocol/reply.h"
#include "protocol/verb.h"

enum { MOST_COMPARED = 2048 };

#define FOR_REDIS "it is one of Redis's, for listeners with speak = redis alone"

// Returns whether so many more names may be compared with a wrong one, to guess which was meant. A
// flood of mistakes gets no guesses, so that it costs other clients nothing.
static bool may_compare(struct context *context, size_t names) {
    context->compared += names;
    return context->compared <= MOST_COMPARED;
}

// Returns the verb that does what a command of Redis does; NULL when there is none.
static const struct verb *verb_instead(const struct verb_table *verbs,
                                       const struct redis_row *row) {
    const char *name = row->instead ? row->instead : row->verb;
    const struct verb_entry *entry = name ? verb_find(verbs, slice_of(name)) : NULL;
    return entry && !(entry->verb->flags & VERB_DIALECT) ? entry->verb : NULL;
}

// Says which verb was meant. People bring Redis's names along: HGET is dict.get here.
static void append_hint(struct context *context, struct slice name, struct bytes *hint) {
    const struct redis_command *command = redis_find(verb_redis(context->verbs), name);
    const struct verb *meant = NULL;
    if (command)
        meant = verb_instead(context->verbs, command->row);
    else if (may_compare(context, VERBS_MOST))
        meant = verb_nearest(context->verbs, name);
    if (meant) {
        bytes_append_literal(hint, "did you mean ");
        verb_append_use(hint, meant);
    } else if (command && command->row->refused) {
        bytes_printf(hint, "Redis's %s %s", command->row->name, command->row->refused);
    } else if (command) {
        bytes_append_literal(hint, FOR_REDIS);
    } else {
        bytes_append_literal(hint, "say help for the list");
    }
}

bool admit_refuse_verb(struct context *context, struct slice name, struct refusal *refusal) {
    struct bytes hint = {0};
    append_hint(context, name, &hint);
    // These are Redis's own words, which client libraries look for.
    refusal_set(refusal, REPLY_VERB, "unknown command '%.*s': %.*s", REPLY_WORD(name),
                (int)hint.len, hint.data);
    bytes_deinit(&hint);
    return false;
}

// Returns the name nearest to the word among the namespaces that the identity may use; NULL when no
// name is near.
static const char *nearest_namespace(struct context *context, const struct identity *identity,
                                     struct slice name) {
    const struct settings *settings = context->policy->settings;
    struct guess guess = {name, SIZE_MAX, {0}};
    if (!may_compare(context, settings->namespace_count))
        return NULL;
    for (size_t i = 0; i < settings->namespace_count; i++)
        if (identity_may_use(identity, i))
            guess_add(&guess, slice_of(settings->namespaces[i].name));
    return guess.name.data;
}

// An identity that is limited to some namespaces does not learn which others there are.
struct namespace *admit_namespace(struct context *context, struct identity *identity,
                                  struct slice name, struct refusal *refusal) {
    struct namespace *namespace = policy_namespace(context->policy, name);
    if (namespace && identity_may_use(identity, (size_t)(namespace - context->policy->namespaces)))
        return identity->last_namespace = namespace;
    const char *nearest = nearest_namespace(context, identity, name);
    bool is_limited = identity_is_limited(identity);
    const char *list = is_limited ? "say namespaces for yours" : "say namespaces for the list";
    refusal_set(refusal, is_limited ? REPLY_NOPERM : REPLY_NAMESPACE,
                is_limited ? "namespace '%.*s' is not yours: %s%s" : "no namespace '%.*s': %s%s",
                REPLY_WORD(name), nearest ? "did you mean " : list, nearest ? nearest : "");
    return NULL;
}

// Looks up the verb that the word names. Returns false with a refusal when the identity may not use
// it.
static bool find_verb(struct context *context, struct identity *identity, struct slice word,
                      struct admission *a, struct refusal *refusal) {
    a->entry = verb_find(context->verbs, word);
    if (!identity_may_say(identity, a->entry ? a->entry->verb : NULL, refusal))
        return false;
    if (!a->entry)
        return admit_refuse_verb(context, word, refusal);
    if (a->entry->verb->flags & VERB_DIALECT)
        return refusal_set(refusal, REPLY_VERB, "unknown command '%s': " FOR_REDIS,
                           a->entry->verb->name);
    identity->last_entry = a->entry;
    return true;
}

bool admit(struct session *session, struct slice *words, size_t count, struct admission *a,
           struct refusal *refusal) {
    struct context *context = session->context;
    struct identity *identity = &session->identity;
    struct namespace *last = identity->last_namespace;
    struct slice name = {0};
    if (last)
        name = (struct slice){last->conf->name, last->conf->name_len};
    a->entry = identity->last_entry;
    a->namespace = NULL; // a->call stays as it is: the dialect fills it in
    if (!(a->entry && slice_equal(a->entry->name, words[0])) &&
        !find_verb(context, identity, words[0], a, refusal))
        return false;
    if (!native_read(a->entry, words + 1, count - 1, &a->call, &name, refusal))
        return false;
    if (!a->entry->signature.has_namespace)
        return true;
    if (last && name.data == last->conf->name)
        a->namespace = last;
    else if (!(a->namespace = admit_namespace(context, identity, name, refusal)))
        return false;
    return policy_admit(a->namespace, a->entry, &a->call, &context->loop.random, refusal);
}
