// Systemd, where the daemon is built without libsystemd: nobody is told anything, and no socket is
// passed.
#include "daemon/systemd.h"

#include "conf/address.h"
#include "conf/settings.h"

void systemd_init(struct systemd *s, uv_loop_t *loop, void (*on_watchdog)(void *owner),
                  void *owner) {
    s->on_watchdog = on_watchdog;
    s->owner = owner;
    uv_timer_init(loop, &s->watchdog);
}

void systemd_close(struct systemd *s) { uv_close((uv_handle_t *)&s->watchdog, NULL); }

void systemd_alive(void) {}

void systemd_ready(void) {}

void systemd_reloading(void) {}

void systemd_stopping(void) {}

void systemd_expand(struct settings *settings) { (void)settings; }

const char *systemd_look(struct address *address) {
    (void)address;
    return "this cachesd was built without libsystemd: name a unix: or tcp: address";
}
