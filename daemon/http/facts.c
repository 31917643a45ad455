#include "daemon/http/facts.h"

#include "conf/settings.h"
#include "daemon/backend/backend.h"
#include "daemon/backend/route.h"
#include "daemon/daemon.h"
#include "daemon/loop/loop.h"
#include "daemon/policy/policy.h"
#include "daemon/request/context.h"
#include "daemon/worker.h"
#include "daemon/workers.h"
#include "protocol/mem.h"

void facts_free(struct facts *facts) {
    if (!facts)
        return;
    const struct settings *settings = facts->totals.settings;
    if (settings) {
        for (size_t i = 0; facts->routes && i < settings->backend_count; i++)
            bytes_deinit(&facts->routes[i]);
        history_view_deinit(&facts->view, settings->namespace_count);
        totals_deinit(&facts->totals);
    }
    mem_free(facts->routes);
    identity_deinit(&facts->reader);
    mem_free(facts);
}

// --- on the main thread -----------------------------------------------------------------------

// The policy in force may be another by now than the one whose settings the totals list.
static void note_routes(struct facts *facts, const struct policy *policy) {
    const struct settings *settings = facts->totals.settings;
    facts->routes = mem_new(settings->backend_count * sizeof(*facts->routes));
    if (policy->settings != settings)
        return;
    for (size_t i = 0; i < settings->backend_count; i++) {
        const struct backend *b = policy->backends[i];
        if (facts->totals.sees_backend[i] && b->route->append_state && !b->is_stopping)
            b->route->append_state(b, &facts->routes[i]);
    }
}

static void on_collected(struct totals *totals) {
    struct facts *facts = (struct facts *)totals;
    const struct workers *workers = &facts->desk->daemon->workers;
    const struct context *context = &workers->all[0]->context;
    if (facts->has_view) {
        facts->now_ms = loop_now(&context->loop);
        facts->started_ms = workers->shared.started_ms;
        note_routes(facts, context->policy);
    }
    if (!desk_finish(facts->desk, facts->guest, facts))
        facts_free(facts);
}

static void run_ask(struct message *message, void *owner) {
    struct facts *facts = CONTAINER_OF(message, struct facts, message);
    struct worker *main = owner;
    struct settings *settings = main->context.policy ? main->context.policy->settings : NULL;
    desk_look(facts->desk);
    if (main->is_closed || !settings || !desk_is_waiting(facts->desk, facts->guest)) {
        facts_free(facts);
        return;
    }
    identity_identify(&facts->reader, settings);
    facts->is_admin = identity_is_admin(&facts->reader);
    facts->sees_all = !identity_is_limited(&facts->reader);
    totals_init(&facts->totals, settings, &facts->reader, false);
    facts->totals.has_slow = facts->has_view;
    totals_collect(&facts->totals, workers_of(&main->context), main, on_collected);
}

// --- on any thread ----------------------------------------------------------------------------

void facts_ask(struct desk *desk, const struct guest *guest, struct identity *reader,
               bool has_view) {
    struct facts *facts = mem_new(sizeof(*facts));
    facts->message.run = run_ask;
    facts->desk = desk;
    facts->guest = guest->id;
    facts->has_view = has_view;
    facts->reader = *reader;
    *reader = (struct identity){0};
    if (!desk_post(desk, &facts->message))
        facts_free(facts); // the door is shut in a moment
}

bool facts_look_back(struct facts *facts) {
    struct desk *desk = facts->desk;
    uv_mutex_lock(&desk->history_lock);
    if (desk->history)
        history_view(desk->history, &facts->totals, facts->sees_all, &facts->view);
    uv_mutex_unlock(&desk->history_lock);
    return facts->view.namespaces;
}

struct look {
    struct message message;
    struct desk *desk;
};

static void run_look(struct message *message, void *owner) {
    struct look *look = (struct look *)message;
    (void)owner;
    desk_look(look->desk);
    mem_free(look);
}

void facts_ask_to_look(struct desk *desk) {
    struct look *look = mem_new(sizeof(*look));
    *look = (struct look){.message.run = run_look, .desk = desk};
    if (!desk_post(desk, &look->message))
        mem_free(look);
}
