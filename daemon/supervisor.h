// Supervisor: what systemd is told, and given by it, over libsystemd: states, watchdog, sockets.
// Without systemd every call does nothing.
#pragma once

#include <uv.h>

#include "settings.h"

struct crew;

struct supervisor {
    uv_timer_t watchdog; // at half of $WATCHDOG_USEC: where a loop hangs, all is restarted
};

void supervisor_init(struct supervisor *s, uv_loop_t *loop, struct crew *crew);
void supervisor_close(struct supervisor *s);

void supervisor_ready(void);
void supervisor_reloading(void);
void supervisor_stopping(void);

// Puts an address for each socket that was passed in the place of `listen = systemd`; that stays
// when none was. `port` is the descriptor then.
void supervisor_expand(struct daemon_conf *conf);

// Puts the kind of a passed socket, and where it is bound, into address->socket. NULL, or why it is
// of no use.
const char *supervisor_look(struct address *address);
