#include "conf/settings.h"

#include "conf/option.h"
#include "conf/origins.h"
#include "conf/schema.h"
#include "conf/tls_context.h"
#include "protocol/mem.h"

// --- lookup -----------------------------------------------------------------------------------

bool settings_has_tokens(const struct settings *s) {
    for (size_t i = 0; i < s->user_count; i++)
        if (s->users[i].has_token)
            return true;
    return false;
}

bool settings_has_tls_names(const struct settings *s) {
    for (size_t i = 0; i < s->user_count; i++)
        if (s->users[i].tls_names.count > 0)
            return true;
    return false;
}

size_t settings_listens_count(const struct settings *s) { return 1 + s->listener_count; }

struct addresses *settings_listens(const struct settings *s, size_t number) {
    return number == 0 ? (struct addresses *)&s->daemon.listens : &s->listeners[number - 1].listens;
}

const struct listener_conf *settings_listener(const struct settings *s, size_t number) {
    return number == 0 ? NULL : &s->listeners[number - 1];
}

bool settings_speak_redis(const struct settings *s) {
    for (size_t i = 0; i < s->listener_count; i++)
        if (s->listeners[i].speak == SPEAK_REDIS)
            return true;
    return false;
}

bool settings_has_near_memory(const struct settings *s) {
    return s->daemon.near_memory / s->daemon.workers >= NEAR_MEMORY_LEAST;
}

const struct namespace_conf *settings_namespace(const struct settings *s, struct slice name) {
    uint32_t number = name_table_find(&s->namespace_numbers, name);
    return number == NAME_TABLE_NONE ? NULL : &s->namespaces[number];
}

// --- life -------------------------------------------------------------------------------------

static void free_options(struct settings *s) {
    for (size_t row = 0; row < schema_count; row++) {
        if (schema[row].section == SECTION_CACHESD)
            option_free(&schema[row], &s->daemon);
        if (schema[row].section == SECTION_HTTP)
            option_free(&schema[row], &s->http);
        for (size_t i = 0; schema[row].section == SECTION_LISTENER && i < s->listener_count; i++)
            option_free(&schema[row], &s->listeners[i]);
        for (size_t i = 0; schema[row].section == SECTION_BACKEND && i < s->backend_count; i++)
            option_free(&schema[row], &s->backends[i]);
        for (size_t i = 0; schema[row].section == SECTION_NAMESPACE && i < s->namespace_count; i++)
            option_free(&schema[row], &s->namespaces[i]);
        for (size_t i = 0; schema[row].section == SECTION_USER && i < s->user_count; i++)
            option_free(&schema[row], &s->users[i]);
    }
}

static void free_settings(struct settings *s) {
    free_options(s);
    for (size_t i = 0; i < s->backend_count; i++) {
        mem_free(s->backends[i].name);
        mem_free(s->backends[i].file);
        tls_client_unref(s->backends[i].tls);
        mem_free(s->backends[i].sentinel_password);
    }
    for (size_t i = 0; i < s->listener_count; i++) {
        mem_free(s->listeners[i].name);
        mem_free(s->listeners[i].mapped);
    }
    for (size_t i = 0; i < s->namespace_count; i++)
        mem_free(s->namespaces[i].name);
    for (size_t i = 0; i < s->user_count; i++) {
        mem_free(s->users[i].name);
        mem_free(s->users[i].allowed);
    }
    tls_server_unref(s->daemon.tls);
    mem_free(s->listeners);
    mem_free(s->backends);
    mem_free(s->namespaces);
    mem_free(s->users);
    name_table_deinit(&s->namespace_numbers);
    origins_deinit(&s->origins);
    mem_free(s->file);
    mem_free(s);
}

struct settings *settings_ref(struct settings *settings) {
    settings->refs++;
    return settings;
}

void settings_unref(struct settings *settings) {
    if (settings && --settings->refs == 0)
        free_settings(settings);
}

// --- reading ----------------------------------------------------------------------------------

struct backend_conf *settings_add_backend(struct settings *s, struct slice name, int line) {
    s->backends = mem_grow(s->backends, s->backend_count, sizeof(*s->backends));
    struct backend_conf *backend = &s->backends[s->backend_count++];
    *backend = (struct backend_conf){.common.line = line, .name = mem_text_of(name.data, name.len)};
    option_set_defaults(backend, SECTION_BACKEND);
    return backend;
}
