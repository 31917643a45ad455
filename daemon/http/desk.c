#include "daemon/http/desk.h"

#include <microhttpd.h>

#include "daemon/daemon.h"
#include "daemon/loop/loop.h"
#include "daemon/worker.h"
#include "daemon/workers.h"

// How many requests may wait at once: fewer than connections, so that health is told even when
// waits do not end.
enum { MOST_WAITING = 16 };

void desk_init(struct desk *desk) {
    *desk = (struct desk){0};
    uv_mutex_init(&desk->lock);
    uv_mutex_init(&desk->history_lock);
}

void desk_deinit(struct desk *desk) {
    settings_unref(desk->settings);
    uv_mutex_destroy(&desk->lock);
    uv_mutex_destroy(&desk->history_lock);
}

uint64_t desk_now(void) { return uv_hrtime() / 1000000; }

// --- settings ---------------------------------------------------------------------------------

void desk_put(struct desk *desk, struct settings *settings, const struct log *log) {
    uv_mutex_lock(&desk->lock);
    struct settings *old = desk->settings;
    desk->settings = settings_ref(settings);
    desk->log = *log;
    uv_mutex_unlock(&desk->lock);
    settings_unref(old);
}

struct settings *desk_settings(struct desk *desk) {
    uv_mutex_lock(&desk->lock);
    struct settings *settings = desk->settings ? settings_ref(desk->settings) : NULL;
    uv_mutex_unlock(&desk->lock);
    return settings;
}

struct log desk_log(struct desk *desk) {
    uv_mutex_lock(&desk->lock);
    struct log log = desk->log;
    uv_mutex_unlock(&desk->lock);
    return log;
}

// --- waits ------------------------------------------------------------------------------------

// The functions that end waits hold the lock.
static void end_wait(struct desk *desk, struct guest **at, enum wait_end end, struct facts *facts) {
    struct guest *guest = *at;
    *at = guest->next;
    desk->waiting_count--;
    guest->end = end;
    guest->facts = facts;
    MHD_resume_connection(guest->connection);
}

static void end_overdue(struct desk *desk, uint64_t now_ms) {
    struct guest **at = &desk->waiting;
    while (*at) {
        if ((*at)->until_ms <= now_ms)
            end_wait(desk, at, WAIT_TIME_OVER, NULL);
        else
            at = &(*at)->next;
    }
}

static struct guest **find(struct desk *desk, uint64_t id) {
    struct guest **at = &desk->waiting;
    while (*at && (*at)->id != id)
        at = &(*at)->next;
    return at;
}

// Waits whose time is over are ended here too: when the main thread hangs, nobody else ends them.
bool desk_wait(struct desk *desk, struct guest *guest, uint64_t until_ms) {
    uv_mutex_lock(&desk->lock);
    end_overdue(desk, desk_now());
    bool may_wait = !guest->door->is_shut && desk->waiting_count < MOST_WAITING;
    if (may_wait) {
        guest->id = ++desk->last_id;
        guest->until_ms = until_ms;
        guest->next = desk->waiting;
        desk->waiting = guest;
        desk->waiting_count++;
        MHD_suspend_connection(guest->connection);
    }
    uv_mutex_unlock(&desk->lock);
    return may_wait;
}

bool desk_finish(struct desk *desk, uint64_t id, struct facts *facts) {
    uv_mutex_lock(&desk->lock);
    struct guest **at = find(desk, id);
    bool is_waiting = *at;
    if (is_waiting)
        end_wait(desk, at, WAIT_FINISHED, facts);
    uv_mutex_unlock(&desk->lock);
    return is_waiting;
}

bool desk_is_waiting(struct desk *desk, uint64_t id) {
    uv_mutex_lock(&desk->lock);
    bool is_waiting = *find(desk, id);
    uv_mutex_unlock(&desk->lock);
    return is_waiting;
}

void desk_shut(struct desk *desk, struct door *door) {
    uv_mutex_lock(&desk->lock);
    struct guest **at = &desk->waiting;
    door->is_shut = true;
    while (*at) {
        if ((*at)->door == door)
            end_wait(desk, at, WAIT_DOOR_SHUT, NULL);
        else
            at = &(*at)->next;
    }
    uv_mutex_unlock(&desk->lock);
}

// --- the main thread --------------------------------------------------------------------------

static void on_turn(uv_timer_t *timer) { desk_look(timer->data); }

void desk_look(struct desk *desk) {
    uint64_t now_ms = desk_now(), next_ms = UINT64_MAX;
    if (!desk->is_open)
        return;
    uv_mutex_lock(&desk->lock);
    end_overdue(desk, now_ms);
    for (const struct guest *guest = desk->waiting; guest; guest = guest->next)
        next_ms = loop_earlier(next_ms, guest->until_ms);
    uv_mutex_unlock(&desk->lock);
    if (next_ms == UINT64_MAX)
        uv_timer_stop(&desk->turn);
    else
        uv_timer_start(&desk->turn, on_turn, next_ms - now_ms, 0);
}

void desk_open(struct desk *desk, struct daemon *daemon) {
    struct worker *main = daemon->workers.all[0];
    if (desk->is_open)
        return;
    desk->daemon = daemon;
    desk->is_open = true;
    desk->turn.data = desk;
    uv_timer_init(&main->context.loop.uv, &desk->turn);
    worker_open_mailbox(main);
}

void desk_close(struct desk *desk) {
    if (desk->is_open)
        uv_close((uv_handle_t *)&desk->turn, NULL);
    desk->is_open = false;
}

bool desk_post(struct desk *desk, struct message *message) {
    return mailbox_post(&desk->daemon->workers.all[0]->mailbox, message);
}
