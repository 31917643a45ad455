#include "daemon/http/notices.h"

#include <inttypes.h>
#include <stdlib.h>

#include "conf/sections.h"
#include "conf/settings.h"
#include "daemon/admin/totals.h"
#include "daemon/backend/backend.h"
#include "daemon/daemon.h"
#include "daemon/http/history.h"
#include "protocol/mem.h"
#include "protocol/number.h"
#include "protocol/refusal.h"
#include "protocol/reply.h"

enum { SHOWN_NAMES = 4, BUSY_PERCENT = 90 };

#define LAST_MINUTE "in the last minute"

static struct notice *add(struct notices *all, enum notice_kind kind, uint64_t since_ms) {
    all->items = mem_grow(all->items, all->count, sizeof(*all->items));
    struct notice *n = &all->items[all->count++];
    *n = (struct notice){.kind = kind, .since_ms = since_ms};
    return n;
}

static void append_requests(struct bytes *text, uint64_t count) {
    bytes_printf(text, "%" PRIu64 " request%s", count, count == 1 ? "" : "s");
}

// Appends "a", "a and b", "a, b and 7 more", one name a call.
struct list {
    struct bytes *text;
    size_t count, total;
};

static void append_item(struct list *list, const char *name) {
    size_t at = list->count++;
    bool is_last = at + 1 == list->total;
    if (at < SHOWN_NAMES || (at == SHOWN_NAMES && is_last))
        bytes_printf(list->text, "%s%s", at == 0 ? "" : is_last ? " and " : ", ", name);
    else if (at == SHOWN_NAMES)
        bytes_printf(list->text, " and %zu more", list->total - SHOWN_NAMES);
}

// --- backends ---------------------------------------------------------------------------------

static size_t count_of(const struct facts *f, size_t backend, enum on_error on_error) {
    size_t count = 0;
    for (size_t i = 0; i < f->totals.settings->namespace_count; i++) {
        const struct namespace_conf *n = &f->totals.settings->namespaces[i];
        count += f->totals.sees_namespace[i] && n->backend == backend &&
                 n->on_error == (int64_t)on_error;
    }
    return count;
}

// Appends what becomes of the requests of its namespaces, by their on_error.
static void append_effects(struct bytes *text, const struct facts *f, size_t backend) {
    static const char *const effects[] = {
        [ON_ERROR_ERROR] = "UNAVAILABLE",
        [ON_ERROR_MISS] = "reads as if nothing were there",
        [ON_ERROR_STALE] = "memo.get with what it has kept, and else UNAVAILABLE",
    };
    for (int on_error = ON_ERROR_ERROR; on_error <= ON_ERROR_STALE; on_error++) {
        struct list list = {text, 0, count_of(f, backend, (enum on_error)on_error)};
        if (list.total == 0)
            continue;
        bytes_append_literal(text, " ");
        for (size_t i = 0; i < f->totals.settings->namespace_count; i++) {
            const struct namespace_conf *n = &f->totals.settings->namespaces[i];
            if (f->totals.sees_namespace[i] && n->backend == backend && n->on_error == on_error)
                append_item(&list, n->name);
        }
        bytes_printf(text, " answer%s %s.", list.total == 1 ? "s" : "", effects[on_error]);
    }
}

// Appends a text that begins a sentence.
static void append_capital(struct bytes *text, const char *words) {
    size_t at = text->len;
    bytes_append_slice(text, slice_of(words));
    if (words[0] >= 'a' && words[0] <= 'z')
        text->data[at] = (char)(words[0] - 'a' + 'A');
}

// Returns what a person can do about a fault of the server, which redis_error.c has these words
// for.
static const char *advice_for(const char *reason) {
    static const char *const advices[][2] = {
        {"is out of memory", "Writes answer OVERLOADED. Raise maxmemory there, or set a "
                             "maxmemory-policy that evicts."},
        {"is a read-only replica", "Writes answer UNAVAILABLE. Its url should name the master, or "
                                   "the sentinels that know it."},
        {"is loading its data", "Requests answer UNAVAILABLE until it has started."},
        {"is busy with a script", "Requests answer OVERLOADED until that ends."},
        {"has too few replicas", "Writes answer UNAVAILABLE: see min-replicas-to-write there."},
        {"can't save its data", "Writes answer UNAVAILABLE: see its log and disk."},
        {"refuses this daemon's account", "Requests answer UNAVAILABLE: see its ACL, and user and "
                                          "password in the url or password_file."},
        {"has lost its master", "Requests answer UNAVAILABLE until that is back."},
        {"has too many clients", "Requests answer UNAVAILABLE: see maxclients there."},
    };
    for (size_t i = 0; i < sizeof(advices) / sizeof(*advices); i++)
        if (strcmp(reason, advices[i][0]) == 0)
            return advices[i][1];
    return "";
}

static void note_state(struct notices *all, const struct facts *f, size_t i) {
    const struct backend_totals *b = &f->totals.backends[i];
    const char *name = f->totals.settings->backends[i].name, *state = totals_state(b);
    enum backend_health health = b->state.health;
    struct notice *n;
    if (b->state.since_ms == 0 || health == BACKEND_WELL)
        return;
    n = add(all, health == BACKEND_CONNECTING ? NOTICE_WARN : NOTICE_BAD, b->state.since_ms);
    if (health == BACKEND_UNFIT || health == BACKEND_TROUBLED) {
        bytes_printf(&n->what, "%s %s.", name, *b->reason ? b->reason : "is not well");
        bytes_printf(&n->text, "%s", advice_for(b->reason));
        return;
    }
    bytes_printf(&n->what, "%s %s.", name,
                 health == BACKEND_PARTLY       ? "serves only some keys"
                 : health == BACKEND_CONNECTING ? "is connecting"
                                                : "is down");
    append_capital(&n->text, *b->reason ? b->reason : state);
    bytes_printf(&n->text, ".%s", health == BACKEND_LOST ? " It is tried again all the time." : "");
    append_effects(&n->text, f, i);
}

static bool is_down(const struct backend_totals *b) {
    return b->state.since_ms > 0 && b->state.health >= BACKEND_CONNECTING;
}

static void note_times(struct notices *all, const struct facts *f, size_t i) {
    const struct backend_view *v = &f->view.backends[i];
    const struct backend_conf *conf = &f->totals.settings->backends[i];
    bool is_slow = v->p99_us * 2 >= (float)conf->timeout_ms * 1000;
    if (v->timeouts == 0 && v->waits == 0 && !is_slow)
        return;
    struct notice *n = add(all, v->timeouts > 0 ? NOTICE_BAD : NOTICE_WARN, 0);
    bytes_printf(&n->what, "%s %s.", conf->name,
                 v->timeouts > 0 ? "answers too late"
                 : is_slow       ? "is slow"
                                 : "has no room");
    if (v->timeouts > 0) {
        append_requests(&n->text, v->timeouts);
        bytes_append_literal(&n->text, " timed out " LAST_MINUTE ": timeout is ");
        number_append_duration(&n->text, conf->timeout_ms);
        bytes_append_literal(&n->text, ", and they answer TIMEOUT, though writes may have been "
                                       "applied. ");
    }
    if (v->p99_us > 0)
        bytes_printf(&n->text, "One of a hundred answers takes %.0f ms or more. ",
                     (double)v->p99_us / 1000);
    if (v->waits > 0) {
        append_requests(&n->text, v->waits);
        bytes_printf(&n->text, " waited for room " LAST_MINUTE ": max_pending is %" PRId64 ". ",
                     conf->max_pending);
    }
    bytes_append_literal(&n->text, "Look at that server: its slow log, its CPU, its network.");
}

static void note_tracking(struct notices *all, const struct facts *f, size_t i) {
    const struct backend_totals *b = &f->totals.backends[i];
    if (b->tracking == b->live || is_down(b))
        return;
    struct notice *n = add(all, NOTICE_WARN, 0);
    bytes_printf(&n->what, "News of changes at %s is lost.", f->totals.settings->backends[i].name);
    bytes_append_literal(&n->text, "Nothing is read from memory until it is back, so reads take "
                                   "longer; none is stale. The log says why.");
}

static void note_backends(struct notices *all, const struct facts *f) {
    for (size_t i = 0; i < f->totals.settings->backend_count; i++) {
        if (!f->totals.sees_backend[i])
            continue;
        note_state(all, f, i);
        note_times(all, f, i);
        note_tracking(all, f, i);
    }
}

// --- policy -----------------------------------------------------------------------------------

static void append_rule(struct bytes *text, const struct namespace_conf *n, int rule) {
    switch ((enum refusal_reason)rule) {
    case REFUSED_COLLECTION:
        bytes_append_literal(text, "of a collection not among collections =");
        break;
    case REFUSED_VERB: bytes_append_literal(text, "with a verb that deny = names"); break;
    case REFUSED_READONLY: bytes_append_literal(text, "that write, by readonly = yes"); break;
    case REFUSED_KEY:
        bytes_append_literal(text, "with a key longer than max_key = ");
        number_append_size(text, n->max_key);
        break;
    case REFUSED_VALUE:
        bytes_append_literal(text, "with a value longer than max_value = ");
        number_append_size(text, n->max_value);
        break;
    case REFUSED_KIND:
        bytes_printf(text, "with a value that is no %s, by value =",
                     n->value == VALUE_INT ? "integer" : "JSON");
        break;
    case REFUSED_TTL:
        bytes_append_literal(text, "with a ttl= beyond max_ttl = ");
        number_append_duration(text, n->max_ttl_ms);
        bytes_append_literal(text, ", by over_ttl = reject");
        break;
    case REFUSALS: break;
    }
}

static void note_refusals(struct notices *all, const struct facts *f, size_t i) {
    const struct namespace_conf *conf = &f->totals.settings->namespaces[i];
    const uint64_t *refused = f->view.namespaces[i].last.refused;
    struct notice *n = NULL;
    for (int rule = 0; rule < REFUSALS; rule++) {
        if (refused[rule] == 0)
            continue;
        if (!n) {
            n = add(all, NOTICE_WARN, 0);
            bytes_printf(&n->what, "%s refuses requests by its policy.", conf->name);
            bytes_append_literal(&n->text, "In the last minute ");
            append_requests(&n->text, refused[rule]);
        } else {
            bytes_printf(&n->text, ", %" PRIu64, refused[rule]);
        }
        bytes_append_literal(&n->text, " ");
        append_rule(&n->text, conf, rule);
    }
    if (n)
        bytes_append_literal(&n->text, ". They answer POLICY.");
}

// --- errors -----------------------------------------------------------------------------------

struct explanation {
    enum reply_code code;
    enum notice_kind kind;
    const char *what, *text; // text: follows "12 requests in the last minute "
};

static const struct explanation explanations[] = {
    {REPLY_NOAUTH, NOTICE_WARN, "Clients are not let in.",
     "brought a wrong token, or none (NOAUTH). What happened below says whose tokens are wrong; "
     "their hashes stand in the [user] sections."},
    {REPLY_NOPERM, NOTICE_WARN, "Users lack rights.",
     "asked for what their user may not do (NOPERM): see access and namespaces of the [user] "
     "sections."},
    {REPLY_NAMESPACE, NOTICE_WARN, "Clients ask for namespaces that are not there.",
     "named one that is not configured, or is not theirs (NAMESPACE)."},
    {REPLY_INTERNAL, NOTICE_BAD, "A backend gives answers that are not understood.",
     "ended as INTERNAL: the log says what came."},
    {REPLY_LOST, NOTICE_BAD, "Connections to a backend broke.",
     "were under way then, and answer LOST: writes among them may have been applied."},
    {REPLY_WRONGTYPE, NOTICE_NOTE, "Clients mistake collections.",
     "used a key as another collection than it is (WRONGTYPE)."},
    {REPLY_ARGS, NOTICE_NOTE, "Clients misspell requests.", "had wrong arguments (ARGS)."},
    {REPLY_VERB, NOTICE_NOTE, "Clients misspell requests.", "named no verb that there is (VERB)."},
    {REPLY_PROTOCOL, NOTICE_NOTE, "Something else speaks to the daemon.",
     "were none at all (PROTOCOL): perhaps HTTP at a port of the protocol."},
};

// Of what no backend and no policy tells the cause.
static void note_failures(struct notices *all, const uint64_t *errors) {
    uint64_t unavailable = errors[REPLY_UNAVAILABLE], late = errors[REPLY_TIMEOUT];
    uint64_t overloaded = errors[REPLY_OVERLOADED], sum = unavailable + late + overloaded;
    if (sum == 0 || notices_worst(all) == NOTICE_BAD)
        return;
    struct notice *n = add(all, NOTICE_WARN, 0);
    bytes_append_literal(&n->what, "Requests failed a moment ago.");
    bytes_printf(&n->text,
                 "%" PRIu64 " UNAVAILABLE, %" PRIu64 " TIMEOUT and %" PRIu64
                 " OVERLOADED " LAST_MINUTE ". %s",
                 unavailable, late, overloaded,
                 overloaded > 0 ? "OVERLOADED tells of no room at a backend, or of a reply beyond "
                                  "client_output."
                                : "All backends serve now: what happened below says more.");
}

static void note_errors(struct notices *all, const struct facts *f) {
    uint64_t errors[REPLY_CODE_COUNT];
    history_sum_errors(&f->view, &f->totals, errors);
    note_failures(all, errors);
    for (size_t i = 0; i < sizeof(explanations) / sizeof(*explanations); i++) {
        const struct explanation *e = &explanations[i];
        if (errors[e->code] == 0)
            continue;
        struct notice *n = add(all, e->kind, 0);
        bytes_printf(&n->what, "%s", e->what);
        append_requests(&n->text, errors[e->code]);
        bytes_printf(&n->text, " " LAST_MINUTE " %s", e->text);
    }
}

// --- the daemon -------------------------------------------------------------------------------

static void note_daemon(struct notices *all, const struct facts *f) {
    struct notice *n;
    uint64_t most = f->totals.stats.max_clients;
    if (!f->totals.process.is_reload_good) {
        n = add(all, NOTICE_WARN, 0);
        bytes_append_literal(&n->what, "The last reload was refused.");
        bytes_append_literal(&n->text, "The former settings are in force. `cachesd -t` names what "
                                       "is wrong with the file, and so does the log.");
    }
    if (most > 0 && f->totals.clients * 100 >= most * BUSY_PERCENT) {
        n = add(all, f->totals.clients >= most ? NOTICE_BAD : NOTICE_WARN, 0);
        bytes_append_literal(&n->what, "Nearly all clients are there.");
        bytes_printf(&n->text,
                     "%" PRIu64 " of %" PRIu64 ": more are turned away. Raise max_clients.",
                     f->totals.clients, most);
    }
    for (size_t i = 0; i < f->view.workers; i++) {
        if (f->view.busy[i] * 100 < BUSY_PERCENT)
            continue;
        n = add(all, NOTICE_WARN, 0);
        bytes_printf(&n->what, "Worker %zu is busy.", i);
        bytes_printf(&n->text,
                     "Its thread worked %.0f %% of the last seconds, so its clients wait. More "
                     "workers share the load.",
                     (double)f->view.busy[i] * 100);
    }
}

// --- all --------------------------------------------------------------------------------------

static int compare(const void *a, const void *b) {
    const struct notice *left = a, *right = b;
    return (int)right->kind - (int)left->kind;
}

void notices_find(struct notices *all, const struct facts *facts) {
    *all = (struct notices){0};
    note_backends(all, facts);
    for (size_t i = 0; i < facts->totals.settings->namespace_count; i++)
        if (facts->totals.sees_namespace[i])
            note_refusals(all, facts, i);
    note_errors(all, facts);
    note_daemon(all, facts);
    if (all->count > 0)
        qsort(all->items, all->count, sizeof(*all->items), compare);
}

void notices_deinit(struct notices *all) {
    for (size_t i = 0; i < all->count; i++) {
        bytes_deinit(&all->items[i].what);
        bytes_deinit(&all->items[i].text);
    }
    mem_free(all->items);
    *all = (struct notices){0};
}

enum notice_kind notices_worst(const struct notices *all) {
    enum notice_kind worst = NOTICE_NOTE;
    for (size_t i = 0; i < all->count; i++)
        worst = all->items[i].kind > worst ? all->items[i].kind : worst;
    return worst;
}
