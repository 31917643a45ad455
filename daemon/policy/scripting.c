#include "daemon/policy/scripting.h"

#include "protocol/bytes.h"
#include "protocol/mem.h"
#include "protocol/number.h"
#include "protocol/redis/row.h"
#include "protocol/redis/table.h"
#include "protocol/syntax.h"
#include "protocol/verb.h"

struct terms_owner {
    const struct namespace_conf *conf;
    const struct verb_set *allowed;
    const struct redis_table *commands;
};

static bool is_among(struct slice command, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (slice_equal(command, slice_of(names[i])))
            return true;
    return false;
}

// Returns whether the command names no key, so that it is of no collection: the wrapper keeps what
// it finds within the namespace.
static bool names_no_key(struct slice command) {
    static const char *const names[] = {"echo", "keys", "ping", "scan", "time"};
    return is_among(command, names, sizeof(names) / sizeof(*names));
}

// Returns whether the command makes a value of bytes of its own, though none of its words is one.
static bool makes_value(struct slice command) {
    static const char *const makers[] = {"bitfield", "bitop",   "hincrbyfloat", "incrbyfloat",
                                         "pfadd",    "pfmerge", "setbit",       "setrange"};
    return is_among(command, makers, sizeof(makers) / sizeof(*makers));
}

// Inside a script nobody checks of what kind a value is.
static bool stores_value(const struct redis_command *command, struct slice name) {
    bool is_write = command->entry.verb->flags & VERB_WRITE;
    bool has_value = command->entry.signature.has_kinds & 1u << ARG_VALUE;
    return makes_value(name) || (is_write && has_value);
}

// Inside a script nobody tells the variants of a command apart: so all of them must be allowed.
static bool allows_all_of(const struct verb_set *allowed, const struct redis_command *command) {
    bool is_allowed = verb_set_has(allowed, &command->entry);
    for (command++; command->row && command->row->is_variant; command++)
        is_allowed = is_allowed && verb_set_has(allowed, &command->entry);
    return is_allowed;
}

// Returns whether Redis would put a value of SORT's into the prefix of its patterns.
static bool has_loose_patterns(const struct namespace_conf *conf, struct slice command) {
    static const char *const names[] = {"sort", "sort_ro"};
    return memchr(conf->prefix, '*', conf->prefix_len) &&
           is_among(command, names, sizeof(names) / sizeof(*names));
}

static bool allows(const void *owner, struct slice name) {
    const struct terms_owner *o = owner;
    const struct redis_command *command = redis_find(o->commands, name);
    if (names_no_key(name))
        return !command || !verb_set_has(&o->conf->deny, &command->entry);
    if (!command || command->row->refused || has_loose_patterns(o->conf, name))
        return false;
    return allows_all_of(o->allowed, command) &&
           (o->conf->value == VALUE_BYTES || !stores_value(command, name));
}

struct scripting *scripting_new(const struct namespace_conf *conf, const struct verb_set *allowed,
                                const struct redis_table *commands, bool is_bound) {
    struct scripting *scripting = mem_new(sizeof(*scripting));
    const struct terms_owner owner = {conf, allowed, commands};
    const struct wrapper_terms terms = {
        .name = {conf->name, conf->name_len},
        .prefix = {conf->prefix, conf->prefix_len},
        .is_bound = is_bound,
        .ttl_ms = conf->ttl_ms,
        .max_ttl_ms = conf->max_ttl_ms,
        .rejects_ttl = conf->over_ttl == OVER_TTL_REJECT,
        .brings_ttl = conf->jitter_percent > 0 && conf->ttl_ms != DURATION_FOREVER,
        .max_key = conf->max_key,
        .max_value = conf->max_value,
        .allows = allows,
        .owner = &owner,
    };
    wrapper_init(&scripting->wrapper, &terms);
    return scripting;
}

void scripting_free(struct scripting *scripting) {
    if (!scripting)
        return;
    wrapper_deinit(&scripting->wrapper);
    mem_free(scripting);
}
