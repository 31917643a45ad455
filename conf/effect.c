#include "conf/effect.h"

#include "conf/address.h"
#include "conf/fit_tls.h"
#include "conf/option.h"
#include "conf/schema.h"
#include "conf/sections.h"
#include "conf/tls_context.h"
#include "conf/url.h"
#include "protocol/bytes.h"
#include "protocol/collection.h"
#include "protocol/hash_slot.h"
#include "protocol/mem.h"
#include "protocol/number.h"
#include "protocol/verb_table.h"

// A section, and the values that its options have when they are not given.
struct subject {
    enum section section;
    const struct section_conf *common; // the section's struct begins with it
    const void *defaults;
    struct problems *problems;
};

static void warn(const struct subject *s, const char *name, const char *why) {
    const struct option_row *row = schema_find(s->section, slice_of(name));
    if (schema_is_given(s->common, s->section, name) &&
        !option_is_same(row, s->common, s->defaults))
        problems_warn(s->problems, schema_line(s->common, s->section, name), "%s has no effect: %s",
                      name, why);
}

static void free_defaults(void *defaults, enum section section) {
    for (size_t row = 0; row < schema_count; row++)
        if (schema[row].section == section)
            option_free(&schema[row], defaults);
}

// --- namespaces -------------------------------------------------------------------------------

static void look_at_near(const struct settings *s, const struct namespace_conf *n,
                         const struct subject *subject) {
    if (n->is_near && !settings_has_near_memory(s))
        warn(subject, "near", "near_memory is below 64kb for each of the workers");
    if (n->is_near)
        return;
    warn(subject, "near_ttl", "near is no");
    if (n->on_error == ON_ERROR_STALE)
        warn(subject, "on_error", "stale needs near = yes, whose memory it answers from");
}

static void look_at_memo(const struct namespace_conf *n, const struct subject *subject) {
    static const char *const names[] = {"stale", "lease", "null_ttl", "early"};
    if (n->collections & UINT64_C(1) << COLLECTION_MEMO)
        return;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        warn(subject, names[i], "memo is none of the collections");
    if (n->is_near && n->on_error == ON_ERROR_STALE)
        warn(subject, "on_error", "stale is for memo, which is none of the collections");
}

static void look_at_deny(const struct namespace_conf *n, const struct verb_table *verbs,
                         const struct subject *subject) {
    const struct verb_entry *entry;
    for (size_t i = 0; (entry = verb_at(verbs, i)); i++) {
        enum collection collection = entry->collection;
        if (verb_set_has(&n->deny, entry) && collection != COLLECTION_ANY &&
            !(n->collections & UINT64_C(1) << collection))
            problems_warn(subject->problems, schema_line(&n->common, SECTION_NAMESPACE, "deny"),
                          "deny = %s has no effect: its collection is not allowed anyway",
                          entry->verb->name);
    }
}

static void look_at_prefix(const struct settings *s, const struct namespace_conf *n,
                           struct problems *problems) {
    struct slice prefix = {n->prefix, n->prefix_len};
    if (s->backends[n->backend].url.kind == URL_CLUSTER && hash_slot_is_of_prefix(prefix))
        problems_warn(
            problems, schema_line(&n->common, SECTION_NAMESPACE, "prefix"),
            "prefix: what stands in its braces puts all keys of the namespace into one slot, "
            "at one node of the cluster");
}

static void look_at_namespace(const struct settings *s, const struct namespace_conf *n,
                              const struct verb_table *verbs, const struct subject *subject) {
    look_at_near(s, n, subject);
    look_at_memo(n, subject);
    look_at_prefix(s, n, subject->problems);
    if (!settings_speak_redis(s))
        warn(subject, "scripts", "no [listener] has speak = redis");
    if (schema_is_given(&n->common, SECTION_NAMESPACE, "deny"))
        look_at_deny(n, verbs, subject);
    if (n->max_ttl_ms == DURATION_FOREVER)
        warn(subject, "over_ttl", "max_ttl is forever");
    if (n->max_value > s->daemon.max_request)
        warn(subject, "max_value", "no request may be longer than max_request, which is less");
}

static void look_at_namespaces(const struct settings *s, const struct verb_table *verbs,
                               struct problems *problems) {
    struct namespace_conf defaults = {0};
    option_set_defaults(&defaults, SECTION_NAMESPACE);
    for (size_t i = 0; i < s->namespace_count; i++) {
        struct subject subject = {SECTION_NAMESPACE, &s->namespaces[i].common, &defaults, problems};
        look_at_namespace(s, &s->namespaces[i], verbs, &subject);
    }
    free_defaults(&defaults, SECTION_NAMESPACE);
}

// --- backends, users, the daemon --------------------------------------------------------------

static void look_at_tls(const struct backend_conf *b, const struct subject *subject) {
    static const char *const names[] = {"tls_ca",          "tls_cert", "tls_key",    "tls_verify",
                                        "tls_server_name", "tls_min",  "tls_ciphers"};
    int line = schema_line(&b->common, SECTION_BACKEND, "tls_verify");
    for (size_t i = 0; i < sizeof(names) / sizeof(*names) && !fit_tls_is_used(b); i++)
        warn(subject, names[i], "the url is no rediss://");
    if (!fit_tls_is_used(b) || b->tls_verify != TLS_VERIFY_NO)
        return;
    warn(subject, "tls_ca", "tls_verify is no");
    problems_warn(subject->problems, line,
                  "tls_verify = no: anybody between here and the server can pass for it");
}

static void look_at_backend(const struct backend_conf *b, const struct subject *subject) {
    static const char *const names[] = {"sentinel_user", "sentinel_password_file", "sentinel_tls"};
    if (!url_has_hosts(&b->url))
        warn(subject, "seeds", "the url names neither a cluster nor sentinels");
    for (size_t i = 0; i < sizeof(names) / sizeof(*names) && b->url.kind != URL_SENTINEL; i++)
        warn(subject, names[i], "the url names no sentinels");
    look_at_tls(b, subject);
}

static void look_at_options(const struct settings *s, struct problems *problems) {
    struct backend_conf defaults = {0};
    option_set_defaults(&defaults, SECTION_BACKEND);
    for (size_t i = 0; i < s->backend_count; i++) {
        struct subject subject = {SECTION_BACKEND, &s->backends[i].common, &defaults, problems};
        look_at_backend(&s->backends[i], &subject);
    }
    free_defaults(&defaults, SECTION_BACKEND);
}

static void look_at_backends(const struct settings *s, struct problems *problems) {
    look_at_options(s, problems);
    bool *is_used = mem_new(s->backend_count * sizeof(*is_used));
    for (size_t i = 0; i < s->namespace_count; i++)
        is_used[s->namespaces[i].backend] = true;
    for (size_t i = 0; i < s->backend_count; i++)
        if (!is_used[i] && s->backends[i].common.line > 0) // the environment is for all programs
            problems_warn(problems, s->backends[i].common.line,
                          "[backend %s] has no effect: no namespace names it", s->backends[i].name);
    mem_free(is_used);
}

static bool listens_at(const struct settings *s, enum address_kind kind) {
    for (size_t i = 0; i < settings_listens_count(s); i++) {
        const struct addresses *listens = settings_listens(s, i);
        for (size_t j = 0; j < listens->count; j++)
            if (listens->items[j].kind == kind)
                return true;
    }
    return false;
}

static void look_at_daemon(const struct settings *s, struct problems *problems) {
    static const char *const names[] = {"tls_cert", "tls_key", "tls_client_ca", "tls_client"};
    struct daemon_conf defaults = {0};
    option_set_defaults(&defaults, SECTION_CACHESD);
    struct subject subject = {SECTION_CACHESD, &s->daemon.common, &defaults, problems};
    const char *why = listens_at(s, ADDRESS_SYSTEMD)
                          ? "the socket unit says that of a socket that systemd made"
                          : "no listen = unix:PATH";
    if (!listens_at(s, ADDRESS_UNIX)) {
        warn(&subject, "socket_mode", why);
        warn(&subject, "socket_group", why);
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(*names) && !s->daemon.tls; i++)
        warn(&subject, names[i], "no listen = tls:HOST:PORT");
    if (s->daemon.tls && s->daemon.tls_client == TLS_ASK_NO)
        warn(&subject, "tls_client_ca", "tls_client is no");
    free_defaults(&defaults, SECTION_CACHESD);
}

static void look_at_listeners(const struct settings *s, struct problems *problems) {
    static const char *const names[] = {"namespaces", "rest", "namespace", "select", "flush"};
    struct listener_conf defaults = {.namespaces.has_all = true};
    option_set_defaults(&defaults, SECTION_LISTENER);
    for (size_t i = 0; i < s->listener_count; i++) {
        const struct listener_conf *l = &s->listeners[i];
        struct subject subject = {SECTION_LISTENER, &l->common, &defaults, problems};
        for (size_t j = 0; j < sizeof(names) / sizeof(*names); j++)
            if (l->speak == SPEAK_CACHESD)
                warn(&subject, names[j], "speak is cachesd");
        bool is_for_all = l->mapped_count == 1 && s->namespaces[l->mapped[0]].prefix_len == 0;
        if (l->speak == SPEAK_REDIS && is_for_all)
            warn(&subject, "rest", "the other namespace has an empty prefix, so all keys are its");
    }
    free_defaults(&defaults, SECTION_LISTENER);
}

static void look_at_users(const struct settings *s, struct problems *problems) {
    bool has_peers = listens_at(s, ADDRESS_UNIX) || listens_at(s, ADDRESS_SYSTEMD);
    for (size_t i = 0; i < s->user_count && !has_peers; i++) {
        const struct section_conf *common = &s->users[i].common;
        if (s->users[i].uid >= 0 || s->users[i].gid >= 0)
            problems_warn(problems,
                          schema_line(common, SECTION_USER, s->users[i].uid >= 0 ? "uid" : "gid"),
                          "uid and gid have no effect: there is no Unix socket to tell them");
    }
}

static void look_at_bindings(const struct settings *s, struct problems *problems) {
    for (size_t i = 0; i < s->user_count && !settings_speak_redis(s); i++)
        if (s->users[i].redis != NO_NAMESPACE)
            problems_warn(problems, schema_line(&s->users[i].common, SECTION_USER, "redis"),
                          "redis has no effect: no [listener] has speak = redis");
}

static void look_at_tls_names(const struct settings *s, struct problems *problems) {
    bool has_certificates = s->daemon.tls && s->daemon.tls_client != TLS_ASK_NO;
    for (size_t i = 0; i < s->user_count && !has_certificates; i++)
        if (s->users[i].tls_names.count > 0)
            problems_warn(problems, schema_line(&s->users[i].common, SECTION_USER, "tls_name"),
                          "tls_name has no effect: clients show no certificate (listen = tls:, "
                          "tls_client)");
}

static void look_at_http(const struct settings *s, struct problems *problems) {
    if (s->http.hosts.count > 0 && s->http.listens.count == 0)
        problems_warn(problems, schema_line(&s->http.common, SECTION_HTTP, "hosts"),
                      "hosts has no effect: [http] listens nowhere");
}

void effect_check(const struct settings *s, const struct verb_table *verbs,
                  struct problems *problems) {
    look_at_daemon(s, problems);
    look_at_backends(s, problems);
    look_at_namespaces(s, verbs, problems);
    look_at_listeners(s, problems);
    look_at_users(s, problems);
    look_at_bindings(s, problems);
    look_at_tls_names(s, problems);
    look_at_http(s, problems);
}
