#include "conf/lookup.h"

#include "protocol/bytes.h"
#include "protocol/guess.h"

enum { MOST_LISTED = 8 }; // more names would hide the sentence that they end

// The names of the sections of one kind.
struct section_names {
    const char *noun;
    const struct settings *settings;
    size_t count;
    const char *(*at)(const struct settings *settings, size_t i);
};

static const char *namespace_at(const struct settings *s, size_t i) {
    return s->namespaces[i].name;
}

static const char *backend_at(const struct settings *s, size_t i) { return s->backends[i].name; }

// Returns the name that may have been meant; NULL when none is near.
static const char *nearest_of(const struct section_names *names, struct slice name) {
    struct guess guess = {name, SIZE_MAX, {0}};
    for (size_t i = 0; i < names->count; i++)
        guess_add(&guess, slice_of(names->at(names->settings, i)));
    return guess.name.data;
}

static void append_all(const struct section_names *names, struct bytes *hint) {
    bytes_append_slice(hint, slice_of(names->count == 1 ? "use " : "use one of "));
    for (size_t i = 0; i < names->count && i < MOST_LISTED; i++)
        bytes_printf(hint, "%s%s", i > 0 ? ", " : "", names->at(names->settings, i));
    if (names->count > MOST_LISTED)
        bytes_printf(hint, " and %zu more", names->count - MOST_LISTED);
}

static void miss(const struct section_names *names, const char *kind, const char *owner, int line,
                 const char *name, struct problems *problems) {
    const char *nearest = nearest_of(names, slice_of(name));
    struct bytes hint = {0};
    if (nearest)
        bytes_printf(&hint, "did you mean '%s'?", nearest);
    else if (names->count > 0)
        append_all(names, &hint);
    else
        bytes_printf(&hint, "add a section [%s %s]", names->noun, name);
    problems_add(problems, line, "[%s %s]: no %s '%s': %.*s", kind, owner, names->noun, name,
                 (int)hint.len, hint.data);
    bytes_deinit(&hint);
}

const struct namespace_conf *lookup_namespace(const struct settings *settings, const char *kind,
                                              const char *owner, int line, const char *name,
                                              struct problems *problems) {
    const struct namespace_conf *found = settings_namespace(settings, slice_of(name));
    struct section_names names = {"namespace", settings, settings->namespace_count, namespace_at};
    if (!found)
        miss(&names, kind, owner, line, name, problems);
    return found;
}

void lookup_miss_backend(const struct settings *settings, const char *owner, int line,
                         const char *name, struct problems *problems) {
    struct section_names names = {"backend", settings, settings->backend_count, backend_at};
    miss(&names, "namespace", owner, line, name, problems);
}
