#include "daemon/http/sampler.h"

#include "daemon/admin/totals.h"
#include "daemon/daemon.h"
#include "daemon/http/desk.h"
#include "daemon/http/history.h"
#include "daemon/policy/identity.h"
#include "daemon/policy/policy.h"
#include "daemon/worker.h"
#include "daemon/workers.h"
#include "protocol/mem.h"

struct sample {
    struct totals totals;
    struct sampler *sampler; // NULL: the history has ended meanwhile
};

static void on_collected(struct totals *totals) {
    struct sample *sample = (struct sample *)totals;
    if (sample->sampler) {
        history_add(sample->sampler->desk->history, totals);
        sample->sampler->under_way = NULL;
    }
    totals_deinit(totals);
    mem_free(sample);
}

// The first is taken at once, so that the first view has something to compare with.
static void take(struct sampler *s) {
    const struct identity everybody = {.is_trusted = true}; // sees all
    struct workers *workers = &s->desk->daemon->workers;
    struct worker *main = workers->all[0];
    if (s->under_way || !main->context.policy || main->is_closed)
        return;
    s->seconds = 0;
    s->under_way = mem_new(sizeof(*s->under_way));
    s->under_way->sampler = s;
    totals_init(&s->under_way->totals, main->context.policy->settings, &everybody, false);
    totals_collect(&s->under_way->totals, workers, main, on_collected);
}

void sampler_start(struct sampler *s, struct desk *desk) {
    if (desk->history)
        return;
    desk->history = history_new();
    *s = (struct sampler){.desk = desk, .seconds = HISTORY_STEP_S};
    take(s);
}

void sampler_stop(struct sampler *s) {
    if (!s->desk)
        return;
    if (s->under_way)
        s->under_way->sampler = NULL;
    history_free(s->desk->history);
    s->desk->history = NULL;
    *s = (struct sampler){0};
}

void sampler_tick(struct sampler *s) {
    if (++s->seconds >= HISTORY_STEP_S)
        take(s);
}
