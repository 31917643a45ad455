#include "dsn.h"

#include "mem.h"

// CACHES_DSN or CACHES_DSN_ and digits.
static bool is_dsn(struct slice variable) {
    if (!slice_begins(variable, SLICE("CACHES_DSN")))
        return false;
    struct slice rest = {variable.data + 10, variable.len - 10};
    if (rest.len == 0)
        return true;
    bool has_digits = rest.len > 1 && rest.data[0] == '_';
    for (size_t i = 1; i < rest.len; i++)
        has_digits = has_digits && rest.data[i] >= '0' && rest.data[i] <= '9';
    return has_digits;
}

// The messages never show the value: it may hold a password.
static const char *add_backend(struct slice value, struct settings *settings) {
    struct url url;
    const char *error = url_parse(value, &url);
    if (error)
        return error;
    error = url_check_user(&url);
    struct slice name = slice_of(url.fragment ? url.fragment : "default");
    if (!settings_is_name(name))
        error = "the #name must be 1 to 64 of A-Z a-z 0-9 _ . -";
    for (size_t i = 0; i < settings->backend_count; i++)
        if (slice_equal(name, slice_of(settings->backends[i].name)))
            error = "there is a backend of that #name already";
    if (error) {
        url_deinit(&url);
        return error;
    }
    struct backend_conf *backend = settings_add_backend(settings, name, 0);
    backend->url = url;
    return NULL;
}

void dsn_read(const char *const *environment, struct settings *settings,
              struct problems *problems) {
    for (; environment && *environment; environment++) {
        const char *equals = strchr(*environment, '=');
        struct slice variable = {*environment, equals ? (size_t)(equals - *environment) : 0};
        if (!is_dsn(variable) || equals[1] == '\0')
            continue;
        const char *error = add_backend(slice_of(equals + 1), settings);
        if (error)
            problems_add(problems, 0, "%.*s in the environment: %s", (int)variable.len,
                         variable.data, error);
    }
}
