// Systemd: the states that systemd is told, its watchdog, and the sockets that it passes, over
// libsystemd. Without systemd every call does nothing.
#pragma once

#include <uv.h>

#include "conf/address.h"
#include "conf/sections.h"

struct systemd {
    uv_timer_t watchdog; // at half of $WATCHDOG_USEC: where a loop hangs, all is restarted
    // The owner is to find out whether all loops turn, and then to call systemd_alive().
    void (*on_watchdog)(void *owner);
    void *owner;
};

void systemd_init(struct systemd *s, uv_loop_t *loop, void (*on_watchdog)(void *owner),
                  void *owner);
void systemd_close(struct systemd *s);

void systemd_alive(void);
void systemd_ready(void);
void systemd_reloading(void);
void systemd_stopping(void);

// Puts an address for each socket that was passed in the place of `listen = systemd`; that stays
// when none was. `port` is the descriptor then.
void systemd_expand(struct daemon_conf *conf);

// Puts the kind of a passed socket, and where it is bound, into address->socket. Returns NULL, or
// why the socket is of no use.
const char *systemd_look(struct address *address) __attribute__((warn_unused_result));
