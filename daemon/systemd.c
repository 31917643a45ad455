#include "daemon/systemd.h"

#include <inttypes.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "conf/sections.h"
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

static bool has_systemd(const struct addresses *listens) {
    for (size_t i = 0; i < listens->count; i++)
        if (listens->items[i].kind == ADDRESS_SYSTEMD)
            return true;
    return false;
}

// Returns the number of the list of addresses that the socket of that name is for.
static size_t find_list(const struct settings *settings, const char *name) {
    for (size_t i = 1; i < settings_listens_count(settings); i++)
        if (strcmp(settings_listener(settings, i)->name, name) == 0 &&
            has_systemd(settings_listens(settings, i)))
            return i;
    return 0;
}

static void add(struct addresses *list, const struct address *address, int port) {
    list->items = mem_grow(list->items, list->count, sizeof(*list->items));
    list->items[list->count] = *address; // an address that is copied owns no memory
    list->items[list->count++].port = port;
}

// Replaces `listen = systemd` in the list of that number.
static void expand_list(struct settings *settings, size_t number, char *const *names, int count) {
    struct addresses *listens = settings_listens(settings, number);
    struct addresses old = *listens, list = {0};
    for (size_t i = 0; i < old.count; i++) {
        const struct address *address = &old.items[i];
        size_t before = list.count;
        for (int fd = 0; address->kind == ADDRESS_SYSTEMD && fd < count; fd++)
            if (find_list(settings, names[fd]) == number)
                add(&list, address, SD_LISTEN_FDS_START + fd);
        if (list.count == before)
            add(&list, address, address->port);
    }
    *listens = list;
    mem_free(old.items);
}

void systemd_expand(struct settings *settings) {
    char **names = NULL;
    int count = sd_listen_fds_with_names(0, &names);
    for (size_t i = 0; count > 0 && i < settings_listens_count(settings); i++)
        expand_list(settings, i, names, count);
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
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
