#include "conf/dsn.h"

// Returns whether the variable's name is CACHES_DSN, or CACHES_DSN_ and digits.
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

void dsn_read(const char *const *environment, dsn_on_url *on_url, void *owner) {
    for (; environment && *environment; environment++) {
        const char *equals = strchr(*environment, '=');
        struct slice variable = {*environment, equals ? (size_t)(equals - *environment) : 0};
        if (is_dsn(variable) && equals[1] != '\0')
            on_url(owner, variable, slice_of(equals + 1));
    }
}
