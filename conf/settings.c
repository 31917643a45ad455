#include "settings.h"

#include "dsn.h"
#include "effect.h"
#include "fit.h"
#include "loader.h"
#include "mem.h"
#include "option.h"

// --- lookup -----------------------------------------------------------------------------------

bool settings_is_name(struct slice name) {
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i], lower = (char)(c | 0x20);
        if (!(lower >= 'a' && lower <= 'z') && !(c >= '0' && c <= '9') && c != '_' && c != '.' &&
            c != '-')
            return false;
    }
    return name.len >= 1 && name.len <= 64;
}

bool settings_has_tokens(const struct settings *s) {
    for (size_t i = 0; i < s->user_count; i++)
        if (s->users[i].has_token)
            return true;
    return false;
}

bool settings_has_near_memory(const struct settings *s) {
    return s->daemon.near_memory / s->daemon.workers >= NEAR_MEMORY_LEAST;
}

const struct namespace_conf *settings_namespace(const struct settings *s, struct slice name) {
    uint32_t number = index_find(&s->index, name);
    return number == INDEX_NONE ? NULL : &s->namespaces[number];
}

// --- life -------------------------------------------------------------------------------------

static void free_settings(struct settings *s) {
    for (size_t row = 0; row < schema_count; row++) {
        if (schema[row].section == SECTION_CACHESD)
            option_free(&schema[row], &s->daemon);
        for (size_t i = 0; schema[row].section == SECTION_BACKEND && i < s->backend_count; i++)
            option_free(&schema[row], &s->backends[i]);
        for (size_t i = 0; schema[row].section == SECTION_NAMESPACE && i < s->namespace_count; i++)
            option_free(&schema[row], &s->namespaces[i]);
        for (size_t i = 0; schema[row].section == SECTION_USER && i < s->user_count; i++)
            option_free(&schema[row], &s->users[i]);
    }
    for (size_t i = 0; i < s->backend_count; i++)
        mem_free(s->backends[i].name);
    for (size_t i = 0; i < s->namespace_count; i++)
        mem_free(s->namespaces[i].name);
    for (size_t i = 0; i < s->user_count; i++) {
        mem_free(s->users[i].name);
        mem_free(s->users[i].allowed);
    }
    mem_free(s->backends);
    mem_free(s->namespaces);
    mem_free(s->users);
    index_deinit(&s->index);
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
    schema_set_defaults(backend, SECTION_BACKEND);
    return backend;
}

// Only the built-in default listens elsewhere: the daemon knows where.
static void listen_somewhere(struct settings *s) {
    const struct option_row *row = schema_find(SECTION_CACHESD, SLICE("listen"));
    struct bytes error = {0};
    if (s->file && !schema_is_given(&s->daemon.common, SECTION_CACHESD, "listen"))
        option_read(row, slice_of(row->fallback), &s->daemon, NULL, &error);
    bytes_deinit(&error);
}

struct settings *settings_load(const struct settings_source *source, struct problems *problems) {
    struct settings *s = mem_new(sizeof(*s));
    s->refs = 1;
    s->file = source->file ? mem_text(source->file) : NULL;
    problems_set_file(problems, source->file ? source->file : "built-in");
    schema_set_defaults(&s->daemon, SECTION_CACHESD);
    if (loader_read(source, s, problems)) {
        listen_somewhere(s);
        dsn_read(source->environment, s, problems);
        fit_settings(s, problems);
        if (problems->error_count == 0)
            effect_check(s, source->verbs, problems);
    }
    if (problems->error_count == 0)
        return s;
    settings_unref(s);
    return NULL;
}
