#include "conf/loader.h"

#include <errno.h>

#include "conf/address.h"
#include "conf/dsn.h"
#include "conf/effect.h"
#include "conf/file.h"
#include "conf/fit.h"
#include "conf/include.h"
#include "conf/ini.h"
#include "conf/option.h"
#include "conf/origins.h"
#include "conf/schema.h"
#include "conf/sections.h"
#include "conf/url.h"
#include "protocol/bytes.h"
#include "protocol/mem.h"
#include "protocol/spelling.h"

enum { MOST_LINES = 100 * 1000 * 1000 }; // of all files: line numbers are ints

// The built-in configuration, for a daemon without a file.
static const char built_in[] = "[backend embedded]\n"
                               "url = embedded:\n"
                               "[namespace demo]\n"
                               "backend = embedded\n"
                               "prefix = demo:\n"
                               "ttl = 1h\n";

// The state of loading a configuration.
struct loader {
    struct settings *settings;
    const struct verb_table *verbs;
    struct problems *problems;
    int section;                     // enum section; -1: a bad section, whose options are skipped
    const struct option_row *row;    // of the last option, for lines that go on with it
    bool has_section[SECTION_COUNT]; // those that have no name
    bool is_included;                // the present file was named by an include
    int last_line;                   // of all lines read so far
    struct include_files seen;
};

// --- sections ---------------------------------------------------------------------------------

// Returns the struct for the options of the current section: the last struct of its kind.
static void *current(struct loader *l) {
    struct settings *s = l->settings;
    switch (l->section) {
    case SECTION_BACKEND: return &s->backends[s->backend_count - 1];
    case SECTION_LISTENER: return &s->listeners[s->listener_count - 1];
    case SECTION_NAMESPACE: return &s->namespaces[s->namespace_count - 1];
    case SECTION_USER: return &s->users[s->user_count - 1];
    case SECTION_HTTP: return &s->http;
    default: return &s->daemon;
    }
}

static void add_namespace(struct settings *s, struct slice name, int line) {
    s->namespaces = mem_grow(s->namespaces, s->namespace_count, sizeof(*s->namespaces));
    struct namespace_conf *namespace = &s->namespaces[s->namespace_count++];
    *namespace = (struct namespace_conf){
        .common.line = line,
        .name = mem_text_of(name.data, name.len),
        .name_len = name.len,
    };
    option_set_defaults(namespace, SECTION_NAMESPACE);
}

static void add_listener(struct settings *s, struct slice name, int line) {
    s->listeners = mem_grow(s->listeners, s->listener_count, sizeof(*s->listeners));
    struct listener_conf *listener = &s->listeners[s->listener_count++];
    *listener = (struct listener_conf){.common.line = line,
                                       .name = mem_text_of(name.data, name.len),
                                       .bound = NO_NAMESPACE,
                                       .rest = NO_NAMESPACE};
    option_set_defaults(listener, SECTION_LISTENER);
}

static void add_user(struct settings *s, struct slice name, int line) {
    s->users = mem_grow(s->users, s->user_count, sizeof(*s->users));
    struct user_conf *user = &s->users[s->user_count++];
    *user = (struct user_conf){.common.line = line,
                               .name = mem_text_of(name.data, name.len),
                               .uid = -1,
                               .gid = -1,
                               .redis = NO_NAMESPACE};
    option_set_defaults(user, SECTION_USER);
}

// [cachesd] or [http]: there is one of each.
static void on_only_section(struct loader *l, int line, enum section section, struct slice name) {
    struct section_conf *common = current(l); // the struct begins with it
    const char *kind = section_name(section);
    struct bytes place = {0};
    if (l->is_included) {
        problems_add(l->problems, line,
                     "[%s] belongs in the file that includes this one, and to it alone", kind);
        l->section = -1;
        return;
    }
    if (name.len > 0)
        problems_add(l->problems, line, "[%s] takes no name", kind);
    if (l->has_section[section]) {
        problems_append_place(l->problems, line, common->line, &place);
        problems_add(l->problems, line, "[%s] again: it began at %.*s", kind, (int)place.len,
                     place.data);
    }
    bytes_deinit(&place);
    l->has_section[section] = true;
    common->line = line;
}

static void on_named_section(struct loader *l, int line, enum section section, struct slice name) {
    if (!section_is_name(name)) {
        bool is_shown =
            problems_may_show(name) && !memchr(name.data ? name.data : "", ':', name.len);
        problems_add(l->problems, line,
                     "[%s NAME] needs a name of 1 to 64 of A-Z a-z 0-9 _ . -%s%.*s%s",
                     section_name(section), is_shown ? ", not '" : "", is_shown ? (int)name.len : 0,
                     name.data, is_shown ? "'" : "");
        l->section = -1;
        return;
    }
    if (section == SECTION_BACKEND)
        settings_add_backend(l->settings, name, line);
    else if (section == SECTION_LISTENER)
        add_listener(l->settings, name, line);
    else if (section == SECTION_NAMESPACE)
        add_namespace(l->settings, name, line);
    else
        add_user(l->settings, name, line);
}

// Returns whether there is but one section of the kind, which has no name.
static bool is_only(enum section section) {
    return section == SECTION_CACHESD || section == SECTION_HTTP;
}

static void refuse_section(struct loader *l, int line, struct slice kind) {
    enum section nearest = SECTION_COUNT;
    size_t least = 4;
    for (int i = 0; i < SECTION_COUNT; i++) {
        size_t distance = spelling_distance(kind, slice_of(section_name((enum section)i)));
        if (distance < least) {
            least = distance;
            nearest = (enum section)i;
        }
    }
    struct slice shown = problems_may_show(kind) ? kind : SLICE("...");
    if (nearest < SECTION_COUNT)
        problems_add(l->problems, line, "unknown section [%.*s]: did you mean [%s%s]?",
                     (int)shown.len, shown.data, section_name(nearest),
                     is_only(nearest) ? "" : " NAME");
    else
        problems_add(
            l->problems, line,
            "unknown section [%.*s]: use [cachesd], [http], [listener NAME], [backend NAME], "
            "[namespace NAME] or [user NAME]",
            (int)shown.len, shown.data);
}

static void on_section(void *owner, int line, struct slice kind, struct slice name) {
    struct loader *l = owner;
    l->row = NULL;
    l->section = -1;
    for (int i = 0; i < SECTION_COUNT; i++)
        if (slice_equal(kind, slice_of(section_name((enum section)i))))
            l->section = i;
    if (l->section >= 0 && is_only((enum section)l->section))
        on_only_section(l, line, (enum section)l->section, name);
    else if (l->section >= 0)
        on_named_section(l, line, (enum section)l->section, name);
    else
        refuse_section(l, line, kind);
}

// --- options ----------------------------------------------------------------------------------

// Returns the addresses that an option `listen` adds to.
static struct addresses *current_listens(struct loader *l) {
    struct settings *s = l->settings;
    switch (l->section) {
    case SECTION_HTTP: return &s->http.listens;
    case SECTION_LISTENER: return settings_listens(s, s->listener_count);
    default: return &s->daemon.listens;
    }
}

static void read_value(struct loader *l, int line, struct slice value) {
    struct bytes error = {0};
    struct daemon_conf *daemon = &l->settings->daemon;
    struct addresses *listens = current_listens(l);
    size_t listen = listens->count, includes = daemon->include_count;
    if (!option_read(l->row, value, current(l), l->verbs, &error))
        problems_add(l->problems, line, "%.*s", (int)error.len, error.data);
    bytes_deinit(&error);
    for (; listen < listens->count; listen++)
        listens->items[listen].line = line;
    for (; includes < daemon->include_count; includes++)
        daemon->includes[includes].line = line;
}

// A text that is no option, but has a ":" or "=", might hold a secret: no message may show it.
static bool looks_like_an_option(struct slice name) {
    for (size_t i = 0; i < name.len; i++)
        if (!(name.data[i] >= 'a' && name.data[i] <= 'z') && name.data[i] != '_')
            return false;
    return name.len <= 32;
}

static void refuse_option(struct loader *l, int line, struct slice name) {
    const char *nearest = schema_nearest((enum section)l->section, name);
    const char *section = section_name((enum section)l->section), *home = NULL;
    for (int i = 0; i < SECTION_COUNT; i++)
        if (schema_find((enum section)i, name))
            home = section_name((enum section)i);
    struct slice shown = nearest || looks_like_an_option(name) ? name : SLICE("...");
    if (home)
        problems_add(l->problems, line, "unknown option '%.*s' in [%s]: it is one of [%s]",
                     (int)name.len, name.data, section, home);
    else
        problems_add(l->problems, line, "unknown option '%.*s' in [%s]%s%s%s", (int)shown.len,
                     shown.data, section,
                     nearest ? ": did you mean " : ": cachesd.ini(5) has all there are",
                     nearest ? nearest : "", nearest ? "?" : "");
}

static void go_on(struct loader *l, int line, struct slice value) {
    if (l->row && !option_is_list(l->row))
        problems_add(l->problems, line, "%s is no list: it can't go on over further lines",
                     l->row->name);
    else if (l->row)
        read_value(l, line, value);
}

static void on_option(void *owner, int line, struct slice name, struct slice value, bool is_more) {
    struct loader *l = owner;
    if (l->section < 0)
        return;
    if (is_more) {
        go_on(l, line, value);
        return;
    }
    l->row = schema_find((enum section)l->section, name);
    if (!l->row) {
        refuse_option(l, line, name);
        return;
    }
    int *place = schema_place(current(l), l->row);
    if (*place > 0 && !option_may_repeat(l->row)) {
        problems_add(l->problems, line, "%s is given twice in this section", l->row->name);
        return;
    }
    *place = line;
    read_value(l, line, value);
}

// --- files ------------------------------------------------------------------------------------

static void read_text(struct loader *l, struct slice text) {
    struct ini_handler handler = {l, on_section, on_option};
    l->section = -1;
    l->row = NULL;
    l->last_line = ini_read(text, l->last_line + 1, &handler, l->problems);
}

static void read_included(struct loader *l, int line, const char *path) {
    struct bytes text = {0};
    if (!include_note(&l->seen, path)) {
        problems_add(l->problems, line, "include: '%s' is read already", path);
        return;
    }
    int error = l->last_line < MOST_LINES ? file_read(path, &text) : EFBIG;
    if (error) {
        problems_add(l->problems, line, "include: can't read '%s': %s", path, strerror(error));
    } else {
        problems_add_file(l->problems, path, l->last_line + 1);
        origins_add_text(&l->settings->origins, path, bytes_slice(&text));
        read_text(l, bytes_slice(&text));
    }
    bytes_deinit(&text);
}

static void read_includes(struct loader *l, const char *beside) {
    const struct daemon_conf *daemon = &l->settings->daemon;
    l->is_included = true;
    for (size_t i = 0; i < daemon->include_count; i++) {
        const struct include *include = &daemon->includes[i];
        struct include_files files;
        origins_add_pattern(&l->settings->origins, include->pattern, beside);
        const char *error = include_find(include->pattern, beside, &files);
        if (error)
            problems_add(l->problems, include->line, "include: %s", error);
        else if (files.count == 0 && files.is_pattern)
            problems_warn(l->problems, include->line, "include: no file matches");
        else if (files.count == 0)
            problems_add(l->problems, include->line, "include: there is no such file");
        for (size_t j = 0; j < files.count; j++)
            read_included(l, include->line, files.items[j].path);
        include_files_deinit(&files);
    }
}

static bool read_files(const struct settings_source *source, struct settings *settings,
                       struct problems *problems) {
    struct loader l = {.settings = settings, .verbs = source->verbs, .problems = problems};
    struct bytes text = {0};
    int error = source->file ? file_read(source->file, &text) : 0;
    if (error)
        problems_add(problems, 0, "can't read it: %s", strerror(error));
    else
        read_text(&l, source->file ? bytes_slice(&text) : slice_of(built_in));
    if (source->file)
        origins_add_text(&settings->origins, source->file, bytes_slice(&text));
    if (settings->daemon.include_count > 0) {
        include_note(&l.seen, source->file);
        read_includes(&l, source->file);
    }
    bytes_deinit(&text);
    include_files_deinit(&l.seen);
    return !error;
}

// --- environment ------------------------------------------------------------------------------

struct environment {
    struct settings *settings;
    struct problems *problems;
};

// The messages never show the value: it may hold a password.
static const char *add_backend_of(struct slice value, struct settings *settings) {
    struct url url;
    const char *error = url_parse(value, &url);
    if (error)
        return error;
    error = url_check_user(&url);
    struct slice name = slice_of(url.fragment ? url.fragment : "default");
    if (!section_is_name(name))
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

// The backend's name is the URL's fragment, "default" without one.
static void on_dsn(void *owner, struct slice variable, struct slice url) {
    struct environment *environment = owner;
    const char *error = add_backend_of(url, environment->settings);
    if (error)
        problems_add(environment->problems, 0, "%.*s in the environment: %s", (int)variable.len,
                     variable.data, error);
}

// --- all --------------------------------------------------------------------------------------

// A file without `listen` gets the option's default. Only the built-in configuration keeps an empty
// list, for which the daemon chooses the addresses.
static void listen_somewhere(struct settings *s) {
    const struct option_row *row = schema_find(SECTION_CACHESD, SLICE("listen"));
    if (s->file && !schema_is_given(&s->daemon.common, SECTION_CACHESD, "listen"))
        option_set_default(row, &s->daemon);
}

struct settings *settings_load(const struct settings_source *source, struct problems *problems) {
    struct settings *s = mem_new(sizeof(*s));
    s->refs = 1;
    s->file = source->file ? mem_text(source->file) : NULL;
    problems_set_file(problems, source->file ? source->file : "built-in");
    option_set_defaults(&s->daemon, SECTION_CACHESD);
    if (read_files(source, s, problems)) {
        listen_somewhere(s);
        dsn_read(source->environment, on_dsn, &(struct environment){s, problems});
        fit_settings(s, problems);
        if (problems->error_count == 0)
            effect_check(s, source->verbs, problems);
    }
    if (problems->error_count == 0)
        return s;
    settings_unref(s);
    return NULL;
}
