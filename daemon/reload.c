#include "daemon/reload.h"

#include <time.h>
#include <unistd.h>

#include "conf/loader.h"
#include "conf/tls_context.h"
#include "daemon/loop/log.h"
#include "daemon/loop/log_event.h"
#include "daemon/loop/loop.h"
#include "protocol/hash.h"

enum { WINDOW_MS = 10000, WINDOW_LINES = 200 };

void reload_init(struct reload *reload, struct loop *loop, const char *file,
                 const struct verb_table *verbs, const struct reload_events *events, void *owner) {
    *reload = (struct reload){
        .loop = loop, .file = file, .verbs = verbs, .events = events, .owner = owner};
    reload->good_s = time(NULL);
    reload->work.data = reload;
}

// --- askers -----------------------------------------------------------------------------------

static void cancel_list(struct reload_ask **list) {
    while (*list) {
        struct reload_ask *ask = *list;
        *list = ask->next;
        ask->outcome = RELOAD_ENDING;
        ask->on_done(ask);
    }
}

void reload_end(struct reload *reload) { reload->is_ending = true; }

void reload_cancel(struct reload *reload) {
    reload_end(reload);
    cancel_list(&reload->waiting);
    cancel_list(&reload->later);
    reload->is_wanted_again = false;
}

static void append_problem(struct reload *reload, struct bytes *problem) {
    problems_append_first(&reload->problems, problem);
    if (reload->problems.error_count > 1)
        bytes_printf(problem, " (and %zu more: see the log)", reload->problems.error_count - 1);
}

static void answer_all(struct reload *reload, bool is_good) {
    struct reload_ask *ask = reload->waiting;
    reload->waiting = NULL;
    while (ask) {
        struct reload_ask *next = ask->next;
        ask->outcome = is_good ? RELOAD_DONE : RELOAD_REFUSED;
        if (!is_good)
            append_problem(reload, &ask->problem);
        ask->on_done(ask);
        ask = next;
    }
}

// --- the log ----------------------------------------------------------------------------------

void reload_sweep(struct reload *reload) {
    uint64_t now = loop_now(reload->loop);
    if (now - reload->window_ms < WINDOW_MS)
        return;
    if (reload->untold > 0)
        log_tell(&reload->loop->log, LOG_RELOAD_MORE, log_number(FIELD_NUMBER, reload->untold));
    reload->window_ms = now;
    reload->lines = reload->untold = 0;
}

static uint64_t hash_problems(struct reload *reload) {
    struct bytes text = {0};
    problems_append(&reload->problems, &text);
    uint64_t hash = hash_slice(bytes_slice(&text), 0);
    bytes_deinit(&text);
    return hash;
}

static void log_outcome(struct reload *reload, bool is_good) {
    const struct log *log = &reload->loop->log;
    uint64_t before = reload->refusal;
    reload->refusal = is_good ? 0 : hash_problems(reload);
    reload_sweep(reload);
    if (reload->is_retry && !is_good && reload->refusal == before)
        return;
    if (reload->lines >= WINDOW_LINES) {
        if (reload->untold++ == 0)
            log_tell(log, LOG_RELOAD_MANY, log_number(FIELD_SECONDS, WINDOW_MS / 1000));
        return;
    }
    reload->lines += log_problems(log, &reload->problems) + 1;
    log_tell(log, is_good ? LOG_RELOAD_DONE : LOG_RELOAD_REFUSED);
}

// --- a run ------------------------------------------------------------------------------------

// This runs on another thread, so it may touch nothing but the reload itself.
static void load(uv_work_t *work) {
    struct reload *reload = work->data;
    struct settings_source source = {
        .file = reload->file,
        .verbs = reload->verbs,
        .environment = (const char *const *)environ,
    };
    reload->settings = settings_load(&source, &reload->problems);
    tls_context_leave_thread();
}

static void on_loaded(uv_work_t *work, int status) {
    struct reload *reload = work->data;
    struct settings *settings = reload->settings;
    (void)status;
    reload->settings = NULL;
    if (reload->is_ending) {
        reload->is_running = false;
        settings_unref(settings);
        reload_cancel(reload);
        problems_deinit(&reload->problems);
        return;
    }
    reload->events->on_loaded(reload->owner, settings, &reload->problems);
}

static void reload_run(struct reload *reload, bool is_retry) {
    reload->events->on_begin(reload->owner);
    reload->is_running = true;
    reload->is_retry = is_retry;
    reload->waiting = reload->later;
    reload->later = NULL;
    reload->is_wanted_again = false;
    uv_queue_work(&reload->loop->uv, &reload->work, load, on_loaded);
}

void reload_conclude(struct reload *reload, bool is_good) {
    if (!reload->is_running)
        return;
    reload->is_running = false;
    reload->is_last_refused = !is_good;
    if (is_good)
        reload->good_s = time(NULL);
    log_outcome(reload, is_good);
    answer_all(reload, is_good);
    problems_deinit(&reload->problems);
    if (reload->is_ending) {
        reload_cancel(reload);
        return;
    }
    reload->events->on_over(reload->owner);
    if (reload->is_wanted_again)
        reload_run(reload, false);
}

void reload_start(struct reload *reload) {
    if (reload->is_running)
        reload->is_wanted_again = true;
    else
        reload_run(reload, false);
}

void reload_retry(struct reload *reload) {
    if (!reload->is_running)
        reload_run(reload, true);
}

void reload_ask(struct reload *reload, struct reload_ask *ask) {
    ask->next = reload->later;
    reload->later = ask;
    if (reload->is_ending)
        reload_cancel(reload);
    else
        reload_start(reload);
}
