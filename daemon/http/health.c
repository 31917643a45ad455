#include "daemon/http/health.h"

#include <inttypes.h>

#include "conf/sections.h"
#include "daemon/admin/totals.h"
#include "daemon/daemon.h"
#include "daemon/http/desk.h"

// How long a loop may take for one turn. It is much more than a loop ever takes, since others may
// end the daemon when it is exceeded.
enum { TURN_MS = 3000 };

bool health_lives(struct daemon *daemon, struct bytes *text) {
    uint64_t now_ms = desk_now();
    for (size_t i = 0; i < WORKERS_MOST; i++) {
        uint64_t turned_ms = daemon->workers.shared.turned_ms[i];
        if (turned_ms == 0 || now_ms < turned_ms + TURN_MS)
            continue;
        bytes_printf(text, "worker %zu hangs: its loop has not turned for %" PRIu64 " s", i,
                     (now_ms - turned_ms) / 1000);
        return false;
    }
    bytes_append_literal(text, "alive: the loops of all workers turn");
    return true;
}

static void append_backends(struct bytes *text, const struct totals *t) {
    size_t count = 0;
    for (size_t i = 0; i < t->settings->backend_count; i++) {
        const char *state = totals_state(&t->backends[i]);
        if (strcmp(state, "up") == 0)
            continue;
        bytes_printf(text, "%s%s is %s", count++ == 0 ? "; of its backends, " : ", ",
                     t->settings->backends[i].name, state);
    }
}

bool health_is_ready(struct daemon *daemon, const struct totals *totals, struct bytes *text) {
    switch ((enum daemon_phase)daemon->phase) {
    case DAEMON_STARTING:
        bytes_append_literal(text, "starting: clients are let in when the backends have settled");
        return false;
    case DAEMON_ENDING:
        bytes_append_literal(text,
                             "draining: requests under way are answered, no client is let in");
        return false;
    case DAEMON_ACCEPTING: break;
    }
    bytes_append_literal(text, "ready: clients are let in");
    if (totals)
        append_backends(text, totals);
    return true;
}
