#include "settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "dsn.h"
#include "file.h"
#include "ini_reader.h"
#include "mem.h"
#include "number.h"
#include "schema.h"
#include "word.h"

// What runs without a configuration file.
static const char built_in[] = "[backend embedded]\n"
                               "url = embedded:\n"
                               "[namespace demo]\n"
                               "backend = embedded\n"
                               "prefix = demo:\n"
                               "ttl = 1h\n";

// The file as it is being read.
struct loader {
    struct settings *settings;
    const struct settings_source *source;
    struct problems *problems;
    int section;                  // enum section, -1: unknown, its options are passed over
    const struct option_row *row; // of the last option, for lines that go on with it
    bool has_daemon_section;
};

// --- sections ---------------------------------------------------------------------------------

bool settings_is_name(struct slice name) {
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i], lower = (char)(c | 0x20);
        if (!(lower >= 'a' && lower <= 'z') && !(c >= '0' && c <= '9') && c != '_' && c != '.' &&
            c != '-')
            return false;
    }
    return name.len >= 1 && name.len <= 64;
}

// The struct that the current section's options go to: the last of its kind.
static void *current(struct loader *l) {
    struct settings *s = l->settings;
    switch (l->section) {
    case SECTION_BACKEND: return &s->backends[s->backend_count - 1];
    case SECTION_NAMESPACE: return &s->namespaces[s->namespace_count - 1];
    case SECTION_USER: return &s->users[s->user_count - 1];
    default: return &s->daemon;
    }
}

static void set_defaults(void *target, enum section section) {
    struct bytes error = {0};
    for (size_t i = 0; i < schema_count; i++)
        if (schema[i].section == section && schema[i].fallback)
            schema_read(&schema[i], slice_of(schema[i].fallback), target, NULL, &error);
    bytes_deinit(&error);
}

struct backend_conf *settings_add_backend(struct settings *s, struct slice name, int line) {
    s->backends = mem_resize(s->backends, (s->backend_count + 1) * sizeof(*s->backends));
    struct backend_conf *backend = &s->backends[s->backend_count++];
    *backend = (struct backend_conf){.common.line = line, .name = mem_text_of(name.data, name.len)};
    set_defaults(backend, SECTION_BACKEND);
    return backend;
}

static void add_namespace(struct settings *s, struct slice name, int line) {
    s->namespaces = mem_resize(s->namespaces, (s->namespace_count + 1) * sizeof(*s->namespaces));
    struct namespace_conf *namespace = &s->namespaces[s->namespace_count++];
    *namespace = (struct namespace_conf){
        .common.line = line,
        .name = mem_text_of(name.data, name.len),
        .name_len = name.len,
    };
    set_defaults(namespace, SECTION_NAMESPACE);
}

static void add_user(struct settings *s, struct slice name, int line) {
    s->users = mem_resize(s->users, (s->user_count + 1) * sizeof(*s->users));
    struct user_conf *user = &s->users[s->user_count++];
    *user = (struct user_conf){
        .common.line = line, .name = mem_text_of(name.data, name.len), .uid = -1, .gid = -1};
    set_defaults(user, SECTION_USER);
}

// Where the section of that name began; 0: there is none.
static int line_of_name(const struct settings *s, enum section section, struct slice name) {
    for (size_t i = 0; section == SECTION_BACKEND && i < s->backend_count; i++)
        if (slice_equal(slice_of(s->backends[i].name), name))
            return s->backends[i].common.line;
    for (size_t i = 0; section == SECTION_NAMESPACE && i < s->namespace_count; i++)
        if (slice_equal(slice_of(s->namespaces[i].name), name))
            return s->namespaces[i].common.line;
    for (size_t i = 0; section == SECTION_USER && i < s->user_count; i++)
        if (slice_equal(slice_of(s->users[i].name), name))
            return s->users[i].common.line;
    return 0;
}

static void on_daemon_section(struct loader *l, int line, struct slice name) {
    if (name.len > 0)
        problems_add(l->problems, line, "[cachesd] takes no name");
    if (l->has_daemon_section)
        problems_add(l->problems, line, "[cachesd] again: it began at line %d",
                     l->settings->daemon.common.line);
    l->has_daemon_section = true;
    l->settings->daemon.common.line = line;
}

static void on_named_section(struct loader *l, int line, enum section section, struct slice name) {
    if (!settings_is_name(name)) {
        problems_add(l->problems, line,
                     "[%s NAME] needs a name of 1 to 64 of A-Z a-z 0-9 _ . -, not '%.*s'",
                     section_name(section), (int)name.len, name.data);
        l->section = -1;
        return;
    }
    int first = line_of_name(l->settings, section, name);
    if (first > 0)
        problems_add(l->problems, line, "[%s %.*s] again: it began at line %d",
                     section_name(section), (int)name.len, name.data, first);
    if (section == SECTION_BACKEND)
        settings_add_backend(l->settings, name, line);
    else if (section == SECTION_NAMESPACE)
        add_namespace(l->settings, name, line);
    else
        add_user(l->settings, name, line);
}

static void on_section(void *owner, int line, struct slice kind, struct slice name) {
    struct loader *l = owner;
    const char *nearest = NULL;
    l->row = NULL;
    l->section = -1;
    for (int i = 0; i < SECTION_COUNT; i++) {
        struct slice known = slice_of(section_name((enum section)i));
        if (slice_equal(kind, known))
            l->section = i;
        else if (word_distance(kind, known) < 4)
            nearest = known.data;
    }
    if (l->section == SECTION_CACHESD)
        on_daemon_section(l, line, name);
    else if (l->section >= 0)
        on_named_section(l, line, (enum section)l->section, name);
    else if (nearest)
        problems_add(l->problems, line, "unknown section [%.*s]: did you mean [%s]?", (int)kind.len,
                     kind.data, nearest);
    else
        problems_add(l->problems, line,
                     "unknown section [%.*s]: use [cachesd], [backend NAME], [namespace NAME] or "
                     "[user NAME]",
                     (int)kind.len, kind.data);
}

// --- options ----------------------------------------------------------------------------------

static void read_value(struct loader *l, int line, struct slice value) {
    struct bytes error = {0};
    struct daemon_conf *daemon = &l->settings->daemon;
    size_t listens = daemon->listen_count;
    if (!schema_read(l->row, value, current(l), l->source->verbs, &error))
        problems_add(l->problems, line, "%.*s", (int)error.len, error.data);
    bytes_deinit(&error);
    for (; listens < daemon->listen_count; listens++)
        daemon->listens[listens].line = line;
}

// Every section's struct begins with the same two fields.
static bool mark_given(struct loader *l) {
    struct section_conf *common = current(l);
    uint64_t bit = UINT64_C(1) << (l->row - schema);
    bool was_given = common->given & bit;
    common->given |= bit;
    return was_given;
}

static void on_option(void *owner, int line, struct slice name, struct slice value, bool is_more) {
    struct loader *l = owner;
    const char *nearest;
    if (l->section < 0)
        return;
    if (is_more) {
        if (l->row && !schema_is_list(l->row))
            problems_add(l->problems, line, "%s is no list: it can't go on over further lines",
                         l->row->name);
        else if (l->row)
            read_value(l, line, value);
        return;
    }
    l->row = schema_find((enum section)l->section, name, &nearest);
    if (!l->row) {
        problems_add(l->problems, line, "unknown option '%.*s' in [%s]%s%s%s", (int)name.len,
                     name.data, section_name((enum section)l->section),
                     nearest ? ": did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
        return;
    }
    if (mark_given(l) && l->row->type != TYPE_LISTENS) {
        problems_add(l->problems, line, "%s is given twice in this section", l->row->name);
        return;
    }
    read_value(l, line, value);
}

static bool is_given(uint64_t given, enum section section, const char *name) {
    const char *nearest;
    return given & UINT64_C(1) << (schema_find(section, slice_of(name), &nearest) - schema);
}

// --- what options mean together ---------------------------------------------------------------

static void read_password(struct loader *l, struct backend_conf *b) {
    if (*b->password_file == '\0')
        return;
    struct bytes text = {0};
    int error = file_read_secret(b->password_file, l->settings->file, &text);
    if (error)
        problems_add(l->problems, b->common.line, "password_file: can't read '%s': %s",
                     b->password_file, strerror(error));
    else if (text.len == 0)
        problems_add(l->problems, b->common.line, "password_file: '%s' is empty", b->password_file);
    while (text.len > 0 && (text.data[text.len - 1] == '\n' || text.data[text.len - 1] == '\r'))
        text.len--;
    mem_free(b->url.password);
    b->url.password = mem_text_of(text.data ? text.data : "", text.len);
    bytes_deinit(&text);
}

static void check_backends(struct loader *l) {
    for (size_t i = 0; i < l->settings->backend_count; i++) {
        struct backend_conf *b = &l->settings->backends[i];
        bool is_from_file = b->common.line > 0;
        if (is_from_file && !is_given(b->common.given, SECTION_BACKEND, "url"))
            problems_add(l->problems, b->common.line, "[backend %s] needs a url", b->name);
        else
            read_password(l, b);
    }
}

static void find_backend(struct loader *l, struct namespace_conf *n) {
    struct settings *s = l->settings;
    if (*n->backend_name == '\0') {
        if (s->backend_count == 1)
            return;
        problems_add(l->problems, n->common.line,
                     s->backend_count == 0
                         ? "[namespace %s] has no backend: add a section [backend NAME]"
                         : "[namespace %s] needs backend = NAME, since there are several",
                     n->name);
        return;
    }
    for (size_t i = 0; i < s->backend_count; i++) {
        if (strcmp(s->backends[i].name, n->backend_name) == 0) {
            n->backend = i;
            return;
        }
    }
    problems_add(l->problems, n->common.line, "[namespace %s]: no backend '%s'", n->name,
                 n->backend_name);
}

static void check_namespace(struct loader *l, struct namespace_conf *n) {
    find_backend(l, n);
    if (!n->prefix) {
        struct bytes prefix = {0};
        bytes_printf(&prefix, "%s:", n->name);
        n->prefix = mem_text_of(prefix.data, prefix.len);
        bytes_deinit(&prefix);
    }
    n->prefix_len = strlen(n->prefix);
    if (!is_given(n->common.given, SECTION_NAMESPACE, "max_ttl"))
        n->max_ttl_ms = n->ttl_ms;
    if (!is_given(n->common.given, SECTION_NAMESPACE, "collections"))
        n->collections = UINT64_MAX;
    if (n->ttl_ms > n->max_ttl_ms)
        problems_add(l->problems, n->common.line, "[namespace %s]: ttl is longer than max_ttl",
                     n->name);
    if ((int64_t)n->prefix_len >= n->max_key)
        problems_add(l->problems, n->common.line,
                     "[namespace %s]: max_key leaves no room behind the prefix", n->name);
}

static void check_overlap(struct loader *l, const struct namespace_conf *a,
                          const struct namespace_conf *b) {
    const struct namespace_conf *shorter = a->prefix_len <= b->prefix_len ? a : b;
    const struct namespace_conf *longer = shorter == a ? b : a;
    if (a->backend == b->backend &&
        strncmp(shorter->prefix, longer->prefix, shorter->prefix_len) == 0)
        problems_add(l->problems, b->common.line,
                     "[namespace %s]: prefix '%s' overlaps '%s' of [namespace %s] on the same "
                     "backend",
                     b->name, b->prefix, a->prefix, a->name);
}

static void check_namespaces(struct loader *l) {
    struct settings *s = l->settings;
    for (size_t i = 0; i < s->namespace_count; i++)
        check_namespace(l, &s->namespaces[i]);
    for (size_t i = 0; i < s->namespace_count; i++)
        for (size_t j = i + 1; j < s->namespace_count; j++)
            check_overlap(l, &s->namespaces[i], &s->namespaces[j]);
}

static bool allow_namespace(const struct settings *s, struct user_conf *user, const char *name) {
    bool is_found = false;
    for (size_t i = 0; i < s->namespace_count; i++) {
        if (strcmp(s->namespaces[i].name, name) == 0)
            user->allowed[i] = is_found = true;
    }
    return is_found;
}

bool settings_has_tokens(const struct settings *s) {
    for (size_t i = 0; i < s->user_count; i++)
        if (s->users[i].has_token)
            return true;
    return false;
}

static void check_listens(struct loader *l) {
    struct daemon_conf *conf = &l->settings->daemon;
    for (size_t i = 0; i < conf->listen_count; i++) {
        struct address *address = &conf->listens[i];
        const char *error = address_resolve(address);
        for (size_t j = 0; j < i; j++)
            if (address_is_same(address, &conf->listens[j]))
                problems_add(l->problems, address->line, "listen: the same address as at line %d",
                             conf->listens[j].line);
        if (error)
            problems_add(l->problems, address->line, "listen: can't resolve '%s': %s",
                         address->host, error);
        else if (!address_is_local(address) && !settings_has_tokens(l->settings))
            problems_add(l->problems, address->line,
                         "listen: an address that other machines reach needs a [user] with a "
                         "token");
    }
}

static void check_users(struct loader *l) {
    struct settings *s = l->settings;
    for (size_t i = 0; i < s->user_count; i++) {
        struct user_conf *u = &s->users[i];
        if (!is_given(u->common.given, SECTION_USER, "uid") &&
            !is_given(u->common.given, SECTION_USER, "gid") &&
            !is_given(u->common.given, SECTION_USER, "token"))
            problems_add(l->problems, u->common.line, "[user %s] needs uid, gid or token", u->name);
        if (!u->is_for_all && u->namespaces.count == 0)
            problems_add(l->problems, u->common.line, "[user %s] needs namespaces = NAME, ... or *",
                         u->name);
        u->allowed = mem_new(s->namespace_count * sizeof(*u->allowed));
        for (size_t j = 0; j < u->namespaces.count; j++)
            if (!allow_namespace(s, u, u->namespaces.items[j]))
                problems_add(l->problems, u->common.line, "[user %s]: no namespace '%s'", u->name,
                             u->namespaces.items[j]);
    }
    check_listens(l);
}

// --- lookup -----------------------------------------------------------------------------------

static void index_namespaces(struct settings *s) {
    index_init(&s->index, s->namespace_count);
    for (size_t i = 0; i < s->namespace_count; i++)
        index_add(&s->index, slice_of(s->namespaces[i].name), (uint32_t)i);
}

const struct namespace_conf *settings_namespace(const struct settings *s, struct slice name) {
    uint32_t number = index_find(&s->index, name);
    return number == INDEX_NONE ? NULL : &s->namespaces[number];
}

// --- life -------------------------------------------------------------------------------------

static void free_settings(struct settings *s) {
    for (size_t row = 0; row < schema_count; row++) {
        if (schema[row].section == SECTION_CACHESD)
            schema_free(&schema[row], &s->daemon);
        for (size_t i = 0; schema[row].section == SECTION_BACKEND && i < s->backend_count; i++)
            schema_free(&schema[row], &s->backends[i]);
        for (size_t i = 0; schema[row].section == SECTION_NAMESPACE && i < s->namespace_count; i++)
            schema_free(&schema[row], &s->namespaces[i]);
        for (size_t i = 0; schema[row].section == SECTION_USER && i < s->user_count; i++)
            schema_free(&schema[row], &s->users[i]);
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

struct settings *settings_load(const struct settings_source *source, struct problems *problems) {
    struct bytes text = {0};
    int error = 0;
    problems_set_file(problems, source->file ? source->file : "built-in");
    if (source->file)
        error = file_read(source->file, &text);
    else
        bytes_append_slice(&text, slice_of(built_in));
    if (error) {
        problems_add(problems, 0, "can't read it: %s", strerror(error));
        bytes_deinit(&text);
        return NULL;
    }
    struct settings *s = mem_new(sizeof(*s));
    struct loader loader = {.settings = s, .source = source, .problems = problems, .section = -1};
    s->refs = 1;
    s->file = source->file ? mem_text(source->file) : NULL;
    set_defaults(&s->daemon, SECTION_CACHESD);
    ini_read(bytes_slice(&text), 1, &(struct ini_handler){&loader, on_section, on_option},
             problems);
    bytes_deinit(&text);
    dsn_read(source->environment, s, problems);
    check_backends(&loader);
    check_namespaces(&loader);
    check_users(&loader);
    if (s->namespace_count == 0)
        problems_add(problems, 0, "no [namespace NAME]: there would be nothing to serve");
    index_namespaces(s);
    if (problems->count == 0)
        return s;
    settings_unref(s);
    return NULL;
}
