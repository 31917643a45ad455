#include "conf/overlap.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "conf/schema.h"
#include "conf/sections.h"
#include "conf/twins.h"
#include "conf/url.h"
#include "protocol/bytes.h"
#include "protocol/mem.h"

// A namespace in a sorted list. Sorted by keyspace and prefix, all namespaces that begin with one
// prefix stand together, and the namespace with that prefix stands before them.
struct entry {
    const struct namespace_conf *namespace;
    size_t keyspace; // equal for namespaces that certainly, or likely, share a keyspace
    size_t backend;  // the first backend that certainly is the same server and database
};

// --- keyspaces --------------------------------------------------------------------------------

static bool append_number(struct bytes *out, const char *host) {
    unsigned char number[sizeof(struct in6_addr)];
    char text[INET6_ADDRSTRLEN];
    int family = strchr(host, ':') ? AF_INET6 : AF_INET;
    if (inet_pton(family, host, number) != 1 || !inet_ntop(family, number, text, sizeof(text)))
        return false;
    bytes_append_slice(out, slice_of(text));
    return true;
}

// Appends a host in one way of writing: names in lower case and without a dot at the end, IP
// addresses in their usual form.
static void append_host(struct bytes *out, const char *host) {
    if (append_number(out, host))
        return;
    struct slice name = slice_of(host);
    if (name.len > 1 && name.data[name.len - 1] == '.')
        name.len--;
    for (size_t i = 0; i < name.len; i++) {
        char c = slice_lower(name.data[i]);
        bytes_append(out, &c, 1);
    }
}

// Appends the path without "//" and "/./".
static void append_path(struct bytes *out, const char *path) {
    for (; *path; path++) {
        while (path[0] == '/' && (path[1] == '/' || (path[1] == '.' && path[2] == '/')))
            path += path[1] == '/' ? 1 : 2;
        bytes_append(out, path, 1);
    }
}

static bool is_before(const struct bytes *a, const struct bytes *b) {
    size_t shorter = a->len < b->len ? a->len : b->len;
    int order = memcmp(a->data, b->data, shorter);
    return order < 0 || (order == 0 && a->len < b->len);
}

// Of the hosts of a cluster or of sentinels, the first in the order of their texts stands for all:
// who has that one in common, has the same cluster or master.
static void append_first_host(struct bytes *out, const struct url *url) {
    struct bytes first = {0}, other = {0};
    for (size_t i = 0; i < url->host_count; i++) {
        other.len = 0;
        append_host(&other, url->hosts[i].host);
        bytes_printf(&other, " %d", url->hosts[i].port);
        if (i == 0 || is_before(&other, &first)) {
            struct bytes swapped = first;
            first = other;
            other = swapped;
        }
    }
    bytes_append_slice(out, bytes_slice(&first));
    if (url->master)
        bytes_printf(out, " %s %d", url->master, url->db);
    bytes_deinit(&first);
    bytes_deinit(&other);
}

// Appends a text that is equal for two backends only if they certainly are the same server and
// database.
static void append_certain(struct bytes *out, const struct url *url, size_t number) {
    if (url_has_hosts(url)) {
        append_first_host(out, url);
    } else if (url->kind == URL_EMBEDDED) {
        bytes_printf(out, "%zu", number); // a server of its own
    } else if (url->kind == URL_UNIX) {
        append_path(out, url->path);
        bytes_printf(out, " %d", url->db);
    } else {
        append_host(out, url->host);
        bytes_printf(out, " %d %d", url->port, url->db);
    }
}

// Returns whether a host is this machine, by its name alone.
static bool is_loopback(struct slice host) {
    return slice_begins(host, SLICE("localhost ")) || slice_begins(host, SLICE("127.")) ||
           slice_begins(host, SLICE("::1 ")) || slice_begins(host, SLICE("::ffff:127.")) ||
           slice_begins(host, SLICE("0.0.0.0 ")) || slice_begins(host, SLICE(":: ")) ||
           slice_begins(host, SLICE("ip6-localhost ")) ||
           slice_begins(host, SLICE("localhost.localdomain "));
}

// Appends a text that is equal for two backends that likely are the same, though their URLs differ.
// No name is looked up.
static void append_likely(struct bytes *out, const struct url *url, size_t number) {
    struct bytes certain = {0};
    append_certain(&certain, url, number);
    struct slice text = bytes_slice(&certain);
    if ((url->kind == URL_TCP || url_has_hosts(url)) && is_loopback(text)) {
        const char *behind = memchr(text.data, ' ', text.len);
        bytes_append_literal(out, "localhost");
        bytes_append(out, behind, text.len - (size_t)(behind - text.data));
    } else if (url->kind == URL_UNIX && slice_begins(text, SLICE("/var/run/"))) {
        bytes_append(out, text.data + strlen("/var"), text.len - strlen("/var"));
    } else {
        bytes_append_slice(out, text);
    }
    bytes_deinit(&certain);
}

typedef void append_keyspace(struct bytes *out, const struct url *url, size_t number);

// Returns, for each backend, the number of the first backend whose text is the same.
static size_t *number_keyspaces(const struct settings *s, append_keyspace *append) {
    struct bytes *texts = mem_new(s->backend_count * sizeof(*texts));
    for (size_t i = 0; i < s->backend_count; i++) {
        const struct url *url = &s->backends[i].url;
        if (url->host || url->host_count > 0 || url->path || url->kind == URL_EMBEDDED)
            append(&texts[i], url, i);
        else
            bytes_printf(&texts[i], "none %zu", i); // its url is missing or wrong
    }
    size_t *numbers = twins_find(texts, s->backend_count);
    mem_free(texts);
    return numbers;
}

// --- prefixes ---------------------------------------------------------------------------------

static int by_prefix(const void *left, const void *right) {
    const struct entry *a = left, *b = right;
    if (a->keyspace != b->keyspace)
        return a->keyspace < b->keyspace ? -1 : 1;
    int order = strcmp(a->namespace->prefix, b->namespace->prefix);
    return order ? order : (a->namespace > b->namespace) - (a->namespace < b->namespace);
}

static bool begins_with(const struct entry *longer, const struct entry *shorter) {
    return longer->keyspace == shorter->keyspace &&
           strncmp(longer->namespace->prefix, shorter->namespace->prefix,
                   shorter->namespace->prefix_len) == 0;
}

static void report(const struct settings *s, struct problems *problems, const struct entry *x,
                   const struct entry *y) {
    const struct namespace_conf *a = x->namespace, *b = y->namespace;
    if (a > b) { // the later one is reported
        a = y->namespace;
        b = x->namespace;
    }
    if (strcmp(a->name, b->name) == 0) // one section given twice, which was told
        return;
    int line = schema_line(&b->common, SECTION_NAMESPACE, "prefix");
    const char *one = s->backends[a->backend].name, *other = s->backends[b->backend].name;
    if (a->backend == b->backend)
        problems_add(problems, line,
                     "[namespace %s]: prefix '%s' overlaps '%s' of [namespace %s] on the same "
                     "backend",
                     b->name, b->prefix, a->prefix, a->name);
    else if (x->backend == y->backend)
        problems_add(problems, line,
                     "[namespace %s]: prefix '%s' overlaps '%s' of [namespace %s], and [backend "
                     "%s] and [backend %s] are the same server and database",
                     b->name, b->prefix, a->prefix, a->name, other, one);
    else
        problems_warn(problems, line,
                      "[namespace %s]: prefix '%s' overlaps '%s' of [namespace %s], and [backend "
                      "%s] and [backend %s] seem to be the same server and database",
                      b->name, b->prefix, a->prefix, a->name, other, one);
}

// Reports each entry at most once: with the longest prefix that its own prefix begins with. With
// `is_certain` reports errors for entries that certainly share a keyspace; otherwise warnings for
// the others.
static void check_sorted(const struct settings *s, struct problems *problems,
                         const struct entry *entries, size_t count, bool is_certain) {
    const struct entry **open =
        mem_new(count * sizeof(*open)); // entries whose prefix the next entry may begin with
    size_t depth = 0;
    for (size_t i = 0; i < count; i++) {
        const struct entry *entry = &entries[i];
        while (depth > 0 && !begins_with(entry, open[depth - 1]))
            depth--;
        size_t at = depth;
        while (at > 0 && (open[at - 1]->backend == entry->backend) != is_certain)
            at--;
        if (at > 0)
            report(s, problems, open[at - 1], entry);
        // Of equal prefixes one is kept, so that at most as many are open as a prefix has bytes.
        if (depth == 0 || strcmp(open[depth - 1]->namespace->prefix, entry->namespace->prefix) != 0)
            open[depth++] = entry;
    }
    mem_free(open);
}

void overlap_check(const struct settings *s, struct problems *problems) {
    size_t *certain = number_keyspaces(s, append_certain);
    size_t *likely = number_keyspaces(s, append_likely);
    struct entry *entries = mem_new(s->namespace_count * sizeof(*entries));
    for (int is_certain = 1; is_certain >= 0; is_certain--) {
        const size_t *numbers = is_certain ? certain : likely;
        size_t count = 0;
        for (size_t i = 0; i < s->namespace_count; i++) {
            size_t backend = s->namespaces[i].backend;
            if (backend != NO_BACKEND)
                entries[count++] =
                    (struct entry){&s->namespaces[i], numbers[backend], certain[backend]};
        }
        if (count > 0)
            qsort(entries, count, sizeof(*entries), by_prefix);
        check_sorted(s, problems, entries, count, is_certain);
    }
    mem_free(entries);
    mem_free(likely);
    mem_free(certain);
}
