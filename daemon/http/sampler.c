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
    uv_work_t work;
    struct desk *desk;
    struct sampler *sampler; // NULL: the history has ended meanwhile
};

// This runs on another thread: with a thousand namespaces it takes milliseconds.
static void add_to_history(uv_work_t *work) {
    struct sample *sample = work->data;
    struct desk *desk = sample->desk;
    uv_mutex_lock(&desk->history_lock);
    if (desk->history)
        history_add(desk->history, &sample->totals);
    uv_mutex_unlock(&desk->history_lock);
    totals_deinit(&sample->totals);
}

static void on_added(uv_work_t *work, int status) {
    struct sample *sample = work->data;
    (void)status;
    if (sample->sampler)
        sample->sampler->under_way = NULL;
    mem_free(sample);
}

static void on_collected(struct totals *totals) {
    struct sample *sample = (struct sample *)totals;
    struct worker *main = sample->desk->daemon->workers.all[0];
    sample->work.data = sample;
    uv_queue_work(&main->context.loop.uv, &sample->work, add_to_history, on_added);
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
    s->under_way->desk = s->desk;
    totals_init(&s->under_way->totals, main->context.policy->settings, &everybody, false);
    totals_collect(&s->under_way->totals, workers, main, on_collected);
}

static void set_history(struct desk *desk, struct history *history) {
    uv_mutex_lock(&desk->history_lock);
    struct history *former = desk->history;
    desk->history = history;
    uv_mutex_unlock(&desk->history_lock);
    history_free(former);
}

void sampler_start(struct sampler *s, struct desk *desk) {
    if (s->desk)
        return;
    set_history(desk, history_new());
    *s = (struct sampler){.desk = desk, .seconds = HISTORY_STEP_S};
    take(s);
}

void sampler_stop(struct sampler *s) {
    if (!s->desk)
        return;
    if (s->under_way)
        s->under_way->sampler = NULL;
    set_history(s->desk, NULL);
    *s = (struct sampler){0};
}

void sampler_tick(struct sampler *s) {
    if (++s->seconds >= HISTORY_STEP_S)
        take(s);
}
