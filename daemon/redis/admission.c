#include "daemon/redis/admission.h"

#include "conf/sections.h"
#include "daemon/backend/backend.h"
#include "daemon/policy/identity.h"
#include "daemon/policy/mapping.h"
#include "daemon/policy/policy.h"
#include "daemon/redis/redis_session.h"
#include "daemon/redis/scripts.h"
#include "daemon/request/context.h"
#include "protocol/call.h"
#include "protocol/collection.h"
#include "protocol/redis/passed.h"
#include "protocol/redis/row.h"
#include "protocol/redis/table.h"
#include "protocol/reply.h"
#include "protocol/syntax.h"
#include "protocol/verb.h"
#include "protocol/verb_table.h"

enum { SHOWN_ARGS = 20, SHOWN_PREFIXES = 8 };

// --- the command ------------------------------------------------------------------------------

// Refuses in Redis's own words, which client libraries look for.
static bool refuse_unknown(const struct slice *words, size_t count, struct refusal *refusal) {
    struct bytes text = {0};
    bytes_printf(&text, "unknown command '%.*s', with args beginning with: ", REPLY_WORD(words[0]));
    for (size_t i = 1; i < count && i < SHOWN_ARGS && text.len < 128; i++)
        bytes_printf(&text, "'%.*s' ", REPLY_WORD(words[i]));
    refusal_set(refusal, REPLY_VERB, "%.*s", (int)text.len, text.data);
    bytes_deinit(&text);
    return false;
}

static void remember(struct redis_session *s, const struct redis_command *command,
                     struct slice word) {
    s->last_command = command;
    s->last_len = word.len;
    memcpy(s->last_word, word.data, word.len); // no command has a longer name
}

// Returns the command that the word names; NULL when it names a verb of cachesd's own, or nothing,
// or when the client may not use it: *is_refused is true then, with a refusal.
static __attribute__((noinline)) const struct redis_command *find_command(struct session *session,
                                                                          const struct slice *words,
                                                                          struct refusal *refusal,
                                                                          bool *is_refused) {
    const struct redis_command *command = redis_find(verb_redis(session->context->verbs), words[0]);
    *is_refused = false;
    if (!command)
        return NULL;
    const struct verb *said = command->row->may_only_read ? NULL : command->entry.verb;
    if (!identity_may_say(&session->identity, said, refusal)) {
        *is_refused = true;
        return NULL;
    }
    if (command->row->refused) {
        *is_refused = true;
        refusal_set(refusal, REPLY_NOPERM, "cachesd: '%s' %s", command->row->name,
                    command->row->refused);
        return NULL;
    }
    remember(session->redis, command, words[0]);
    return command;
}

// A word that no command of Redis's has: a verb of cachesd's own.
static __attribute__((noinline)) bool admit_native(struct session *session, struct slice *words,
                                                   size_t count, struct admission *a,
                                                   struct refusal *refusal) {
    const struct mapping *mapping = session->mapping;
    a->entry = verb_find(session->context->verbs, words[0]);
    if (identity_is_known(&session->identity) &&
        (!a->entry || a->entry->verb->flags & VERB_DIALECT)) {
        a->entry = NULL;
        return refuse_unknown(words, count, refusal);
    }
    if (!admit(session, words, count, a, refusal))
        return false;
    if (!a->namespace || (mapping && mapping_reaches(mapping, a->namespace)))
        return true;
    return refusal_set(refusal, REPLY_NOPERM, "namespace '%s' is not reached by this listener",
                       a->namespace->conf->name);
}

// --- the namespaces of the keys ---------------------------------------------------------------

// Names the prefixes of the caller's own namespaces alone.
static bool refuse_key(struct session *session, struct slice key, struct refusal *refusal) {
    const struct mapping *mapping = session->mapping;
    const struct policy *policy = session->context->policy;
    struct bytes prefixes = {0};
    size_t shown = 0;
    for (size_t i = 0; i < mapping->count && shown < SHOWN_PREFIXES; i++) {
        const struct namespace *ns = mapping->by_prefix[i];
        if (!identity_may_use(&session->identity, (size_t)(ns - policy->namespaces)))
            continue;
        bytes_printf(&prefixes, "%s%s", shown++ > 0 ? ", " : ": keys begin with ",
                     ns->conf->prefix);
    }
    refusal_set(refusal, REPLY_NAMESPACE, "no namespace holds the key '%.*s'%.*s", REPLY_WORD(key),
                (int)prefixes.len, prefixes.len > 0 ? prefixes.data : "");
    bytes_deinit(&prefixes);
    return false;
}

static bool refuse_unmapped(const struct session *session, struct refusal *refusal) {
    if (!session->mapping)
        return refusal_set(refusal, REPLY_UNAVAILABLE, REDIS_NO_LISTENER);
    return refusal_set(refusal, REPLY_NOPERM,
                       "the last SELECT failed: no key is in a namespace until one "
                       "succeeds, as SELECT 0");
}

// Returns the namespace of the key, which the caller may use; NULL with a refusal.
static __attribute__((noinline)) struct namespace *
namespace_of(struct session *session, struct slice key, bool *whole, struct refusal *refusal) {
    struct redis_session *s = session->redis;
    const struct policy *policy = session->context->policy;
    struct namespace *ns = s->bound;
    *whole = false;
    if (s->is_unmapped) {
        refuse_unmapped(session, refusal);
        return NULL;
    }
    if (!ns)
        ns = mapping_find(session->mapping, key, whole);
    if (!ns) {
        refuse_key(session, key, refusal);
        return NULL;
    }
    if (!identity_may_use(&session->identity, (size_t)(ns - policy->namespaces))) {
        refusal_set(refusal, REPLY_NOPERM, "the namespace of the key '%.*s' is not yours",
                    REPLY_WORD(key));
        return NULL;
    }
    return ns;
}

// Returns whether a key is in that namespace, with its prefix written before it.
static inline bool is_within(const struct namespace *ns, struct slice key) {
    return slice_begins(key, (struct slice){ns->conf->prefix, ns->conf->prefix_len});
}

// --- keys of several namespaces ---------------------------------------------------------------

// Asks the policy of the key's own namespace about the part of the call from this key to the next.
static bool admit_part(struct session *session, const struct admission *a, size_t key, size_t end,
                       struct call_key_part *part, struct call *call, struct refusal *refusal) {
    struct namespace *ns = namespace_of(session, a->call.args[key], &call->has_whole_keys, refusal);
    if (!ns)
        return false;
    if (ns->backend != a->namespace->backend)
        return refusal_set(refusal, REPLY_CROSSSLOT, "the keys are at several backends");
    call->args = a->call.args + key;
    call->argc = end - key;
    call->key_at = 0;
    call->more_keys = call->more_keys_end = 0;
    if (!policy_admit(ns, a->entry, call, &session->context->loop.random, refusal))
        return false;
    bool heals = call->ttl_rule == TTL_SET_IF_NONE;
    *part = (struct call_key_part){call->prefix, heals ? call->ttl_ms : 0, call->cap_ms};
    return true;
}

// Returns whether what the one namespace holds may be stored in the other, whose own rules would
// let no client store it there: nobody sees the values on their way.
static bool may_move(const struct namespace_conf *from, const struct namespace_conf *to,
                     const struct verb_entry *entry) {
    bool has_any = entry->collection == COLLECTION_ANY;
    return (!has_any || (from->collections & ~to->collections) == 0) &&
           (to->value == VALUE_BYTES || to->value == from->value) &&
           from->max_value <= to->max_value;
}

static bool is_stored_to(const struct redis_row *row, const struct call *call, size_t index,
                         size_t number) {
    bool is_more = index >= call->more_keys && index < call->more_keys_end;
    return row->creates == CREATES_MORE ? is_more : number == (row->creates == CREATES_SECOND);
}

// Returns the namespace of the key that the command stores the values of other keys to; NULL when
// it does no such thing.
static const struct namespace *find_target(struct session *session, const struct admission *a,
                                           struct refusal *refusal) {
    const struct redis_row *row = a->call.redis->row;
    size_t number = 0;
    bool whole;
    if (row->creates == CREATES_NONE || row->creates == CREATES_ALL)
        return NULL;
    for (size_t i = syntax_next_key(&a->entry->signature, &a->call, 0); i < a->call.argc;
         i = syntax_next_key(&a->entry->signature, &a->call, i + 1))
        if (is_stored_to(row, &a->call, i, number++))
            return namespace_of(session, a->call.args[i], &whole, refusal);
    return NULL;
}

// Returns whether the namespace to which the command stores takes what the key's own may hold.
static bool admit_move(struct session *session, const struct admission *a, size_t key,
                       const struct namespace *to, struct refusal *refusal) {
    bool whole;
    const struct namespace *from = namespace_of(session, a->call.args[key], &whole, refusal);
    if (!from || !to || from == to || may_move(from->conf, to->conf, a->entry))
        return from;
    return refusal_set_policy(refusal, REFUSED_KIND,
                              "namespace '%s' may hold what namespace '%s' does not take: "
                              "'collections', 'value' or 'max_value' differ",
                              from->conf->name, to->conf->name);
}

// The reply to a pop names its key, of which one prefix can be taken off.
static bool admit_popped(const struct admission *a, size_t keys, struct refusal *refusal) {
    const struct call_key_part *parts = a->call.parts;
    if (a->call.redis->row->render != render_popped)
        return true;
    for (size_t i = 1; i < keys; i++)
        if (parts[i].prefix.len != parts[0].prefix.len)
            return refusal_set(refusal, REPLY_ARGS,
                               "cachesd: '%s' takes no keys that begin with a namespace's prefix "
                               "beside others",
                               a->call.redis->row->name);
    return true;
}

// The command is admitted when each namespace admits its part. It counts as one of the first key's.
static __attribute__((noinline)) bool admit_parts(struct session *session, struct admission *a,
                                                  struct refusal *refusal) {
    const struct signature *s = &a->entry->signature;
    const struct namespace *target = find_target(session, a, refusal);
    struct call first = {0};
    size_t number = 0, next;
    struct call_key_part *parts = context_parts(session->context, syntax_count_keys(s, &a->call));
    for (size_t i = syntax_next_key(s, &a->call, 0); i < a->call.argc; i = next) {
        struct call part = a->call;
        next = syntax_next_key(s, &a->call, i + 1);
        if (!admit_part(session, a, i, next, &parts[number], &part, refusal) ||
            !admit_move(session, a, i, target, refusal))
            return false;
        if (number++ == 0)
            first = part;
    }
    a->call.prefix = first.prefix;
    a->call.ttl_rule = first.ttl_rule;
    a->call.ttl_ms = first.ttl_ms;
    a->call.ttl_px = first.ttl_px;
    a->call.ttl_reason = first.ttl_reason;
    a->call.parts = parts;
    return admit_popped(a, number, refusal);
}

// --- all --------------------------------------------------------------------------------------

// Finds the namespace of the call's first key. The last one is tried first.
static inline bool place(struct session *session, struct admission *a, struct refusal *refusal) {
    struct redis_session *s = session->redis;
    struct namespace *last = s->last_namespace;
    struct slice key = a->call.args[a->call.key_at];
    bool is_last = last && !s->is_unmapped && (s->bound ? last == s->bound : is_within(last, key));
    a->call.has_whole_keys = !s->bound;
    if (is_last) {
        a->namespace = last;
        return true;
    }
    a->namespace = namespace_of(session, key, &a->call.has_whole_keys, refusal);
    if (!a->namespace)
        return false;
    // The namespace of keys without its prefix must not be remembered as one that has them.
    if (s->bound || a->call.has_whole_keys)
        s->last_namespace = a->namespace;
    return true;
}

// Returns whether all keys are in the namespace of the first, in the same way.
static __attribute__((noinline)) bool are_together(const struct session *session,
                                                   const struct admission *a) {
    const struct signature *s = &a->entry->signature;
    const struct call *call = &a->call;
    for (size_t i = syntax_next_key(s, call, call->key_at + 1); i < call->argc;
         i = syntax_next_key(s, call, i + 1)) {
        bool whole;
        if (call->has_whole_keys && is_within(a->namespace, call->args[i]))
            continue; // no prefix begins with another
        const struct namespace *ns = mapping_find(session->mapping, call->args[i], &whole);
        if (ns != a->namespace || whole != call->has_whole_keys)
            return false;
    }
    return true;
}

// Redis refuses such a command itself; the daemon would send it to the server of the first key.
static __attribute__((noinline)) bool admit_slots(const struct admission *a,
                                                  struct refusal *refusal) {
    const struct signature *s = &a->entry->signature;
    const struct backend *backend = a->namespace->backend;
    const struct call *call = &a->call;
    unsigned slot = backend_hash_slot(backend, call_key(call));
    size_t number = 1;
    for (size_t i = syntax_next_key(s, call, call->key_at + 1); i < call->argc;
         i = syntax_next_key(s, call, i + 1)) {
        struct split_key key = {call_prefix(call, number++), call->args[i]};
        if (backend_hash_slot(backend, key) != slot)
            return refusal_set(refusal, REPLY_CROSSSLOT, "the keys have several hash slots");
    }
    return true;
}

// Redis puts a value in the place of a pattern's first '*', which must not stand in the prefix.
static bool admit_patterns(struct session *session, const struct admission *a,
                           struct refusal *refusal) {
    for (size_t i = 0; a->call.patterns >> i; i++) {
        bool whole;
        if (!(a->call.patterns >> i & 1))
            continue;
        const struct namespace *ns = namespace_of(session, a->call.args[i], &whole, refusal);
        if (!ns)
            return false;
        if (memchr(ns->conf->prefix, '*', ns->conf->prefix_len))
            return refusal_set_policy(refusal, REFUSED_VERB,
                                      "namespace '%s' has a '*' in its prefix, so SORT takes no "
                                      "pattern of it",
                                      ns->conf->name);
    }
    return true;
}

static __attribute__((noinline)) bool admit_several(struct session *session, struct admission *a,
                                                    struct refusal *refusal) {
    bool are_apart = !session->redis->bound && !are_together(session, a);
    bool is_admitted = are_apart ? admit_parts(session, a, refusal)
                                 : policy_admit(a->namespace, a->entry, &a->call,
                                                &session->context->loop.random, refusal);
    bool need_one_slot =
        a->namespace->backend->hash_slot_of && !(a->entry->verb->flags & VERB_EACH_KEY);
    return is_admitted && admit_patterns(session, a, refusal) &&
           (!need_one_slot || admit_slots(a, refusal));
}

static bool refuse_script(const struct admission *a, struct refusal *refusal) {
    return refusal_set_policy(refusal, REFUSED_VERB, "namespace '%s' says scripts = no",
                              a->namespace->conf->name);
}

// Finds the namespace that a script runs in: that of all its keys. Without a key, it is the one
// that the client is bound to.
static bool place_script(struct session *session, struct admission *a, struct refusal *refusal) {
    const struct redis_session *s = session->redis;
    if (a->call.more_keys == a->call.more_keys_end && !s->bound)
        return s->is_unmapped ? refuse_unmapped(session, refusal)
                              : refusal_set(refusal, REPLY_NAMESPACE,
                                            "no key says in which namespace the "
                                            "script runs: name one in KEYS");
    if (!place(session, a, refusal))
        return false;
    if (!s->bound && !are_together(session, a))
        return refusal_set(refusal, REPLY_NOPERM, "the keys of a script must be of one namespace");
    return a->namespace->conf->has_scripts || refuse_script(a, refusal);
}

static __attribute__((noinline)) bool admit_script(struct session *session, struct admission *a,
                                                   struct refusal *refusal) {
    if (!place_script(session, a, refusal) ||
        !policy_admit(a->namespace, a->entry, &a->call, &session->context->loop.random, refusal))
        return false;
    // In a client's MULTI, Redis says so in the midst of EXEC's reply.
    if (!session->redis->multi && !scripts_know(&a->call))
        return refusal_set(refusal, REPLY_NOSCRIPT, "No matching script. Please use EVAL.");
    scripts_admit(session->context, a->namespace, &a->call);
    return !a->namespace->backend->hash_slot_of || admit_slots(a, refusal);
}

bool redis_admit(struct session *session, struct slice *words, size_t count, struct admission *a,
                 struct refusal *refusal) {
    struct redis_session *s = session->redis;
    struct slice last_word = {s->last_word, s->last_len};
    const struct redis_command *command = s->last_command;
    bool is_refused;
    a->namespace = NULL;
    a->entry = NULL;
    if (!(command && slice_equal(last_word, words[0])) &&
        !(command = find_command(session, words, refusal, &is_refused)))
        return !is_refused && admit_native(session, words, count, a, refusal);
    a->entry = &command->entry;
    if (!redis_read_call(&command, words + 1, count - 1, &a->call, refusal))
        return false;
    // A variant may write where the command reads, or only read where it writes.
    bool is_meant_now = a->entry != &command->entry || command->row->may_only_read;
    if (is_meant_now && !identity_may_say(&session->identity, command->entry.verb, refusal))
        return false;
    a->entry = &command->entry;
    if (!a->entry->signature.has_namespace)
        return true;
    if (a->entry->verb->flags & VERB_SCRIPT)
        return admit_script(session, a, refusal);
    if (!place(session, a, refusal))
        return false;
    if (a->entry->signature.has_more_keys || a->call.more_keys_end > 0)
        return admit_several(session, a, refusal);
    return policy_admit(a->namespace, a->entry, &a->call, &session->context->loop.random, refusal);
}
