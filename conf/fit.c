#include "conf/fit.h"

#include "conf/address.h"
#include "conf/file.h"
#include "conf/fit_listener.h"
#include "conf/fit_tls.h"
#include "conf/lookup.h"
#include "conf/origins.h"
#include "conf/overlap.h"
#include "conf/schema.h"
#include "conf/sections.h"
#include "conf/twins.h"
#include "conf/uri.h"
#include "conf/url.h"
#include "protocol/bytes.h"
#include "protocol/collection.h"
#include "protocol/mem.h"
#include "protocol/name_table.h"
#include "protocol/number.h"

struct fitter {
    struct settings *settings;
    struct problems *problems;
    struct name_table backends; // by name
};

#define LINE_OF(target, section, name) schema_line(&(target)->common, section, name)

// --- names ------------------------------------------------------------------------------------

// Returns the line of a section that has a name.
static int line_of_section(const struct settings *s, enum section section, size_t number) {
    switch (section) {
    case SECTION_LISTENER: return s->listeners[number].common.line;
    case SECTION_BACKEND: return s->backends[number].common.line;
    case SECTION_NAMESPACE: return s->namespaces[number].common.line;
    default: return s->users[number].common.line;
    }
}

// Puts a section into the table of its kind's names, or reports that the name is taken.
static void name_section(struct fitter *c, struct name_table *names, size_t number,
                         enum section section, const char *name) {
    int line = line_of_section(c->settings, section, number);
    uint32_t first = name_table_find(names, slice_of(name));
    struct bytes place = {0};
    if (first == NAME_TABLE_NONE) {
        name_table_add(names, slice_of(name), (uint32_t)number);
        return;
    }
    problems_append_place(c->problems, line, line_of_section(c->settings, section, first), &place);
    problems_add(c->problems, line, "[%s %s] again: it began at %.*s", section_name(section), name,
                 (int)place.len, place.data);
    bytes_deinit(&place);
}

static void number_names(struct fitter *c) {
    struct settings *s = c->settings;
    struct name_table users, listeners;
    name_table_init(&c->backends, s->backend_count);
    name_table_init(&s->namespace_numbers, s->namespace_count);
    name_table_init(&users, s->user_count);
    name_table_init(&listeners, s->listener_count);
    for (size_t i = 0; i < s->backend_count; i++)
        name_section(c, &c->backends, i, SECTION_BACKEND, s->backends[i].name);
    for (size_t i = 0; i < s->namespace_count; i++)
        name_section(c, &s->namespace_numbers, i, SECTION_NAMESPACE, s->namespaces[i].name);
    for (size_t i = 0; i < s->user_count; i++)
        name_section(c, &users, i, SECTION_USER, s->users[i].name);
    for (size_t i = 0; i < s->listener_count; i++)
        name_section(c, &listeners, i, SECTION_LISTENER, s->listeners[i].name);
    name_table_deinit(&users);
    name_table_deinit(&listeners);
}

// --- backends ---------------------------------------------------------------------------------

// Returns the password in the file, which the caller frees; "" when it can't be read. No message
// shows the file's name: somebody may have written the password itself there.
static char *read_secret(struct fitter *c, const struct backend_conf *b, const char *option,
                         const char *file) {
    int line = LINE_OF(b, SECTION_BACKEND, option);
    struct bytes text = {0};
    int error = file_read_secret(file, problems_file(c->problems, line), &text);
    if (error)
        problems_add(c->problems, line,
                     "%s: can't read the file of that name (a name belongs here, not the "
                     "password): %s",
                     option, strerror(error));
    else if (text.len == 0)
        problems_add(c->problems, line, "%s: the file is empty", option);
    while (text.len > 0 && (text.data[text.len - 1] == '\n' || text.data[text.len - 1] == '\r'))
        text.len--;
    char *secret = mem_text_of(text.data ? text.data : "", text.len);
    bytes_deinit(&text);
    return secret;
}

static void read_password(struct fitter *c, struct backend_conf *b) {
    if (b->url.password)
        problems_warn(c->problems, LINE_OF(b, SECTION_BACKEND, "url"),
                      "url: its password has no effect, since there is a password_file");
    mem_free(b->url.password);
    b->url.password = read_secret(c, b, "password_file", b->password_file);
}

// A URL's hosts and the seeds are one list from here on.
static void add_seeds(struct fitter *c, struct backend_conf *b) {
    struct bytes shown = {0};
    if (!url_has_hosts(&b->url))
        return;
    for (size_t i = 0; i < b->seed_count; i++) {
        struct url_host *seed = &b->seeds[i];
        if (url_add_host(&b->url, seed))
            continue;
        shown.len = 0;
        uri_append_host(&shown, seed->host, seed->port);
        problems_add(c->problems, LINE_OF(b, SECTION_BACKEND, "seeds"),
                     "seeds: '%.*s' is given twice", (int)shown.len, shown.data);
        mem_free(seed->host);
    }
    b->seed_count = 0;
    bytes_deinit(&shown);
}

static void check_sentinels(struct fitter *c, struct backend_conf *b) {
    if (*b->sentinel_password_file) {
        int line = LINE_OF(b, SECTION_BACKEND, "sentinel_password_file");
        origins_add_secret(&c->settings->origins, b->sentinel_password_file,
                           problems_file(c->problems, line));
        b->sentinel_password =
            read_secret(c, b, "sentinel_password_file", b->sentinel_password_file);
    } else if (*b->sentinel_user && b->url.kind == URL_SENTINEL) {
        problems_add(c->problems, LINE_OF(b, SECTION_BACKEND, "sentinel_user"),
                     "sentinel_user: a user needs a password: name a sentinel_password_file");
    }
}

static void check_backend(struct fitter *c, struct backend_conf *b) {
    if (fit_tls_is_used(b))
        fit_tls_client(b, &c->settings->origins, c->problems);
    if (b->common.line == 0) // from the environment: loader.c has checked it
        return;
    if (!schema_is_given(&b->common, SECTION_BACKEND, "url"))
        problems_add(c->problems, b->common.line, "[backend %s] needs a url", b->name);
    const char *file = problems_file(c->problems, b->common.line);
    b->file = file ? mem_text(file) : NULL;
    if (*b->password_file && b->url.kind == URL_EMBEDDED)
        problems_warn(c->problems, LINE_OF(b, SECTION_BACKEND, "password_file"),
                      "password_file has no effect: an embedded backend has no password");
    else if (*b->password_file)
        read_password(c, b);
    add_seeds(c, b);
    check_sentinels(c, b);
    const char *error = url_check_user(&b->url);
    if (error)
        problems_add(c->problems, LINE_OF(b, SECTION_BACKEND, "url"), "url: %s", error);
}

// --- namespaces -------------------------------------------------------------------------------

static void find_backend(struct fitter *c, struct namespace_conf *n) {
    struct settings *s = c->settings;
    bool is_named = *n->backend_name != '\0';
    uint32_t found =
        is_named ? name_table_find(&c->backends, slice_of(n->backend_name)) : NAME_TABLE_NONE;
    n->backend = NO_BACKEND;
    if (found != NAME_TABLE_NONE)
        n->backend = found;
    else if (is_named)
        lookup_miss_backend(s, n->name, LINE_OF(n, SECTION_NAMESPACE, "backend"), n->backend_name,
                            c->problems);
    else if (s->backend_count == 1)
        n->backend = 0;
    else if (s->backend_count == 0)
        problems_add(c->problems, n->common.line,
                     "[namespace %s] has no backend: add a section [backend NAME]", n->name);
    else
        problems_add(c->problems, n->common.line,
                     "[namespace %s] needs backend = NAME, since there are several", n->name);
}

static void complete_prefix(struct namespace_conf *n) {
    struct bytes prefix = {0};
    if (!n->prefix) {
        bytes_printf(&prefix, "%s:", n->name);
        n->prefix = mem_text_of(prefix.data, prefix.len);
        bytes_deinit(&prefix);
    }
    n->prefix_len = strlen(n->prefix);
}

// An option whose default is longer than max_ttl is shortened to max_ttl.
static void fit_to_max_ttl(struct fitter *c, struct namespace_conf *n, const char *name,
                           int64_t *ms) {
    struct bytes most = {0};
    if (*ms <= n->max_ttl_ms)
        return;
    int line = LINE_OF(n, SECTION_NAMESPACE, name);
    if (schema_is_given(&n->common, SECTION_NAMESPACE, name) &&
        !problems_has_error(c->problems, line)) { // else the value is not what is written there
        number_append_duration(&most, n->max_ttl_ms);
        problems_add(c->problems, line, "[namespace %s]: %s is longer than max_ttl, which is %.*s",
                     n->name, name, (int)most.len, most.data);
        bytes_deinit(&most);
    }
    *ms = n->max_ttl_ms;
}

static void check_times(struct fitter *c, struct namespace_conf *n) {
    bool has_ttl = schema_is_given(&n->common, SECTION_NAMESPACE, "ttl");
    if (n->max_ttl_ms == 0) // not given, or wrong
        n->max_ttl_ms = n->ttl_ms;
    int line = LINE_OF(n, SECTION_NAMESPACE, has_ttl ? "ttl" : "max_ttl");
    if (n->ttl_ms > n->max_ttl_ms && !problems_has_error(c->problems, line))
        problems_add(c->problems, line, "[namespace %s]: ttl is longer than max_ttl", n->name);
    fit_to_max_ttl(c, n, "lease", &n->lease_ms);
    fit_to_max_ttl(c, n, "null_ttl", &n->null_ttl_ms);
}

static void check_namespace(struct fitter *c, struct namespace_conf *n) {
    bool has_max_key = schema_is_given(&n->common, SECTION_NAMESPACE, "max_key");
    find_backend(c, n);
    complete_prefix(n);
    check_times(c, n);
    if (!schema_is_given(&n->common, SECTION_NAMESPACE, "collections"))
        n->collections = COLLECTIONS_ALL;
    if ((int64_t)n->prefix_len >= n->max_key)
        problems_add(c->problems, LINE_OF(n, SECTION_NAMESPACE, has_max_key ? "max_key" : "prefix"),
                     "[namespace %s]: max_key leaves no room behind the prefix", n->name);
}

// --- users ------------------------------------------------------------------------------------

static void allow_namespaces(struct fitter *c, struct user_conf *u) {
    const struct settings *s = c->settings;
    if (u->namespaces.count > 0)
        u->allowed = mem_new(s->namespace_count * sizeof(*u->allowed));
    for (size_t i = 0; i < u->namespaces.count; i++) {
        int line = LINE_OF(u, SECTION_USER, "namespaces");
        const struct namespace_conf *n =
            lookup_namespace(s, "user", u->name, line, u->namespaces.items[i], c->problems);
        if (n)
            u->allowed[n - s->namespaces] = true;
    }
}

static void check_binding(struct fitter *c, struct user_conf *u) {
    const struct settings *s = c->settings;
    int line = LINE_OF(u, SECTION_USER, "redis");
    if (!*u->redis_name)
        return;
    const struct namespace_conf *n =
        lookup_namespace(s, "user", u->name, line, u->redis_name, c->problems);
    if (!n)
        return;
    if (!u->namespaces.has_all && !(u->allowed && u->allowed[n - s->namespaces]))
        problems_add(c->problems, line,
                     "[user %s]: redis = %s is none of its namespaces: add it to namespaces",
                     u->name, u->redis_name);
    else
        u->redis = (size_t)(n - s->namespaces);
}

static void check_user(struct fitter *c, struct user_conf *u) {
    if (!schema_is_given(&u->common, SECTION_USER, "uid") &&
        !schema_is_given(&u->common, SECTION_USER, "gid") &&
        !schema_is_given(&u->common, SECTION_USER, "token") &&
        !schema_is_given(&u->common, SECTION_USER, "tls_name"))
        problems_add(c->problems, u->common.line, "[user %s] needs uid, gid, token or tls_name",
                     u->name);
    if (!u->namespaces.has_all && u->namespaces.count == 0)
        problems_add(c->problems, LINE_OF(u, SECTION_USER, "namespaces"),
                     "[user %s] needs namespaces = NAME, ... or *", u->name);
    allow_namespaces(c, u);
    check_binding(c, u);
}

// --- listeners --------------------------------------------------------------------------------

// Replaces each name by its numbers.
static void resolve_listens(struct fitter *c, struct addresses *listens) {
    struct addresses resolved = {0};
    for (size_t i = 0; i < listens->count; i++) {
        const char *error = address_resolve(&listens->items[i], &resolved);
        if (error)
            problems_add(c->problems, listens->items[i].line, "listen: can't resolve '%s': %s",
                         listens->items[i].host, error);
    }
    addresses_deinit(listens);
    *listens = resolved;
}

// The lines of all addresses, and texts that are equal for equal addresses.
struct gathered {
    int *lines;
    struct bytes *keys;
    size_t count;
};

// `section` tells apart the sections, which have different sockets of systemd's.
static void gather(struct gathered *all, const struct addresses *listens, size_t section) {
    for (size_t i = 0; i < listens->count; i++) {
        const struct address *address = &listens->items[i];
        struct bytes key = {0};
        address_append_key(&key, address);
        if (address->kind == ADDRESS_SYSTEMD)
            bytes_append(&key, &section, sizeof(section));
        all->lines = mem_grow(all->lines, all->count, sizeof(*all->lines));
        all->keys = mem_grow(all->keys, all->count, sizeof(*all->keys));
        all->lines[all->count] = address->line;
        all->keys[all->count++] = key;
    }
}

static void find_same_addresses(struct fitter *c) {
    struct gathered all = {0};
    struct bytes place = {0};
    size_t sections = settings_listens_count(c->settings);
    for (size_t i = 0; i < sections; i++)
        gather(&all, settings_listens(c->settings, i), i);
    gather(&all, &c->settings->http.listens, sections);
    size_t *first = twins_find(all.keys, all.count);
    for (size_t i = 0; i < all.count; i++) {
        if (first[i] == i)
            continue;
        place.len = 0;
        problems_append_place(c->problems, all.lines[i], all.lines[first[i]], &place);
        problems_add(c->problems, all.lines[i], "listen: the same address as at %.*s",
                     (int)place.len, place.data);
    }
    bytes_deinit(&place);
    mem_free(first);
    mem_free(all.lines);
    mem_free(all.keys);
}

static void check_http(struct fitter *c) {
    const struct addresses *listens = &c->settings->http.listens;
    int last = 0; // one error is enough for all numbers of a name
    for (size_t i = 0; i < listens->count; i++) {
        const struct address *address = &listens->items[i];
        const char *problem = NULL;
        if (address->kind == ADDRESS_SYSTEMD || address->is_tls)
            problem = "[http] takes tcp:HOST:PORT and unix:/PATH alone; for TLS, put a reverse "
                      "proxy before it";
        else if (!address_is_local(address) && !settings_has_tokens(c->settings))
            problem = "an address that other machines reach needs a [user] with a token";
        if (problem && address->line != last)
            problems_add(c->problems, address->line, "listen: %s", problem);
        last = problem ? address->line : last;
    }
}

// An address that other machines reach needs somebody who may come in there.
static void check_reach(struct fitter *c, const struct addresses *listens) {
    int last = 0; // one error is enough for all numbers of a name
    for (size_t i = 0; i < listens->count; i++) {
        const struct address *address = &listens->items[i];
        if (address_is_local(address) || settings_has_tokens(c->settings) ||
            (address->is_tls && settings_has_tls_names(c->settings)) || address->line == last)
            continue;
        last = address->line;
        problems_add(c->problems, last,
                     "listen: an address that other machines reach needs a [user] with a token%s",
                     address->is_tls ? " or a tls_name" : "");
    }
}

static void check_listens(struct fitter *c) {
    struct settings *s = c->settings;
    for (size_t i = 0; i < settings_listens_count(s); i++)
        resolve_listens(c, settings_listens(s, i));
    resolve_listens(c, &s->http.listens);
    find_same_addresses(c);
    fit_tls_server(s, c->problems);
    for (size_t i = 0; i < settings_listens_count(s); i++)
        check_reach(c, settings_listens(s, i));
}

// --- all --------------------------------------------------------------------------------------

void fit_settings(struct settings *s, struct problems *problems) {
    struct fitter c = {.settings = s, .problems = problems};
    number_names(&c);
    for (size_t i = 0; i < s->backend_count; i++)
        check_backend(&c, &s->backends[i]);
    for (size_t i = 0; i < s->namespace_count; i++)
        check_namespace(&c, &s->namespaces[i]);
    overlap_check(s, problems);
    for (size_t i = 0; i < s->user_count; i++)
        check_user(&c, &s->users[i]);
    for (size_t i = 0; i < s->listener_count; i++)
        fit_listener(s, &s->listeners[i], problems);
    for (size_t i = 0; i < s->backend_count; i++)
        s->backends[i].asks_eviction = settings_speak_redis(s);
    check_listens(&c);
    check_http(&c);
    if (s->namespace_count == 0)
        problems_add(problems, 0, "no [namespace NAME]: there would be nothing to serve");
    name_table_deinit(&c.backends);
}
