#include "daemon/lookout.h"

#include "daemon/loop/log.h"
#include "daemon/loop/log_event.h"
#include "daemon/loop/loop.h"
#include "protocol/bytes.h"

// --- what the log is told ---------------------------------------------------------------------

static void append_files(const struct origins_change *change, struct bytes *text) {
    bytes_printf(text, "%s", change->file);
    if (change->count > 1)
        bytes_printf(text, " and %zu more %s", change->count - 1,
                     change->count == 2 ? "file" : "files");
    bytes_printf(text, " %s changed", change->count == 1 ? "has" : "have");
}

static void tell(const struct lookout *l, const struct origins_change *change) {
    struct bytes text = {0};
    append_files(change, &text);
    log_tell(&l->loop->log, change->ini ? LOG_CONFIG_CHANGED : LOG_FILES_CHANGED,
             log_slice(FIELD_REASON, bytes_slice(&text)), log_text(FIELD_PATH, change->ini));
    bytes_deinit(&text);
}

// Returns false when the log knows already.
static bool tell_once(struct lookout *l, const struct origins_change *change) {
    bool is_ini = change->ini;
    if (change->look == l->told && is_ini == l->is_ini_told)
        return false;
    l->told = change->look;
    l->is_ini_told = is_ini;
    tell(l, change);
    return true;
}

// --- looks ------------------------------------------------------------------------------------

// This runs on another thread.
static void look(uv_work_t *work) {
    struct lookout *l = work->data;
    l->change = origins_compare(&l->looked_at->origins);
}

static void on_looked(uv_work_t *work, int status) {
    struct lookout *l = work->data;
    struct settings *settings = l->looked_at;
    l->looked_at = NULL;
    // Other settings may be in force by now, or none: they are looked at next time.
    if (status == 0 && settings == l->settings && l->change.file) {
        bool is_told = tell_once(l, &l->change);
        if (!l->change.ini)
            l->on_due(l->owner, is_told);
    }
    settings_unref(settings);
}

void lookout_look(struct lookout *l) {
    if (!l->settings || l->looked_at || !origins_has_files(&l->settings->origins))
        return;
    l->looked_at = settings_ref(l->settings);
    if (uv_queue_work(&l->loop->uv, &l->work, look, on_looked) != 0) {
        settings_unref(l->looked_at);
        l->looked_at = NULL;
    }
}

static void on_timer(uv_timer_t *timer) { lookout_look(timer->data); }

// --- life -------------------------------------------------------------------------------------

void lookout_init(struct lookout *l, struct loop *loop, uint64_t period_ms,
                  void (*on_due)(void *owner, bool is_told), void *owner) {
    *l = (struct lookout){.loop = loop, .on_due = on_due, .owner = owner};
    uv_timer_init(&loop->uv, &l->timer);
    l->timer.data = l->work.data = l;
    uv_timer_start(&l->timer, on_timer, period_ms, period_ms);
}

void lookout_follow(struct lookout *l, struct settings *settings) {
    struct settings *before = l->settings;
    l->settings = settings_ref(settings);
    l->told = 0;
    settings_unref(before);
}

void lookout_close(struct lookout *l) {
    uv_close((uv_handle_t *)&l->timer, NULL);
    settings_unref(l->settings);
    l->settings = NULL;
}
