#include "conf/fit_listener.h"

#include <inttypes.h>
#include <stdlib.h>

#include "conf/lookup.h"
#include "conf/schema.h"
#include "protocol/bytes.h"
#include "protocol/mem.h"

struct fitter {
    const struct settings *settings;
    struct listener_conf *listener;
    struct problems *problems;
};

static int line_of(const struct fitter *f, const char *option) {
    return schema_line(&f->listener->common, SECTION_LISTENER, option);
}

static bool is_given(const struct fitter *f, const char *option) {
    return schema_is_given(&f->listener->common, SECTION_LISTENER, option);
}

// Returns the number of the namespace that the option names; NO_NAMESPACE, and a problem, when
// there is none.
static size_t find(const struct fitter *f, const char *option, const char *name) {
    const struct namespace_conf *n = lookup_namespace(f->settings, "listener", f->listener->name,
                                                      line_of(f, option), name, f->problems);
    return n ? (size_t)(n - f->settings->namespaces) : NO_NAMESPACE;
}

// --- prefixes ---------------------------------------------------------------------------------

// A namespace in a list that is sorted by prefix.
struct entry {
    const struct namespace_conf *namespace;
    size_t number;
};

// A prefix stands before all that begin with it, and they follow at once.
static int by_prefix(const void *left, const void *right) {
    const struct entry *a = left, *b = right;
    int order = strcmp(a->namespace->prefix, b->namespace->prefix);
    return order ? order : (a->number > b->number) - (a->number < b->number);
}

static void report_overlap(const struct fitter *f, const struct namespace_conf *shorter,
                           const struct namespace_conf *longer) {
    bool is_told = shorter->backend == longer->backend; // it is an error of the namespaces
    if (is_told || f->listener->speak != SPEAK_REDIS)
        return;
    problems_add(f->problems, line_of(f, "namespaces"),
                 "[listener %s]: prefix '%s' of [namespace %s] begins with '%s', that of "
                 "[namespace %s]: name one of them, or another prefix",
                 f->listener->name, longer->prefix, longer->name, shorter->prefix, shorter->name);
}

// No prefix may begin with another: a key would be of two namespaces.
static void map_sorted(const struct fitter *f, struct entry *entries, size_t count) {
    const struct namespace_conf *outer = NULL;
    struct listener_conf *l = f->listener;
    if (count > 0)
        qsort(entries, count, sizeof(*entries), by_prefix);
    l->mapped = mem_new(count * sizeof(*l->mapped));
    l->mapped_count = count;
    for (size_t i = 0; i < count; i++) {
        const struct namespace_conf *n = entries[i].namespace;
        l->mapped[i] = entries[i].number;
        if (outer && strncmp(n->prefix, outer->prefix, outer->prefix_len) == 0)
            report_overlap(f, outer, n);
        else
            outer = n;
    }
}

// --- modes ------------------------------------------------------------------------------------

// Marks the namespaces that `namespaces` names; of all, those but `rest`.
static void mark_named(const struct fitter *f, bool *is_named) {
    const struct listener_conf *l = f->listener;
    for (size_t i = 0; i < l->namespaces.count; i++) {
        size_t number = find(f, "namespaces", l->namespaces.items[i]);
        if (number != NO_NAMESPACE)
            is_named[number] = true;
        if (number != NO_NAMESPACE && number == l->rest)
            problems_add(f->problems, line_of(f, "rest"),
                         "[listener %s]: rest = %s is among the namespaces: a key that begins with "
                         "its prefix would have two names",
                         l->name, l->rest_name);
    }
    for (size_t i = 0; l->namespaces.has_all && i < f->settings->namespace_count; i++)
        is_named[i] = i != l->rest;
}

static void fit_prefixes(const struct fitter *f) {
    const struct settings *s = f->settings;
    struct listener_conf *l = f->listener;
    bool *is_named = mem_new(s->namespace_count * sizeof(*is_named));
    struct entry *entries = mem_new(s->namespace_count * sizeof(*entries));
    size_t count = 0, errors = f->problems->error_count;
    if (*l->rest_name)
        l->rest = find(f, "rest", l->rest_name);
    mark_named(f, is_named);
    for (size_t i = 0; i < s->namespace_count; i++)
        if (is_named[i])
            entries[count++] = (struct entry){&s->namespaces[i], i};
    map_sorted(f, entries, count);
    bool is_empty = count == 0 && !*l->rest_name && s->namespace_count > 0;
    if (is_empty && l->speak == SPEAK_REDIS && f->problems->error_count == errors)
        problems_add(f->problems, line_of(f, "namespaces"),
                     "[listener %s] has no namespace: use namespaces = NAME, ... or *, "
                     "namespace = NAME or rest = NAME",
                     l->name);
    mem_free(entries);
    mem_free(is_named);
}

static void fit_bound(const struct fitter *f) {
    static const char *const others[] = {"namespaces", "rest"};
    struct listener_conf *l = f->listener;
    l->bound = find(f, "namespace", l->namespace_name);
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        if (is_given(f, others[i]))
            problems_add(f->problems, line_of(f, others[i]),
                         "[listener %s]: %s has no place beside namespace = %s, which holds all "
                         "keys: give one of them",
                         l->name, others[i], l->namespace_name);
}

static void fit_selects(const struct fitter *f) {
    const struct listener_conf *l = f->listener;
    bool *is_taken = mem_new((SELECT_MOST + 1) * sizeof(*is_taken));
    for (size_t i = 0; i < l->select_count; i++) {
        struct select_conf *select = &l->selects[i];
        select->namespace = find(f, "select", select->name);
        if (is_taken[select->number])
            problems_add(f->problems, line_of(f, "select"),
                         "[listener %s]: select %" PRId64 " is given twice", l->name,
                         select->number);
        is_taken[select->number] = true;
    }
    mem_free(is_taken);
}

void fit_listener(const struct settings *settings, struct listener_conf *l,
                  struct problems *problems) {
    struct fitter f = {settings, l, problems};
    if (!is_given(&f, "listen"))
        problems_add(problems, l->common.line,
                     "[listener %s] needs listen = unix:/PATH, tcp:HOST:PORT or systemd", l->name);
    if (!is_given(&f, "namespaces"))
        l->namespaces.has_all = true;
    if (*l->namespace_name)
        fit_bound(&f);
    else
        fit_prefixes(&f);
    fit_selects(&f);
}
