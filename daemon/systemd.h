// Systemd: tells systemd the daemon's state, serves its watchdog, and takes the sockets that it
// passes, by means of libsystemd. Without systemd no call has an effect.
#pragma once

#include <uv.h>

#include "conf/address.h"
#include "conf/settings.h"

struct systemd {
    uv_timer_t watchdog; // every half of $WATCHDOG_USEC: systemd restarts a daemon that hangs
    // The owner finds out whether all loops turn, and then calls systemd_alive().
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

// Replaces `listen = systemd` by an address for each socket that was passed for the section; the
// `port` of such an address is the descriptor. Those for [listener NAME] have that name in their
// unit (FileDescriptorName=); [cachesd] has the others. Changes nothing when there is no socket.
void systemd_expand(struct settings *settings);

// Puts the kind of a passed socket, and the address that it is bound to, into address->socket.
// Returns NULL, or a text that says why the socket can't be used.
const char *systemd_look(struct address *address) __attribute__((warn_unused_result));
