#include "daemon/http/facts.h"

#include "conf/settings.h"
#include "daemon/daemon.h"
#include "daemon/policy/policy.h"
#include "daemon/worker.h"
#include "daemon/workers.h"
#include "protocol/mem.h"

void facts_free(struct facts *facts) {
    if (!facts)
        return;
    if (facts->totals.settings)
        totals_deinit(&facts->totals);
    identity_deinit(&facts->reader);
    mem_free(facts);
}

static void on_collected(struct totals *totals) {
    struct facts *facts = (struct facts *)totals;
    if (!desk_finish(facts->desk, facts->guest, facts))
        facts_free(facts);
}

// This runs on the main thread.
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
    totals_init(&facts->totals, settings, &facts->reader, false);
    totals_collect(&facts->totals, workers_of(&main->context), main, on_collected);
}

void facts_ask(struct desk *desk, const struct guest *guest, struct identity *reader) {
    struct facts *facts = mem_new(sizeof(*facts));
    facts->message.run = run_ask;
    facts->desk = desk;
    facts->guest = guest->id;
    facts->reader = *reader;
    *reader = (struct identity){0};
    if (!desk_post(desk, &facts->message))
        facts_free(facts); // the door is shut in a moment
}

// --- only to look -----------------------------------------------------------------------------

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
