#include "daemon/backend/backend.h"

#include <stdio.h>

#include "conf/url.h"
#include "daemon/loop/complaint.h"
#include "daemon/loop/log.h"
#include "daemon/loop/log_event.h"
#include "daemon/near/store.h"
#include "protocol/answer.h"
#include "protocol/mem.h"

// A trouble is over when no answer has told of it for so long.
enum { TROUBLE_MS = 10000, REREAD_MS = 60000 };

// --- life -------------------------------------------------------------------------------------

static void free_if_let_go(struct backend *b) {
    if (b->handles > 0 || b->refs > 0)
        return;
    settings_unref(b->settings);
    tls_client_unref(b->tls);
    account_deinit(&b->account);
    prefixes_deinit(&b->prefixes);
    mem_free((char *)b->path);
    mem_free(b);
}

static void on_waiting_closed(uv_handle_t *timer) {
    struct backend *b = CONTAINER_OF(timer, struct backend, waiting.timer);
    b->handles--;
    free_if_let_go(b);
}

struct backend *backend_ref(struct backend *b) {
    b->refs++;
    return b;
}

void backend_unref(struct backend *b) {
    b->refs--;
    free_if_let_go(b);
}

static bool is_same_text(const char *a, const char *b) {
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool has_same_sentinels(const struct backend_conf *a, const struct backend_conf *b) {
    return is_same_text(a->sentinel_user, b->sentinel_user) &&
           is_same_text(a->sentinel_password, b->sentinel_password) &&
           a->sentinel_tls == b->sentinel_tls;
}

// A password from a file may change, also while the settings stay.
static bool has_same_url(const struct backend_conf *a, const struct backend_conf *b) {
    bool has_file = *a->password_file && strcmp(a->password_file, b->password_file) == 0;
    return has_file ? url_is_same_but_password(&a->url, &b->url) : url_is_same(&a->url, &b->url);
}

static bool has_same_tls(const struct backend_conf *a, const struct backend_conf *b) {
    return strcmp(a->tls_ca, b->tls_ca) == 0 && strcmp(a->tls_cert, b->tls_cert) == 0 &&
           strcmp(a->tls_key, b->tls_key) == 0 && a->tls_verify == b->tls_verify &&
           strcmp(a->tls_server_name, b->tls_server_name) == 0 && a->tls_min == b->tls_min &&
           strcmp(a->tls_ciphers, b->tls_ciphers) == 0;
}

bool backend_has_conf(const struct backend *b, const struct backend_conf *conf) {
    return has_same_tls(b->conf, conf) && strcmp(b->conf->name, conf->name) == 0 &&
           has_same_url(b->conf, conf) && has_same_sentinels(b->conf, conf) &&
           b->conf->connect_timeout_ms == conf->connect_timeout_ms &&
           b->conf->timeout_ms == conf->timeout_ms && b->conf->max_pending == conf->max_pending;
}

void backend_renew(struct backend *b, const struct backend_conf *conf) {
    struct tls_client *old = b->tls;
    b->tls = tls_client_ref(conf->tls);
    tls_client_unref(old);
    secret_set(&b->secret, conf->url.password);
}

static const struct secret_events secret_events;

struct backend *backend_new(struct loop *loop, struct settings *settings,
                            const struct backend_conf *conf, const struct route *route,
                            const char *path, void (*on_settled)(void *owner), void *owner) {
    struct backend *b = mem_new(sizeof(*b));
    b->loop = loop;
    b->settings = settings_ref(settings);
    b->conf = conf;
    b->route = route;
    b->hash_slot_of = route->hash_slot;
    b->most_output = SIZE_MAX; // until the owner sets it
    b->on_settled = on_settled;
    b->owner = owner;
    b->tls = tls_client_ref(conf->tls);
    bool has_file = conf->url.kind != URL_EMBEDDED;
    secret_init(&b->secret, loop, has_file ? conf->password_file : "", conf->file,
                conf->url.password, REREAD_MS, &secret_events);
    b->family = (struct node_family){.loop = loop,
                                     .conf = conf,
                                     .account = &b->account,
                                     .events = route->events,
                                     .owner = b,
                                     .tls = conf->url.is_tls ? &b->tls : NULL,
                                     .secret = &b->secret,
                                     .eviction = b->eviction};
    waiting_room_init(&b->waiting, loop, (uint64_t)conf->timeout_ms);
    b->handles = 2; // the waiting room's timer, and the secret
    route->start(b, path);
    return b;
}

// --- the route of a backend that is freed, while policies still refer to it
// ------------------------

static void do_nothing(struct backend *b) { (void)b; }

static struct backend_conn *pick_none(struct backend *b, unsigned hash_slot,
                                      enum backend_room *room) {
    (void)b;
    (void)hash_slot;
    *room = BACKEND_DOWN;
    return NULL;
}

static const struct near_source *no_source(struct backend *b, unsigned hash_slot) {
    (void)b;
    (void)hash_slot;
    return NULL;
}

static struct node *no_node(const struct backend *b, unsigned hash_slot) {
    (void)b;
    (void)hash_slot;
    return NULL;
}

static unsigned no_nodes(const struct backend *b) {
    (void)b;
    return 0;
}

static void judge_lost(const struct backend *b, struct backend_state *state) {
    *state = (struct backend_state){BACKEND_LOST, NULL, loop_now(b->loop)};
}

static const struct route route_gone = {.stop = do_nothing,
                                        .free = do_nothing,
                                        .pick = pick_none,
                                        .source = no_source,
                                        .node_of = no_node,
                                        .node_most = no_nodes,
                                        .tracked = do_nothing,
                                        .judge = judge_lost,
                                        .wake = do_nothing};

// --- end --------------------------------------------------------------------------------------

void backend_stop(struct backend *b) {
    b->is_stopping = true;
    b->conn = NULL;
    b->route->stop(b);
    while (b->waiting.first)
        waiting_room_call_first(&b->waiting, true);
}

void backend_free(struct backend *b) {
    backend_stop(b);
    b->source = NULL;
    b->hash_slot_of = NULL;
    b->route->free(b);
    b->route = &route_gone;
    b->is_restless = false;
    waiting_room_close(&b->waiting, on_waiting_closed);
    secret_close(&b->secret);
}

void backend_settle(struct backend *b) {
    if (b->is_settled)
        return;
    b->is_settled = true;
    b->on_settled(b->owner);
}

void backend_each_node(const struct backend *b, void (*visit)(struct node *node, void *context),
                       void *context) {
    unsigned most = b->route->node_most(b);
    for (unsigned i = 0; i < most; i++) {
        struct node *node = b->route->node_at(b, i);
        if (node)
            visit(node, context);
    }
}

// --- the password -----------------------------------------------------------------------------

static struct backend *backend_of(struct secret *s) {
    return CONTAINER_OF(s, struct backend, secret);
}

static void complain(const struct backend *b, enum log_event event, const char *cause,
                     const char *reason) {
    complaints_add(b->loop->complaints, &b->loop->log, loop_now(b->loop), event,
                   &LOG_VALUES(log_text(FIELD_BACKEND, b->conf->name), log_text(FIELD_CAUSE, cause),
                               log_text(FIELD_REASON, reason)));
}

static void authenticate(struct node *node, void *unused) {
    (void)unused;
    node_authenticate(node);
}

static void on_secret_changed(struct secret *s) {
    complain(backend_of(s), LOG_PASSWORD_CHANGED, NULL, NULL);
    backend_each_node(backend_of(s), authenticate, NULL);
}

static void on_secret_trouble(struct secret *s, const char *why) {
    complain(backend_of(s), LOG_PASSWORD_UNREADABLE, NULL, why);
}

static void on_secret_closed(struct secret *s) {
    struct backend *b = backend_of(s);
    b->handles--;
    free_if_let_go(b);
}

static const struct secret_events secret_events = {on_secret_changed, on_secret_trouble,
                                                   on_secret_closed};

// --- troubles ---------------------------------------------------------------------------------

// Of two troubles at a time the worse is shown.
static void note_trouble(struct backend *b, enum fault fault, const char *cause) {
    struct backend_trouble *t = &b->trouble;
    uint64_t now = loop_now(b->loop);
    bool is_unfit = fault == FAULT_UNFIT;
    bool is_on = t->cause && now - t->last_ms < TROUBLE_MS;
    if (is_on && t->is_unfit && !is_unfit)
        return;
    if (!is_on || strcmp(t->cause, cause) != 0)
        t->since_ms = now;
    t->cause = cause;
    t->is_unfit = is_unfit;
    t->last_ms = now;
}

static void check_account(struct node *node, void *context) {
    (void)context;
    node_check_account(node);
}

static void check_accounts(struct backend *b) { backend_each_node(b, check_account, NULL); }

void backend_note_fault(struct backend *b, struct node *node, enum fault fault, const char *cause,
                        const char *detail) {
    complain(b, LOG_BACKEND_FAULT, cause, detail);
    note_trouble(b, fault, cause);
    if (fault == FAULT_DENIED)
        check_accounts(b);
    if (fault != FAULT_TOLD && node)
        node_renew(node);
}

void backend_note_answer(void *owner, struct node *node, const struct answer *answer) {
    backend_note_fault(owner, node, answer->fault, answer->fault_cause, answer->fault_words);
}

struct backend_state backend_state(const struct backend *b) {
    const struct backend_trouble *t = &b->trouble;
    struct backend_state state = {BACKEND_WELL, NULL, 0};
    b->route->judge(b, &state);
    if (state.health != BACKEND_WELL || !t->cause || loop_now(b->loop) - t->last_ms >= TROUBLE_MS)
        return state;
    return (struct backend_state){t->is_unfit ? BACKEND_UNFIT : BACKEND_TROUBLED, t->cause,
                                  t->since_ms};
}

// --- what its namespaces need -----------------------------------------------------------------

static void track(struct node *node, void *context) {
    const struct backend *b = context;
    node_track(node, &b->prefixes);
}

void backend_track(struct backend *b, struct prefixes prefixes) {
    if (slice_equal(bytes_slice(&b->prefixes.words), bytes_slice(&prefixes.words))) {
        prefixes_deinit(&prefixes);
        return;
    }
    prefixes_deinit(&b->prefixes);
    b->prefixes = prefixes;
    b->source = NULL;
    // Other workers may follow the same prefixes already, and have not heard of writes made here.
    near_store_forget_all(b->loop->near);
    backend_each_node(b, track, b);
    b->route->tracked(b);
}

void backend_need(struct backend *b, const struct rights *rights, uint64_t commands,
                  struct slice key) {
    bool is_more = commands & ~b->account.needs;
    b->account.rights = rights;
    b->account.needs = commands;
    b->account.key.len = 0;
    bytes_append_slice(&b->account.key, key);
    if (is_more)
        check_accounts(b);
}

// --- room -------------------------------------------------------------------------------------

static bool may_go_on(const void *context, unsigned hash_slot) {
    struct backend *b = (struct backend *)context;
    enum backend_room room;
    (void)b->route->pick(b, hash_slot, &room);
    return !backend_room_may_come(room);
}

void backend_look(struct backend *b) {
    b->route->wake(b);
    if (!b->waiting.first)
        return;
    if (b->hash_slot_of) {
        waiting_room_call_ready(&b->waiting, may_go_on, b);
        return;
    }
    // A waiter whose request finds no room after all queues up behind the others.
    while (b->waiting.first && may_go_on(b, 0))
        waiting_room_call_first(&b->waiting, false);
}

// --- sums -------------------------------------------------------------------------------------

static void add_pending(struct node *node, void *context) {
    *(size_t *)context += node_pending(node);
}

size_t backend_pending(const struct backend *b) {
    size_t pending = 0;
    backend_each_node(b, add_pending, &pending);
    return pending;
}

static void add_node(struct node *node, void *context) {
    struct backend_sums *sums = context;
    const struct tracker *t = node->tracker;
    node_add_counters(node, &sums->conns);
    sums->connects += node->connects;
    sums->failures = node->failures > sums->failures ? node->failures : sums->failures;
    if (!t)
        return;
    sums->tracking++;
    sums->live += near_source_is_live(&t->source, loop_now(node->family->loop));
    sums->invalidations += t->invalidations;
    sums->flushes += t->flushes;
    sums->losses += t->losses;
}

struct backend_sums backend_sum(const struct backend *b) {
    struct backend_sums sums = {0};
    backend_each_node(b, add_node, &sums);
    return sums;
}
