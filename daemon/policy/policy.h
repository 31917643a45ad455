// Policy: one snapshot of the settings, tied to the living backends and counters. It decides
// whether a request may pass, and with which ttl.
//
// Requests hold a reference, so that each ends under the settings it began with.
#pragma once

#include "conf/sections.h"
#include "conf/settings.h"
#include "daemon/loop/random.h"
#include "daemon/policy/stats.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/refusal.h"
#include "protocol/verb_table.h"

struct backend;
struct scripting;
struct mapping;

struct namespace { // a namespace at work
    const struct namespace_conf *conf;
    struct backend *backend;
    struct namespace_stats *stats;
    struct verb_set verbs; // the verbs that the namespace allows
    struct bytes ttl_px;   // "PX ttl" as words of a command, for its own ttl
    // The wrappers of the namespace's scripts (scripting.h): where the client's keys begin with the
    // prefix, and where the daemon adds it; NULL: no script has come yet.
    struct scripting *scripting[2];
};

struct policy {
    unsigned refs;
    struct settings *settings;
    struct namespace *namespaces; // in the order of settings->namespaces
    struct mapping *mappings;     // in the order of settings->listeners
    struct backend **backends;    // references, in the order of settings->backends
    void (*on_free)(void *owner); // called before the policy is freed; or NULL
    void *owner;
};

// Takes over the caller's reference on `settings`. `verbs` has all verbs that exist. The caller
// fills in the backends, and the backends and stats of the namespaces; the policy takes over a
// reference on each.
struct policy *policy_new(struct settings *settings, const struct verb_table *verbs);
struct policy *policy_ref(struct policy *policy);
void policy_unref(struct policy *policy);

// Returns another reference on the counters, or new counters when `stats` is NULL.
struct namespace_stats *namespace_stats_ref(struct namespace_stats *stats);
void namespace_stats_unref(struct namespace_stats *stats);

// Returns the namespace of that name; NULL when there is none.
struct namespace *policy_namespace(const struct policy *policy, struct slice name);

// Returns the mapping of the listener whose section has that name; NULL when there is no such
// section.
const struct mapping *policy_mapping(const struct policy *policy, struct slice name);

// The most bytes of JSON values that policy_admit() checks itself: a request with more needs a
// json_check.
enum { JSON_AT_ONCE = 64 * 1024 };

// Checks the call against the namespace's policy and decides the ttl. Returns false with a refusal
// and its reason. `random` may be NULL for no jitter. When call->json_bytes is beyond
// JSON_AT_ONCE, the caller must still check whether the values are JSON (json_check.h).
bool policy_admit(const struct namespace *namespace, const struct verb_entry *entry,
                  struct call *call, struct random *random, struct refusal *refusal);

// Refuses the call because a value is not of the kind `right`, for example "JSON". Returns false.
bool policy_refuse_kind(const struct namespace *namespace, const char *right,
                        struct refusal *refusal);
