#include "daemon/systemd.h"

#include <inttypes.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "protocol/mem.h"

static void on_timer(uv_timer_t *timer) {
    struct systemd *s = timer->data;
    s->on_watchdog(s->owner);
}

void systemd_init(struct systemd *s, uv_loop_t *loop, void (*on_watchdog)(void *owner),
                  void *owner) {
    uint64_t usec = 0;
    s->on_watchdog = on_watchdog;
    s->owner = owner;
    uv_timer_init(loop, &s->watchdog);
    s->watchdog.data = s;
    uv_unref((uv_handle_t *)&s->watchdog);
    if (sd_watchdog_enabled(0, &usec) > 0 && usec >= 2000)
        uv_timer_start(&s->watchdog, on_timer, 0, usec / 2000);
}

void systemd_close(struct systemd *s) { uv_close((uv_handle_t *)&s->watchdog, NULL); }

void systemd_alive(void) { sd_notify(0, "WATCHDOG=1"); }

void systemd_ready(void) { sd_notify(0, "READY=1"); }

void systemd_reloading(void) {
    struct timespec now; // by which systemd tells apart the messages of reloads (sd_notify(3))
    clock_gettime(CLOCK_MONOTONIC, &now);
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
               (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
}

void systemd_stopping(void) { sd_notify(0, "STOPPING=1"); }

void systemd_expand(struct daemon_conf *conf) {
    int count = sd_listen_fds(0);
    struct addresses old = conf->listens, list = {0};
    if (count <= 0)
        return;
    for (size_t i = 0; i < old.count; i++) {
        int copies = old.items[i].kind == ADDRESS_SYSTEMD ? count : 1;
        for (int fd = 0; fd < copies; fd++) {
            list.items = mem_grow(list.items, list.count, sizeof(*list.items));
            list.items[list.count++] = old.items[i]; // an address that is copied owns no memory
            if (old.items[i].kind == ADDRESS_SYSTEMD)
                list.items[list.count - 1].port = SD_LISTEN_FDS_START + fd;
        }
    }
    conf->listens = list;
    mem_free(old.items);
}

const char *systemd_look(struct address *address) {
    socklen_t size = sizeof(address->socket);
    if (address->port < SD_LISTEN_FDS_START)
        return "no socket was passed: is cachesd.socket running?";
    if (sd_is_socket(address->port, AF_UNSPEC, SOCK_STREAM, 1) <= 0)
        return "a socket that was passed is no listening stream socket";
    if (getsockname(address->port, (struct sockaddr *)&address->socket, &size) != 0)
        return "a socket that was passed has no address";
    return NULL;
}
