#include "policy.h"

#include <inttypes.h>

#include "mem.h"
#include "number.h"

struct policy *policy_new(struct settings *settings) {
    struct policy *policy = mem_new(sizeof(*policy));
    policy->refs = 1;
    policy->settings = settings;
    policy->spaces = mem_new(settings->namespace_count * sizeof(*policy->spaces));
    for (size_t i = 0; i < settings->namespace_count; i++)
        policy->spaces[i].conf = &settings->namespaces[i];
    return policy;
}

struct policy *policy_ref(struct policy *policy) {
    policy->refs++;
    return policy;
}

void policy_unref(struct policy *policy) {
    if (!policy || --policy->refs > 0)
        return;
    settings_unref(policy->settings);
    mem_free(policy->spaces);
    mem_free(policy);
}

struct space *policy_space(const struct policy *policy, struct slice name) {
    const struct namespace_conf *conf = settings_namespace(policy->settings, name);
    return conf ? &policy->spaces[conf - policy->settings->namespaces] : NULL;
}

static bool refuse_size(struct bytes *out, const struct namespace_conf *conf, const char *what,
                        size_t len, const char *limit, int64_t most) {
    reply_error(out, REPLY_POLICY, "%s of %zu bytes is too long: %s of namespace '%s' is %" PRId64,
                what, len, limit, conf->name, most);
    return false;
}

static bool admit_verb(const struct namespace_conf *conf, const struct verb_entry *entry,
                       struct bytes *out) {
    const struct verb *verb = entry->verb;
    const char *reason = NULL;
    if (verb->collection != COLLECTION_ANY &&
        !(conf->collections & UINT64_C(1) << verb->collection))
        reason = "does not hold this collection";
    else if (conf->deny.bits[entry->id / 64] & UINT64_C(1) << entry->id % 64)
        reason = "denies this verb";
    else if (conf->is_readonly && verb->flags & VERB_WRITE)
        reason = "is read-only";
    if (reason)
        reply_error(out, REPLY_POLICY, "namespace '%s' %s: %s", conf->name, reason, verb->name);
    return !reason;
}

static bool admit_argument(const struct namespace_conf *conf, bool is_write, enum arg_kind kind,
                           struct slice arg, struct bytes *out) {
    switch (kind) {
    case ARG_KEY:
        if (conf->prefix_len + arg.len > (size_t)conf->max_key)
            return refuse_size(out, conf, "key", conf->prefix_len + arg.len, "max_key",
                               conf->max_key);
        return true;
    case ARG_FIELD:
    case ARG_MEMBER:
    case ARG_VALUE:
        if (is_write && arg.len > (size_t)conf->max_value)
            return refuse_size(out, conf, "value", arg.len, "max_value", conf->max_value);
        return true;
    default: return true;
    }
}

static bool decide_ttl(const struct namespace_conf *conf, struct call *call, struct random *random,
                       struct bytes *out) {
    bool is_asked = call->options & 1u << OPTION_TTL;
    bool is_new = call->verb->flags & VERB_NEW_TTL || conf->ttl_mode == TTL_MODE_SLIDING;
    int64_t ttl = is_asked ? call->ttl_asked_ms : conf->ttl_ms;
    call->ttl_reason = is_asked ? TTL_ASKED : TTL_DEFAULT;
    if (ttl > conf->max_ttl_ms) {
        if (conf->over_ttl == OVER_TTL_REJECT) {
            struct bytes most = {0};
            number_append_duration(&most, conf->max_ttl_ms);
            reply_error(out, REPLY_POLICY, "ttl is too long: max_ttl of namespace '%s' is %.*s",
                        conf->name, (int)most.len, most.data);
            bytes_deinit(&most);
            return false;
        }
        ttl = conf->max_ttl_ms;
        call->ttl_reason = TTL_CLAMPED;
    }
    if (ttl == DURATION_FOREVER) {
        call->ttl_rule = is_new ? TTL_PERSIST : TTL_KEEP;
        return true;
    }
    if (random && conf->jitter_percent > 0)
        ttl -= (int64_t)random_up_to(random, (uint64_t)(ttl / 100 * conf->jitter_percent +
                                                        ttl % 100 * conf->jitter_percent / 100));
    call->ttl_ms = ttl > 0 ? ttl : 1;
    call->ttl_rule = is_new ? TTL_SET : TTL_SET_IF_NONE;
    return true;
}

bool policy_admit(const struct space *space, const struct verb_entry *entry, struct call *call,
                  struct random *random, struct bytes *out) {
    const struct namespace_conf *conf = space->conf;
    bool is_write = entry->verb->flags & VERB_WRITE;
    if (!admit_verb(conf, entry, out))
        return false;
    for (size_t i = 0; i < call->argc; i++)
        if (!admit_argument(conf, is_write, signature_kind(&entry->signature, i), call->args[i],
                            out))
            return false;
    call->prefix = (struct slice){conf->prefix, conf->prefix_len};
    return !is_write || decide_ttl(conf, call, random, out);
}
