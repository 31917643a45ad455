// The settings file: every text gives settings that hold together or problems, and leaks nothing.
//
// Input: the file. The linker puts the functions below in the place of those that would ask the
// system (-Wl,--wrap), so that a run touches no file and no name service. The line
// "password_file = empty" gives an empty secret, "missing" none at all, and no certificates are in
// files of the name "missing".
#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <pwd.h>

#include "conf/file.h"
#include "conf/include.h"
#include "conf/loader.h"
#include "conf/tls_context.h"
#include "fuzz.h"
#include "protocol/mem.h"
#include "protocol/number.h"
#include "protocol/spelling.h"

static struct verb_table *verbs;
#define INCLUDED "included.ini"

static struct slice file, included; // the input, before and behind its first "%%" line
static struct bytes shown;          // kept: no allocation per run

const char *__wrap_include_find(const char *pattern, const char *beside,
                                struct include_files *files);
bool __wrap_include_note(struct include_files *seen, const char *path);
int __wrap_file_read(const char *path, struct bytes *text);
int __wrap_file_read_secret(const char *path, const char *beside, struct bytes *text);
struct tls_client *__wrap_tls_client_new(const struct tls_files *files, enum tls_verify verify,
                                         enum tls_version least, const char *ciphers,
                                         const char *server_name, struct tls_fault *fault);
struct tls_server *__wrap_tls_server_new(const struct tls_files *files, enum tls_ask ask,
                                         struct tls_fault *fault);
struct passwd *__wrap_getpwnam(const char *name);
struct group *__wrap_getgrnam(const char *name);
int __real_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **found);
int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **found);

int __wrap_file_read(const char *path, struct bytes *text) {
    struct slice part = strcmp(path, INCLUDED) == 0 ? included : file;
    char *exact = copy_exactly(part.data, part.len);
    bytes_append(text, exact, part.len);
    free(exact);
    return 0;
}

const char *__wrap_include_find(const char *pattern, const char *beside,
                                struct include_files *files) {
    (void)beside;
    *files = (struct include_files){.is_pattern = strchr(pattern, '*')};
    if (strcmp(pattern, "unreadable") == 0)
        return "a folder can't be read";
    if (strcmp(pattern, "none") != 0) {
        files->items = mem_new(sizeof(*files->items));
        files->items[files->count++].path = mem_text(INCLUDED);
    }
    return NULL;
}

bool __wrap_include_note(struct include_files *seen, const char *path) {
    bool is_new = strcmp(path, INCLUDED) != 0 || seen->count == 0;
    if (strcmp(path, INCLUDED) == 0 && is_new) {
        seen->items = mem_new(sizeof(*seen->items));
        seen->items[seen->count++].path = mem_text(path);
    }
    return is_new;
}

int __wrap_file_read_secret(const char *path, const char *beside, struct bytes *text) {
    (void)beside;
    if (strcmp(path, "missing") == 0)
        return ENOENT;
    if (strcmp(path, "empty") != 0)
        bytes_append_literal(text, "secret\n");
    return 0;
}

// One context stands for all, since to make one takes a hundred times as long as all the rest.
static SSL_CTX *context_of(const struct tls_files *files, struct tls_fault *fault) {
    static SSL_CTX *all;
    if (!all)
        all = SSL_CTX_new(TLS_method());
    if (strcmp(files->ca, "missing") == 0 || strcmp(files->cert, "missing") == 0) {
        fault->part = strcmp(files->ca, "missing") == 0 ? TLS_PART_CA : TLS_PART_CERT;
        bytes_append_literal(&fault->text, "it is missing");
        return NULL;
    }
    EXPECT(SSL_CTX_up_ref(all) == 1);
    return all;
}

struct tls_client *__wrap_tls_client_new(const struct tls_files *files, enum tls_verify verify,
                                         enum tls_version least, const char *ciphers,
                                         const char *server_name, struct tls_fault *fault) {
    SSL_CTX *ssl = context_of(files, fault);
    (void)least;
    (void)ciphers;
    (void)server_name;
    if (!ssl)
        return NULL;
    struct tls_client *client = mem_new(sizeof(*client));
    client->refs = 1;
    client->ssl = ssl;
    client->verify = verify;
    return client;
}

struct tls_server *__wrap_tls_server_new(const struct tls_files *files, enum tls_ask ask,
                                         struct tls_fault *fault) {
    SSL_CTX *ssl = context_of(files, fault);
    if (!ssl)
        return NULL;
    struct tls_server *server = mem_new(sizeof(*server));
    server->refs = 1;
    server->ssl = ssl;
    server->ask = ask;
    return server;
}

struct passwd *__wrap_getpwnam(const char *name) {
    static struct passwd web = {.pw_uid = 33, .pw_gid = 33};
    return strcmp(name, "www-data") == 0 ? &web : NULL;
}

struct group *__wrap_getgrnam(const char *name) {
    static struct group web = {.gr_gid = 33};
    return strcmp(name, "www-data") == 0 ? &web : NULL;
}

int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **found) {
    struct addrinfo numeric = *hints;
    numeric.ai_flags |= AI_NUMERICHOST | AI_NUMERICSERV;
    return __real_getaddrinfo(node, service, &numeric, found);
}

// "Did you mean" compares each name with every other: it would take nine tenths of the time.
size_t __wrap_spelling_distance(struct slice a, struct slice b);
size_t __wrap_spelling_distance(struct slice a, struct slice b) {
    return a.len > 0 && b.len > 0 && *a.data == *b.data ? 1 : SIZE_MAX;
}

static void check_namespace(const struct settings *s, const struct namespace_conf *n) {
    EXPECT(settings_namespace(s, slice_of(n->name)) == n);
    EXPECT(n->backend < s->backend_count);
    EXPECT(n->ttl_ms > 0 && n->ttl_ms <= n->max_ttl_ms);
    EXPECT(n->max_ttl_ms <= DURATION_MAX_MS || n->max_ttl_ms == DURATION_FOREVER);
    EXPECT(n->prefix_len == strlen(n->prefix) && (int64_t)n->prefix_len < n->max_key);
    EXPECT(n->jitter_percent >= 0 && n->jitter_percent <= 100);
    for (const struct namespace_conf *o = s->namespaces; o < n; o++)
        EXPECT(o->backend != n->backend || !slice_begins((struct slice){n->prefix, n->prefix_len},
                                                         (struct slice){o->prefix, o->prefix_len}));
}

static struct slice prefix_at(const struct settings *s, const struct listener_conf *l, size_t i) {
    EXPECT(l->mapped[i] < s->namespace_count && l->mapped[i] != l->rest);
    const struct namespace_conf *n = &s->namespaces[l->mapped[i]];
    return (struct slice){n->prefix, n->prefix_len};
}

// No two prefixes begin with one another, and they are sorted: so a key is of one namespace at
// most.
static void check_prefixes(const struct settings *s, const struct listener_conf *l) {
    for (size_t i = 0; i < l->mapped_count; i++)
        for (size_t j = 0; j < i; j++) {
            struct slice before = prefix_at(s, l, j), after = prefix_at(s, l, i);
            EXPECT(!slice_begins(before, after) && !slice_begins(after, before));
            EXPECT(strcmp(before.data, after.data) < 0);
        }
}

static void check_listener(const struct settings *s, const struct listener_conf *l) {
    EXPECT(l->listens.count > 0);
    EXPECT(l->bound == NO_NAMESPACE || (l->bound < s->namespace_count && l->mapped_count == 0));
    EXPECT(l->rest == NO_NAMESPACE || l->rest < s->namespace_count);
    for (size_t i = 0; i < l->select_count; i++)
        EXPECT(l->selects[i].namespace < s->namespace_count && l->selects[i].number > 0);
    if (l->speak != SPEAK_REDIS)
        return;
    EXPECT(l->bound != NO_NAMESPACE || l->rest != NO_NAMESPACE || l->mapped_count > 0);
    check_prefixes(s, l);
}

static void check_settings(const struct settings *s) {
    EXPECT(s->namespace_count > 0 && s->backend_count > 0);
    for (size_t i = 0; i < s->namespace_count; i++)
        check_namespace(s, &s->namespaces[i]);
    for (size_t i = 0; i < s->listener_count; i++)
        check_listener(s, &s->listeners[i]);
    for (size_t i = 0; i < s->user_count; i++)
        EXPECT(s->users[i].redis == NO_NAMESPACE || s->users[i].redis < s->namespace_count);
    EXPECT(s->daemon.max_clients > 0 && s->daemon.max_request > 0 && s->daemon.client_output > 0);
    for (size_t i = 0; i < s->backend_count; i++)
        EXPECT(s->backends[i].timeout_ms > 0 && s->backends[i].max_pending > 0);
}

static size_t count_lines(struct slice text) {
    size_t lines = 1;
    for (size_t i = 0; i < text.len; i++)
        lines += text.data[i] == '\n';
    return lines;
}

static void check_problems(struct problems *problems) {
    size_t lines = count_lines(file) + count_lines(included);
    for (size_t i = 0; i < problems->count; i++)
        EXPECT(problems->items[i].line >= 0 && (size_t)problems->items[i].line <= lines);
    shown.len = 0;
    problems_append(problems, &shown);
    EXPECT((shown.len > 0) == (problems->count > 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size) {
    struct problems problems = {0};
    if (!verbs)
        verbs = verb_table_new(NULL, 0);
    file = (struct slice){(const char *)input, size};
    included = (struct slice){0};
    const char *mark = size > 0 ? memmem(input, size, "\n%%\n", 4) : NULL;
    if (mark) {
        file.len = (size_t)(mark + 1 - file.data);
        included = (struct slice){mark + 4, size - (size_t)(mark + 4 - file.data)};
    }
    struct settings_source source = {.file = "fuzz.ini", .verbs = verbs};
    struct settings *settings = settings_load(&source, &problems);
    EXPECT(!settings == (problems.error_count > 0));
    if (settings)
        check_settings(settings);
    check_problems(&problems);
    settings_unref(settings);
    problems_deinit(&problems);
    return 0;
}
