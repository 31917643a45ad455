#include "daemon/policy/policy.h"

#include <inttypes.h>
#include <math.h>
#include <time.h>

#include "daemon/backend/backend.h"
#include "daemon/policy/mapping.h"
#include "daemon/policy/scripting.h"
#include "daemon/policy/value.h"
#include "protocol/collection.h"
#include "protocol/command.h"
#include "protocol/mem.h"
#include "protocol/number.h"
#include "protocol/redis/row.h"
#include "protocol/syntax.h"
#include "protocol/verb.h"

// Returns why the namespace refuses the verb, and sets *reason; NULL when the verb is allowed.
static const char *verb_problem(const struct namespace_conf *conf, const struct verb_entry *entry,
                                enum refusal_reason *reason) {
    const struct verb *verb = entry->verb;
    if (entry->collection != COLLECTION_ANY &&
        !(conf->collections & UINT64_C(1) << entry->collection)) {
        *reason = REFUSED_COLLECTION;
        return "does not hold this collection";
    }
    if (verb_set_has(&conf->deny, entry)) {
        *reason = REFUSED_VERB;
        return "denies this verb";
    }
    if (conf->is_readonly && verb->flags & VERB_WRITE) {
        *reason = REFUSED_READONLY;
        return "is read-only";
    }
    return NULL;
}

static void find_allowed_verbs(struct namespace *namespace, const struct verb_table *verbs) {
    const struct verb_entry *entry;
    enum refusal_reason reason;
    for (size_t i = 0; (entry = verb_at(verbs, i)); i++)
        if (!verb_problem(namespace->conf, entry, &reason))
            verb_set_add(&namespace->verbs, entry);
}

static struct namespace *at(struct policy *policy, size_t number) {
    return number == NO_NAMESPACE ? NULL : &policy->namespaces[number];
}

static void map(struct policy *policy, struct mapping *m, const struct listener_conf *conf) {
    *m = (struct mapping){
        .conf = conf,
        .bound = at(policy, conf->bound),
        .rest = at(policy, conf->rest),
        .by_prefix = mem_new(conf->mapped_count * sizeof(struct namespace *)),
        .prefixes = mem_new(conf->mapped_count * sizeof(struct slice)),
        .selected = mem_new(conf->select_count * sizeof(struct namespace *)),
        .count = conf->mapped_count,
    };
    for (size_t i = 0; i < conf->mapped_count; i++) {
        const struct namespace_conf *n = &policy->settings->namespaces[conf->mapped[i]];
        m->by_prefix[i] = at(policy, conf->mapped[i]);
        m->prefixes[i] = (struct slice){n->prefix, n->prefix_len};
    }
    for (size_t i = 0; i < conf->select_count; i++)
        m->selected[i] = at(policy, conf->selects[i].namespace);
}

struct policy *policy_new(struct settings *settings, const struct verb_table *verbs) {
    struct policy *policy = mem_new(sizeof(*policy));
    policy->refs = 1;
    policy->settings = settings;
    policy->namespaces = mem_new(settings->namespace_count * sizeof(*policy->namespaces));
    policy->backends = mem_new(settings->backend_count * sizeof(*policy->backends));
    for (size_t i = 0; i < settings->namespace_count; i++) {
        policy->namespaces[i].conf = &settings->namespaces[i];
        find_allowed_verbs(&policy->namespaces[i], verbs);
        command_px(&(struct command){.out = &policy->namespaces[i].ttl_px},
                   settings->namespaces[i].ttl_ms);
    }
    policy->mappings = mem_new(settings->listener_count * sizeof(*policy->mappings));
    for (size_t i = 0; i < settings->listener_count; i++)
        map(policy, &policy->mappings[i], &settings->listeners[i]);
    return policy;
}

struct namespace_stats *namespace_stats_ref(struct namespace_stats *stats) {
    if (!stats)
        stats = mem_new(sizeof(*stats));
    stats->refs++;
    return stats;
}

void namespace_stats_unref(struct namespace_stats *stats) {
    if (--stats->refs == 0)
        mem_free(stats);
}

struct policy *policy_ref(struct policy *policy) {
    policy->refs++;
    return policy;
}

static void free_namespace(struct namespace *namespace) {
    bytes_deinit(&namespace->ttl_px);
    for (size_t i = 0; i < 2; i++)
        scripting_free(namespace->scripting[i]);
}

void policy_unref(struct policy *policy) {
    if (!policy || --policy->refs > 0)
        return;
    if (policy->on_free)
        policy->on_free(policy->owner);
    for (size_t i = 0; i < policy->settings->namespace_count; i++)
        namespace_stats_unref(policy->namespaces[i].stats);
    for (size_t i = 0; i < policy->settings->namespace_count; i++)
        free_namespace(&policy->namespaces[i]);
    for (size_t i = 0; i < policy->settings->backend_count; i++)
        backend_unref(policy->backends[i]);
    for (size_t i = 0; i < policy->settings->listener_count; i++)
        mapping_deinit(&policy->mappings[i]);
    settings_unref(policy->settings);
    mem_free(policy->mappings);
    mem_free(policy->backends);
    mem_free(policy->namespaces);
    mem_free(policy);
}

struct namespace *policy_namespace(const struct policy *policy, struct slice name) {
    const struct namespace_conf *conf = settings_namespace(policy->settings, name);
    return conf ? &policy->namespaces[conf - policy->settings->namespaces] : NULL;
}

const struct mapping *policy_mapping(const struct policy *policy, struct slice name) {
    for (size_t i = 0; i < policy->settings->listener_count; i++)
        if (slice_equal(slice_of(policy->settings->listeners[i].name), name))
            return &policy->mappings[i];
    return NULL;
}

static bool refuse_size(struct refusal *refusal, enum refusal_reason reason,
                        const struct namespace_conf *conf, const char *what, size_t len,
                        const char *limit, int64_t most) {
    return refusal_set_policy(refusal, reason,
                              "%s of %zu bytes is too long: %s of namespace '%s' is %" PRId64, what,
                              len, limit, conf->name, most);
}

static bool admit_verb(const struct namespace *namespace, const struct verb_entry *entry,
                       struct refusal *refusal) {
    enum refusal_reason reason = REFUSED_VERB;
    if (verb_set_has(&namespace->verbs, entry))
        return true;
    const char *problem = verb_problem(namespace->conf, entry, &reason);
    return refusal_set_policy(refusal, reason, "namespace '%s' %s: %s", namespace->conf->name,
                              problem, entry->verb->name);
}

static bool admit_key(const struct namespace_conf *conf, const struct call *call, struct slice key,
                      struct refusal *refusal) {
    size_t len = call->prefix.len + key.len;
    return len <= (size_t)conf->max_key ||
           refuse_size(refusal, REFUSED_KEY, conf, "key", len, "max_key", conf->max_key);
}

bool policy_refuse_kind(const struct namespace *namespace, const char *right,
                        struct refusal *refusal) {
    return refusal_set_policy(refusal, REFUSED_KIND, "namespace '%s' takes %s as a value",
                              namespace->conf->name, right);
}

// Returns whether the value is of the namespace's kind. Checking JSON takes long, so the bytes that
// one request may have checked here are bounded.
static bool admit_kind(const struct namespace *namespace, struct call *call, struct slice value,
                       struct refusal *refusal) {
    enum value_kind kind = (enum value_kind) namespace->conf->value;
    if (kind == VALUE_JSON && (call->json_bytes += (int64_t)value.len) > JSON_AT_ONCE)
        return true;
    const char *right = value_problem(kind, value);
    return !right || policy_refuse_kind(namespace, right, refusal);
}

// Checks a word that a write would store: a value, a field or a member.
static bool admit_stored(const struct namespace *namespace, struct call *call, enum arg_kind kind,
                         struct slice arg, struct refusal *refusal) {
    const struct namespace_conf *conf = namespace->conf;
    if (arg.len > (size_t)conf->max_value)
        return refuse_size(refusal, REFUSED_VALUE, conf, "value", arg.len, "max_value",
                           conf->max_value);
    return kind != ARG_VALUE || conf->value == VALUE_BYTES ||
           admit_kind(namespace, call, arg, refusal);
}

static bool admit_argument(const struct namespace *namespace, struct call *call, bool is_write,
                           enum arg_kind kind, struct slice arg, struct refusal *refusal) {
    if (kind == ARG_KEY)
        return admit_key(namespace->conf, call, arg, refusal);
    bool is_stored = is_write && (kind == ARG_FIELD || kind == ARG_MEMBER || kind == ARG_VALUE);
    return !is_stored || admit_stored(namespace, call, kind, arg, refusal);
}

static bool refuse_ttl(const struct namespace_conf *conf, struct refusal *refusal) {
    struct bytes most = {0};
    number_append_duration(&most, conf->max_ttl_ms);
    refusal_set_policy(refusal, REFUSED_TTL, "ttl is too long: max_ttl of namespace '%s' is %.*s",
                       conf->name, (int)most.len, most.data);
    bytes_deinit(&most);
    return false;
}

static bool decide_ttl(const struct namespace *namespace, struct call *call, struct random *random,
                       struct refusal *refusal) {
    const struct namespace_conf *conf = namespace->conf;
    bool is_asked = call->options & 1u << OPTION_TTL;
    // In the Redis dialect the client says when a ttl starts anew.
    bool is_sliding = conf->ttl_mode == TTL_MODE_SLIDING && !call->redis;
    bool is_new = call->verb->flags & VERB_NEW_TTL || is_sliding;
    int64_t ttl = is_asked ? call->ttl_asked_ms : conf->ttl_ms;
    call->ttl_reason = is_asked ? TTL_ASKED : TTL_DEFAULT;
    if (ttl > conf->max_ttl_ms) {
        if (conf->over_ttl == OVER_TTL_REJECT)
            return refuse_ttl(conf, refusal);
        ttl = conf->max_ttl_ms;
        call->ttl_reason = TTL_CLAMPED;
    }
    if (ttl == DURATION_FOREVER) {
        call->ttl_rule = is_new ? TTL_PERSIST : TTL_KEEP;
        return true;
    }
    bool is_exact = call->redis && is_asked; // clients of Redis read what they have asked for
    if (random && conf->jitter_percent > 0 && !is_exact)
        ttl -= (int64_t)random_up_to(random, (uint64_t)(ttl / 100 * conf->jitter_percent +
                                                        ttl % 100 * conf->jitter_percent / 100));
    call->ttl_ms = ttl > 0 ? ttl : 1;
    call->ttl_px.len = 0;
    if (ttl == conf->ttl_ms) // in most calls
        call->ttl_px = bytes_slice(&namespace->ttl_px);
    call->ttl_rule = is_new ? TTL_SET : TTL_SET_IF_NONE;
    return true;
}

// The keys that stand where the syntax does not say.
static __attribute__((noinline)) bool admit_more_keys(const struct namespace_conf *conf,
                                                      const struct call *call,
                                                      struct refusal *refusal) {
    for (size_t i = call->more_keys; i < call->more_keys_end; i++)
        if (!admit_key(conf, call, call->args[i], refusal))
            return false;
    return true;
}

// A read stores nothing, so only its keys are checked; most reads have one key, the first argument.
static bool admit_arguments(const struct namespace *namespace, const struct signature *s,
                            struct call *call, struct refusal *refusal) {
    bool is_write = call->verb->flags & VERB_WRITE;
    size_t count = call->argc;
    if (!is_write && !signature_repeats_key(s) && count > 1)
        count = call->key_at + 1;
    for (size_t i = 0; i < count; i++)
        if (!admit_argument(namespace, call, is_write, signature_kind(s, i), call->args[i],
                            refusal))
            return false;
    return call->more_keys_end == 0 || admit_more_keys(namespace->conf, call, refusal);
}

// Hands the memo verbs the options of the namespace that they need. Inlined, this function would
// slow down all other verbs.
static __attribute__((noinline)) void tell_memo(const struct namespace_conf *conf,
                                                struct call *call, struct random *random) {
    bool has_memo = conf->collections & UINT64_C(1) << COLLECTION_MEMO;
    call->stale_ms = has_memo ? conf->stale_ms : 0;
    call->lease_ms = conf->lease_ms;
    call->null_ttl_ms = conf->null_ttl_ms;
    call->early_factor = 0;
    if (conf->early_percent == 0)
        return;
    // Uniform in (0, 1].
    double u = random ? ((double)(random_next(random) >> 11) + 1) * 0x1p-53 : 1;
    call->early_factor = -log(u) * (double)conf->early_percent / 100;
}

// Checks what a write leaves that is only known to Redis in the end: a part of a value, say.
static bool admit_part(const struct namespace *namespace, const struct call *call,
                       struct refusal *refusal) {
    const struct namespace_conf *conf = namespace->conf;
    if (conf->value != VALUE_BYTES)
        return refusal_set_policy(
            refusal, REFUSED_KIND, "namespace '%s' takes %s as a value, and '%s' may leave another",
            conf->name, value_problem((enum value_kind)conf->value, SLICE("?")),
            call->redis->row->name);
    return call->reaches <= conf->max_value ||
           refuse_size(refusal, REFUSED_VALUE, conf, "value", (size_t)call->reaches, "max_value",
                       conf->max_value);
}

static int64_t ms_since_1970(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// The checks that only writes of the Redis dialect need.
static __attribute__((noinline)) bool
admit_redis_write(const struct namespace *namespace, struct call *call, struct refusal *refusal) {
    const struct namespace_conf *conf = namespace->conf;
    const struct redis_row *row = call->redis->row;
    bool is_limited = conf->max_ttl_ms != DURATION_FOREVER;
    call->is_healed = conf->ttl_ms != DURATION_FOREVER;
    if (row->brings_ttl && is_limited)
        call->cap_ms = conf->max_ttl_ms;
    if (row->names_moment && is_limited && conf->over_ttl == OVER_TTL_REJECT &&
        call->until_ms > ms_since_1970() + conf->max_ttl_ms)
        return refuse_ttl(conf, refusal);
    return !row->writes_part || admit_part(namespace, call, refusal);
}

bool policy_admit(const struct namespace *namespace, const struct verb_entry *entry,
                  struct call *call, struct random *random, struct refusal *refusal) {
    const struct namespace_conf *conf = namespace->conf;
    unsigned flags = entry->verb->flags;
    call->prefix = (struct slice){conf->prefix, call->has_whole_keys ? 0 : conf->prefix_len};
    if (!admit_verb(namespace, entry, refusal) ||
        !admit_arguments(namespace, &entry->signature, call, refusal))
        return false;
    if (flags & VERB_MEMO)
        tell_memo(conf, call, random);
    bool has_ttl = flags & VERB_WRITE && !(flags & VERB_NO_TTL);
    if (call->redis && flags & VERB_WRITE && !admit_redis_write(namespace, call, refusal))
        return false;
    return !has_ttl || decide_ttl(namespace, call, random, refusal);
}
